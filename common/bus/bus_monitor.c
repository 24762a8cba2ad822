#include "common/bus/bus_monitor.h"
#include "common/bus/bus_poll.h"
#include "common/log/log.h"
#include <czmq.h>
#include <stdlib.h>

enum { NAME_BYTES = 64, ENDPOINT_BYTES = 256 };

struct bus_monitor {
    void *watched, *raw; /* raw: PAIR */
    bus_poll poll;
    bus_monitor_fn *on_event;
    void *context;
};

/* A message is [number and value] [endpoint]. */
static bool read_event(void *context) {
    bus_monitor_t *monitor = context;
    uint8_t head[sizeof(uint16_t) + sizeof(uint32_t)];
    char endpoint[ENDPOINT_BYTES] = "";
    if (zmq_recv(monitor->raw, head, sizeof head, ZMQ_DONTWAIT) < 0 ||
        zmq_recv(monitor->raw, endpoint, sizeof endpoint - 1, ZMQ_DONTWAIT) < 0) {
        return false;
    }
    uint16_t event;
    uint32_t value;
    memcpy(&event, head, sizeof event);
    memcpy(&value, head + sizeof event, sizeof value);
    monitor->on_event(monitor->context, event, value, endpoint);
    return true;
}

static bool watch(bus_monitor_t *monitor, uv_loop_t *loop, int events) {
    static uint64_t monitors_count; /* an inproc endpoint is the process's */
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof name, "inproc://bus-monitor-%" PRIu64, ++monitors_count);
    /* Without a high-water mark: libzmq's own thread would wait for us, and we, closing, for it. */
    const int unlimited = 0;
    return zmq_setsockopt(monitor->raw, ZMQ_RCVHWM, &unlimited, sizeof unlimited) == 0 &&
           zmq_socket_monitor(monitor->watched, name, events) == 0 && zmq_connect(monitor->raw, name) == 0 &&
           bus_poll_begin(&monitor->poll, loop, monitor->raw, read_event, monitor) == ZP_OK;
}

zp_error bus_monitor_new(bus_monitor_t **ret_monitor, const bus_context *bus, void *raw, int events,
                         bus_monitor_fn *on_event, void *context) {
    bus_monitor_t *monitor = calloc(1, sizeof *monitor);
    if (!monitor) {
        return ZP_NO_MEMORY;
    }
    *monitor = (bus_monitor_t){.watched = raw, .on_event = on_event, .context = context};
    monitor->raw = zsys_socket(ZMQ_PAIR, __FILE__, __LINE__);
    if (!monitor->raw || !watch(monitor, bus->loop, events)) {
        log_error("bus.no_monitor", "reason=\"%s\"", zmq_strerror(zmq_errno()));
        (void)zmq_socket_monitor(raw, NULL, 0);
        if (monitor->raw) {
            zsys_close(monitor->raw, __FILE__, __LINE__);
        }
        free(monitor);
        return ZP_SYSTEM;
    }
    *ret_monitor = monitor;
    return ZP_OK;
}

void bus_monitor_destroy(bus_monitor_t **monitor_ref) {
    bus_monitor_t *monitor = *monitor_ref;
    if (!monitor) {
        return;
    }
    *monitor_ref = NULL;
    (void)zmq_socket_monitor(monitor->watched, NULL, 0);
    bus_poll_end(&monitor->poll, free);
    zsys_close(monitor->raw, __FILE__, __LINE__);
}
