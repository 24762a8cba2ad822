/* bus_comeback - has a socket that connects come again to a host that refused it. libzmq gives such a
 * connection up for ever, but a certificate may still come, be put right, or be changed. Once a second, with
 * the keys as they are then. Owns: a bus_monitor, a timer, a list of endpoints. Threads: the loop's. */
#ifndef ZP_BUS_BUS_COMEBACK_H
#define ZP_BUS_BUS_COMEBACK_H

#include "common/bus/bus_socket.h"

typedef struct bus_comeback bus_comeback_t;

/* Disconnect from `endpoint`, and connect again. It may not destroy the comeback. */
typedef void bus_reconnect_fn(void *context, const char *endpoint);

/* `raw`: of libzmq, before it connects; it gets its keys here. `bus` has keys. ZP_NOT_FOUND: the certificate
 * of `host` is gone (logged). ZP_SYSTEM: logged. */
ZP_MUST_CHECK zp_error bus_comeback_new(bus_comeback_t **ret_comeback, const bus_context *bus, void *raw,
                                        process_kind host, bus_reconnect_fn *reconnect, void *context);
/* Before `raw` is closed; safe with NULL inside. */
void bus_comeback_destroy(bus_comeback_t **comeback);

/* Before the socket connects there; repeating it is harmless. ZP_NO_MEMORY. */
ZP_MUST_CHECK zp_error bus_comeback_add(bus_comeback_t *comeback, const char *endpoint);
void bus_comeback_remove(bus_comeback_t *comeback, const char *endpoint);

#endif
