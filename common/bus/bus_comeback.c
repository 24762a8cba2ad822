#include "common/bus/bus_comeback.h"
#include "common/bus/bus_curve.h"
#include "common/bus/bus_monitor.h"
#include "common/log/log.h"
#include <stdlib.h>
#include <zmq.h>

enum { COMEBACK_MS = 1000 };

typedef struct place {
    struct place *next;
    bool refused;
    char endpoint[];
} place_t;

struct bus_comeback {
    bus_context bus;
    void *raw;
    process_kind host;
    uint8_t host_key[BUS_KEY_BYTES];
    bus_reconnect_fn *reconnect;
    void *context;
    bus_monitor_t *monitor;
    uv_timer_t timer;
    place_t *places;
};

static void on_timer(uv_timer_t *timer) {
    bus_comeback_t *comeback = timer->data;
    if (bus_curve_come(&comeback->bus, comeback->raw, comeback->host, comeback->host_key) != ZP_OK) {
        uv_timer_start(timer, on_timer, COMEBACK_MS, 0);
        return;
    }
    for (place_t *place = comeback->places; place; place = place->next) {
        if (place->refused) {
            place->refused = false;
            comeback->reconnect(comeback->context, place->endpoint);
        }
    }
}

/* libzmq may name an endpoint as it resolved it: one that is not known stands for all. */
static void note_refusal(bus_comeback_t *comeback, const char *endpoint) {
    bool known = false;
    for (place_t *place = comeback->places; place; place = place->next) {
        if (strcmp(place->endpoint, endpoint) == 0) {
            known = place->refused = true;
        }
    }
    for (place_t *place = comeback->places; place && !known; place = place->next) {
        place->refused = true;
    }
}

static const char *reason_of(uint16_t event, uint32_t value) {
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return "our_key";
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return "it_has_another_key";
    default:
        return value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? "it_has_no_curve" : "broken";
    }
}

static void on_event(void *context, uint16_t event, uint32_t value, const char *endpoint) {
    bus_comeback_t *comeback = context;
    /* A host that cannot read what was meant for its old key hangs up without a word, as one that ends does;
     * libzmq itself comes again then, but with the same key. */
    bool hung_up = event == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    if (hung_up && !bus_curve_has_changed(&comeback->bus, comeback->host, comeback->host_key)) {
        return;
    }
    note_refusal(comeback, endpoint);
    if (!uv_is_active((uv_handle_t *)&comeback->timer)) {
        uv_timer_start(&comeback->timer, on_timer, COMEBACK_MS, 0);
        log_warn("bus.refused_by_host", "endpoint=%s kind=%s reason=%s", endpoint,
                 process_kind_name(comeback->host), reason_of(event, value));
    }
}

zp_error bus_comeback_new(bus_comeback_t **ret_comeback, const bus_context *bus, void *raw, process_kind host,
                          bus_reconnect_fn *reconnect, void *context) {
    bus_comeback_t *comeback = calloc(1, sizeof *comeback);
    if (!comeback) {
        return ZP_NO_MEMORY;
    }
    *comeback =
        (bus_comeback_t){.bus = *bus, .raw = raw, .host = host, .reconnect = reconnect, .context = context};
    const int events = ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                       ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;
    zp_error error = bus_curve_come(bus, raw, host, comeback->host_key);
    if (!error) {
        error = bus_monitor_new(&comeback->monitor, bus, raw, events, on_event, comeback);
    }
    if (error) {
        free(comeback);
        return error;
    }
    uv_timer_init(bus->loop, &comeback->timer);
    comeback->timer.data = comeback;
    *ret_comeback = comeback;
    return ZP_OK;
}

static void free_comeback(uv_handle_t *timer) {
    bus_comeback_t *comeback = timer->data;
    while (comeback->places) {
        place_t *place = comeback->places;
        comeback->places = place->next;
        free(place);
    }
    free(comeback);
}

void bus_comeback_destroy(bus_comeback_t **comeback_ref) {
    bus_comeback_t *comeback = *comeback_ref;
    if (!comeback) {
        return;
    }
    *comeback_ref = NULL;
    bus_monitor_destroy(&comeback->monitor);
    uv_close((uv_handle_t *)&comeback->timer, free_comeback);
}

zp_error bus_comeback_add(bus_comeback_t *comeback, const char *endpoint) {
    for (place_t *place = comeback->places; place; place = place->next) {
        if (strcmp(place->endpoint, endpoint) == 0) {
            return ZP_OK;
        }
    }
    size_t bytes = strlen(endpoint) + 1;
    place_t *place = calloc(1, sizeof *place + bytes);
    if (!place) {
        return ZP_NO_MEMORY;
    }
    memcpy(place->endpoint, endpoint, bytes);
    place->next = comeback->places;
    comeback->places = place;
    return ZP_OK;
}

void bus_comeback_remove(bus_comeback_t *comeback, const char *endpoint) {
    for (place_t **at = &comeback->places; *at; at = &(*at)->next) {
        place_t *place = *at;
        if (strcmp(place->endpoint, endpoint) == 0) {
            *at = place->next;
            free(place);
            return;
        }
    }
}
