/* address_list - a list of IP addresses and networks from a setting: 127.0.0.1, 10.0.0.0/8, ::1, fd00::/8,
 * separated by commas. IPv4 in IPv6 (::ffff:a.b.c.d) is IPv4. Owns: nothing. Threads: none. */
#ifndef ZP_BASE_ADDRESS_LIST_H
#define ZP_BASE_ADDRESS_LIST_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDRESS_LIST_MAX = 64, IP_BYTES = 16, IP_TEXT_BYTES = 46 };

/* IPv6, or IPv4 as IPv6 has it. */
typedef struct ip_address {
    uint8_t bytes[IP_BYTES];
} ip_address;

/* False: neither IPv4 nor IPv6. */
bool ip_address_of(const struct sockaddr *address, ip_address *ret_address);
/* "127.0.0.1", "::1"; nothing around it. False: it is none. */
bool ip_address_parse(str_view text, ip_address *ret_address);

bool ip_address_is_ipv4(const ip_address *address);

/* "127.0.0.1", "::1", in `out`. */
const char *ip_address_text(const ip_address *address, char out[IP_TEXT_BYTES]);

typedef struct address_list {
    struct {
        ip_address address;
        unsigned bits; /* of it that count */
    } networks[ADDRESS_LIST_MAX];
    size_t count;
} address_list;

/* An empty text is an empty list. ZP_INVALID: an item is none, or there are more than ADDRESS_LIST_MAX. */
ZP_MUST_CHECK zp_error address_list_parse(const char *text, address_list *ret_list);
bool address_list_has(const address_list *list, const ip_address *address);

#endif
