/* bus_callers - tells the door of those who come to one bound socket and fail before there is a key to ask
 * about: a peer without CURVE, or one that takes this process for another. libzmq tells of those by events
 * only, and names a descriptor, not an address; that is looked up as soon as the connection is heard of, and
 * is "unknown" where it had gone by then. Owns: a bus_monitor. Threads: the loop's. */
#ifndef ZP_BUS_BUS_CALLERS_H
#define ZP_BUS_BUS_CALLERS_H

#include "common/bus/bus_socket.h"

typedef struct bus_callers bus_callers_t;

/* `raw`: of libzmq, before it binds. `bus` has a door. ZP_SYSTEM: logged. */
ZP_MUST_CHECK zp_error bus_callers_new(bus_callers_t **ret_callers, const bus_context *bus, void *raw);
/* Before `raw` is closed; safe with NULL inside. */
void bus_callers_destroy(bus_callers_t **callers);

#endif
