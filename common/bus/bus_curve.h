/* bus_curve - CURVE for one socket of libzmq, as the keys of its process have it.
 * Owns: nothing. Threads: the loop's. */
#ifndef ZP_BUS_BUS_CURVE_H
#define ZP_BUS_BUS_CURVE_H

#include "common/bus/bus_keys.h"
#include "common/bus/bus_socket.h"
#include <zmq.h>

/* Before `raw` binds: the door is asked about everybody who comes. ZP_SYSTEM: libzmq refused. */
ZP_MUST_CHECK zp_error bus_curve_host(const bus_context *bus, void *raw, bus_socket_kind kind);

/* Before `raw` connects: it is who we are, and takes nobody else for `host`, whose key goes to
 * `ret_host_key`. ZP_NOT_FOUND: the certificate of `host` is gone (logged). ZP_SYSTEM: libzmq refused. */
ZP_MUST_CHECK zp_error bus_curve_come(const bus_context *bus, void *raw, process_kind host,
                                      uint8_t ret_host_key[BUS_KEY_BYTES]);

/* Whether `host` has another certificate by now. */
bool bus_curve_has_changed(const bus_context *bus, process_kind host, const uint8_t host_key[BUS_KEY_BYTES]);

/* Whether the peer of our ROUTER that this frame, a tag, came from may say it; where not, that is counted and
 * logged. */
bool bus_curve_may_say(const bus_context *bus, zmq_msg_t *tag);

#endif
