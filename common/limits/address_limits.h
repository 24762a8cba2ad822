/* address_limits - what one address may have of a server: so much a second (an edge's handshakes, the HTTP
 * API's requests), so many sockets at once. An address is what one client cannot choose freely: an IPv4
 * address, or the /64 of an IPv6 one. Behind a gateway it is the gateway's. Owns: what is remembered of each
 * address: of one with sockets as long as it has them; of others until a second without limit has passed,
 * idle_max of them at most, beyond which the one that was longest unheard is forgotten (its bucket is full
 * again). Time: monotonic ms, always passed in. Cost: O(1). Threads: none. */
#ifndef ZP_LIMITS_ADDRESS_LIMITS_H
#define ZP_LIMITS_ADDRESS_LIMITS_H

#include "common/base/address_list.h"
#include "common/base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv6 address' first 64 bits; of an IPv4 address ::ffff:a.b.c.d without its leading 64 bits, which no
 * IPv6 host can have for its own (RFC 4291 2.4: 0000::/8 is reserved). */
typedef uint64_t client_network;

/* IPv4 in IPv6 (::ffff:a.b.c.d) is IPv4. Any other family is 0. */
client_network client_network_of(const struct sockaddr *address);
client_network client_network_of_ip(const ip_address *address);

/* "10.0.0.7", "2001:db8::/64", in `out`. */
enum { NETWORK_TEXT_BYTES = IP_TEXT_BYTES + sizeof "/64" };
const char *client_network_text(client_network network, char out[NETWORK_TEXT_BYTES]);

typedef struct address_limits address_limits_t;
typedef struct limited_address limited_address_t; /* one address that has sockets */

/* Either limit 0: none. NULL: out of memory. */
address_limits_t *address_limits_new(uint32_t per_second, size_t sockets_max, size_t idle_max);
/* Every address must have left. */
void address_limits_destroy(address_limits_t **limits);

/* One more of what is counted by the second; false: one too many. Where memory is out nobody is refused for
 * it. */
bool address_limits_take(address_limits_t *limits, client_network from, uint64_t now_ms);

/* Whether one more socket may be opened from there. */
bool address_limits_has_room(const address_limits_t *limits, client_network from);
/* One more socket is open: to be given to address_limits_leave once it is gone. NULL: sockets are not
 * limited, or memory is out, and it does not count. */
limited_address_t *address_limits_enter(address_limits_t *limits, client_network from, uint64_t now_ms);
void address_limits_leave(address_limits_t *limits, limited_address_t *address, uint64_t now_ms);

size_t address_limits_count(const address_limits_t *limits); /* addresses remembered */
/* Addresses forgotten before their time, so far, because idle_max was reached. */
uint64_t address_limits_forgotten_count(const address_limits_t *limits);

#endif
