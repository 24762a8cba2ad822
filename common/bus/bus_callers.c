#include "common/bus/bus_callers.h"
#include "common/bus/bus_door.h"
#include "common/bus/bus_monitor.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <zmq.h>

/* Beside libzmq's ZMQ_PROTOCOL_ERROR_*: it hung up in the middle. Who does so because we have CURVE and it
 * has not, or because we are not who it thinks, may be faster than we are. */
enum { GAVE_UP = 1 };

/* How many connections back an address is remembered: whoever fails does so right after coming. */
enum { CALLERS_KEPT = 64, ADDRESS_BYTES = INET6_ADDRSTRLEN };

typedef struct caller {
    int fd;
    char address[ADDRESS_BYTES];
} caller;

struct bus_callers {
    bus_door_t *door;
    bus_monitor_t *monitor;
    caller last[CALLERS_KEPT];
    size_t callers_count;
    uint32_t failure; /* told, and whose it was comes with the next event; 0: none */
};

static void keep_address(bus_callers_t *callers, int fd) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    caller *kept = &callers->last[callers->callers_count++ % CALLERS_KEPT];
    *kept = (caller){.fd = fd, .address = "unknown"};
    char address[ADDRESS_BYTES];
    if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
        getnameinfo((struct sockaddr *)&peer, size, address, sizeof address, NULL, 0, NI_NUMERICHOST) == 0) {
        memcpy(kept->address, address, sizeof address);
    }
}

static const char *address_of(const bus_callers_t *callers, int fd) {
    size_t kept = callers->callers_count < CALLERS_KEPT ? callers->callers_count : CALLERS_KEPT;
    for (size_t back = 1; back <= kept; back++) {
        const caller *at = &callers->last[(callers->callers_count - back) % CALLERS_KEPT];
        if (at->fd == fd) {
            return at->address;
        }
    }
    return "unknown";
}

static const char *word_of(uint32_t failure) {
    switch (failure) {
    case ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH:
        return "no_curve";
    case ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
        return "other_server_key";
    case GAVE_UP:
        return "gave_up";
    default:
        return "broken";
    }
}

static void tell_failure(bus_callers_t *callers, const char *address) {
    if (callers->failure) {
        bus_door_refused(callers->door, BUS_REFUSED_HANDSHAKE, address,
                         str_view_of(word_of(callers->failure)));
        callers->failure = 0;
    }
}

/* libzmq ends a connection right after it has said that its handshake failed, from the same thread: so whose
 * failure it was is told by the event behind it. */
static void on_event(void *context, uint16_t event, uint32_t value, const char *endpoint) {
    (void)endpoint;
    bus_callers_t *callers = context;
    switch (event) {
    case ZMQ_EVENT_ACCEPTED:
        keep_address(callers, (int)value);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        tell_failure(callers, "unknown");
        callers->failure = event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ? value : GAVE_UP;
        break;
    case ZMQ_EVENT_DISCONNECTED:
        tell_failure(callers, address_of(callers, (int)value));
        break;
    default:
        break;
    }
}

zp_error bus_callers_new(bus_callers_t **ret_callers, const bus_context *bus, void *raw) {
    bus_callers_t *callers = calloc(1, sizeof *callers);
    if (!callers) {
        return ZP_NO_MEMORY;
    }
    callers->door = bus->door;
    const int events = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                       ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_DISCONNECTED;
    zp_error error = bus_monitor_new(&callers->monitor, bus, raw, events, on_event, callers);
    if (error) {
        free(callers);
        return error;
    }
    *ret_callers = callers;
    return ZP_OK;
}

void bus_callers_destroy(bus_callers_t **callers) {
    if (*callers) {
        bus_monitor_destroy(&(*callers)->monitor);
        free(*callers);
        *callers = NULL;
    }
}
