#include "common/bus/bus_poll.h"

#include <errno.h>
#include <zmq.h>

int bus_poll_events(void *raw) {
    int events = 0;
    size_t size = sizeof events;
    while (zmq_getsockopt(raw, ZMQ_EVENTS, &events, &size) < 0 && errno == EINTR) {
    }
    return events;
}

zp_error bus_poll_open(uv_poll_t *handle, uv_loop_t *loop, void *raw) {
    int fd = -1;
    size_t size = sizeof fd;
    bool opened = zmq_getsockopt(raw, ZMQ_FD, &fd, &size) == 0 && uv_poll_init(loop, handle, fd) == 0;
    return opened ? ZP_OK : ZP_SYSTEM;
}

/* A read that finds nothing may have been interrupted: ZMQ_EVENTS says whether the socket is empty. */
static void read_all(bus_poll *self) {
    do {
        while (self->read_one(self->context)) {
        }
    } while (bus_poll_events(self->raw) & ZMQ_POLLIN);
}

static void on_edge(uv_poll_t *handle, int status, int events) {
    (void)status; /* an error of the descriptor would be libzmq's: ZMQ_EVENTS tells what is true */
    (void)events;
    read_all(handle->data);
}

zp_error bus_poll_begin(bus_poll *self, uv_loop_t *loop, void *raw, bus_poll_read_fn *read_one,
                        void *context) {
    *self = (bus_poll){.raw = raw, .read_one = read_one, .context = context};
    if (bus_poll_open(&self->handle, loop, raw) != ZP_OK) {
        return ZP_SYSTEM;
    }
    self->handle.data = self;
    uv_poll_start(&self->handle, UV_READABLE, on_edge);
    read_all(self);
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    bus_poll *self = handle->data;
    self->on_ended(self->context);
}

void bus_poll_end(bus_poll *self, void (*on_ended)(void *context)) {
    self->on_ended = on_ended;
    uv_close((uv_handle_t *)&self->handle, on_closed);
}
