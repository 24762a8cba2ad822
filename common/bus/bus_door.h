/* bus_door - who may come in: answers libzmq's question (ZAP, ZeroMQ RFC 27) whether the owner of a key may
 * connect to a ROUTER or PUB of this process, by bus_keys and bus_arrows, and counts and logs whom the bus
 * refuses, for every reason (zpresence_bus_refused_total, one line a second for each). Owns: the ZAP socket,
 * of which a process has one. Threads: the loop's. */
#ifndef ZP_BUS_BUS_DOOR_H
#define ZP_BUS_BUS_DOOR_H

#include "common/bus/bus_socket.h"

typedef struct bus_door bus_door_t;

/* The ZAP domain of a socket says what it is. */
#define BUS_DOMAIN_ROUTER "router"
#define BUS_DOMAIN_PUB "pub"

typedef enum bus_refusal {
    BUS_REFUSED_KEY,       /* nobody's */
    BUS_REFUSED_KIND,      /* of a kind that may not connect there */
    BUS_REFUSED_ARROW,     /* of a kind that may not say that */
    BUS_REFUSED_HANDSHAKE, /* no CURVE, or one that takes us for somebody else */
    BUS_REFUSALS_COUNT
} bus_refusal;

/* Before the first socket that binds. `bus` has keys. ZP_SYSTEM: logged. */
ZP_MUST_CHECK zp_error bus_door_new(bus_door_t **ret_door, const bus_context *bus);
/* After the last one; before the loop ends; safe with NULL inside. */
void bus_door_destroy(bus_door_t **door);

/* `address` and `detail` are of a stranger: escaped here. */
void bus_door_refused(bus_door_t *door, bus_refusal why, const char *address, str_view detail);

#endif
