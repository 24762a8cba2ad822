/* bus_monitor - libzmq's events of one socket, on the loop. Owns: its socket and handle. Threads: the loop's.
 */
#ifndef ZP_BUS_BUS_MONITOR_H
#define ZP_BUS_BUS_MONITOR_H

#include "common/bus/bus_socket.h"

typedef struct bus_monitor bus_monitor_t;

/* `event` is one ZMQ_EVENT_*, `value` as zmq_socket_monitor(3) has it for that; `endpoint` is our own of a
 * socket that binds, else the other's, and lives until this returns. It may not destroy the monitor. */
typedef void bus_monitor_fn(void *context, uint16_t event, uint32_t value, const char *endpoint);

/* `raw`: of libzmq, before it binds or connects. `events`: ZMQ_EVENT_*, or-ed. ZP_SYSTEM: logged. */
ZP_MUST_CHECK zp_error bus_monitor_new(bus_monitor_t **ret_monitor, const bus_context *bus, void *raw,
                                       int events, bus_monitor_fn *on_event, void *context);
/* Before `raw` is closed; safe with NULL inside. */
void bus_monitor_destroy(bus_monitor_t **monitor);

#endif
