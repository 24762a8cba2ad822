/* bus_poll - a ZeroMQ socket of this process's own on a libuv loop: libzmq's monitor, its ZAP. ZMQ_FD tells
 * edges, and only who has found the socket empty is told of what comes next; so it is read until it is, at
 * once and with every edge. bus_socket, which shares the loop with others fairly and also sends, has a turn
 * of its own and asks bus_poll_events. Owns: nothing. Borrows: loop, socket, context. Threads: the loop's. */
#ifndef ZP_BUS_POLL_H
#define ZP_BUS_POLL_H

#include "common/base/error.h"
#include <stdbool.h>
#include <uv.h>

/* Reads one message. False: nothing was there. */
typedef bool bus_poll_read_fn(void *context);

typedef struct bus_poll {
    uv_poll_t handle;
    void *raw;
    bus_poll_read_fn *read_one;
    void *context;
    void (*on_ended)(void *context);
} bus_poll;

/* What libzmq says is possible now: ZMQ_POLLIN, ZMQ_POLLOUT. */
int bus_poll_events(void *raw);

/* Puts ZMQ_FD of `raw` into `handle`, not yet started. ZP_SYSTEM: libzmq or the loop does not want to. */
ZP_MUST_CHECK zp_error bus_poll_open(uv_poll_t *handle, uv_loop_t *loop, void *raw);

/* Opens and begins to read. */
ZP_MUST_CHECK zp_error bus_poll_begin(bus_poll *self, uv_loop_t *loop, void *raw, bus_poll_read_fn *read_one,
                                      void *context);
/* The loop lets go of the descriptor; the socket may be closed. `on_ended` comes once self's memory may go.
 */
void bus_poll_end(bus_poll *self, void (*on_ended)(void *context));

#endif
