#include "common/bus/peer_set.h"
#include "common/bus/bus_arrows.h"
#include "common/bus/endpoint_list.h"
#include "common/bus/rendezvous.h"
#include "common/log/log.h"
#include "common/runtime/pulse.h"
#include <assert.h>
#include <stdlib.h>

enum { TAG_BYTES = 65, CHECKS_A_TIMEOUT = 5, CHECK_MIN_MS = 10 };

struct peer {
    peer_t *next;
    peer_set_t *set;
    char *endpoint;
    bus_socket_t *socket; /* NULL: could not be made yet; tried again with each beat */
    bool live, passed_over;
    uint64_t heard_ms;      /* last, loop time; meaningful while live */
    uint64_t live_since_ms; /* likewise */
};

struct peer_set {
    bus_context bus;
    peer_set_events events;
    void *context;
    char tag[TAG_BYTES];
    process_kind host; /* of all peers */
    endpoint_list_t *endpoints;
    peer_t *peers;
    size_t live_count;
    uint64_t beat_interval_ms, timeout_ms, check_interval_ms, checked_ms;
    pulse_t beat_pulse, check_pulse; /* the latter runs while a peer may be overdue before the next beat */
    int timers_open;
};

static bool may_be_overdue_before_next_beat(const peer_set_t *set) {
    uint64_t next_ms = uv_now(set->bus.loop) + set->beat_interval_ms;
    for (const peer_t *peer = set->peers; peer; peer = peer->next) {
        if (peer->live && next_ms - peer->heard_ms > set->timeout_ms) {
            return true;
        }
    }
    return false;
}

static void on_check(uv_timer_t *timer);

/* Where everybody has answered, the beats are often enough. */
static void check_if_needed(peer_set_t *set) {
    if (!uv_is_active((uv_handle_t *)&set->check_pulse.timer) && may_be_overdue_before_next_beat(set)) {
        set->checked_ms = uv_now(set->bus.loop);
        pulse_start(&set->check_pulse, on_check, set->check_interval_ms, PULSE_BEAT);
    }
}

static void set_live(peer_t *peer, bool live) {
    peer_set_t *set = peer->set;
    if (peer->live == live) {
        return;
    }
    peer->live = live;
    peer->live_since_ms = uv_now(set->bus.loop);
    set->live_count += live ? 1 : (size_t)-1;
    metrics_add(set->bus.metrics, METRIC_PEERS_LIVE, live ? 1 : -1);
    check_if_needed(set);
    log_info(live ? "bus.peer_live" : "bus.peer_lost", "peer=%s arrow=%s", peer->endpoint, set->tag);
    if (set->events.on_liveness) {
        set->events.on_liveness(set->context, peer, live);
    }
}

static void on_message(void *context, str_view identity, str_view tag, str_view payload) {
    (void)identity; /* a DEALER has one peer */
    peer_t *peer = context;
    peer_set_t *set = peer->set;
    if (!str_view_equal(tag, str_view_of(set->tag))) {
        metrics_add(set->bus.metrics, METRIC_BUS_INVALID, 1);
        return;
    }
    peer->heard_ms = uv_now(set->bus.loop);
    peer->passed_over = false;
    set_live(peer, true);
    set->events.on_message(set->context, peer, payload);
}

static void beat(peer_t *peer) {
    str_view payload = {0};
    peer->set->events.on_beat(peer->set->context, peer, &payload);
    if (payload.len > 0) {
        /* A beat that is not taken is a beat missed: the next one is due soon. */
        (void)!bus_socket_send(peer->socket, (str_view){0}, peer->set->tag, payload);
    }
}

/* A connection has come up: waiting for the next interval would only delay the start. */
static void on_writable(void *context) {
    beat(context);
}

/* Descriptors may be out for a while. */
static void open_socket(peer_t *peer) {
    if (bus_socket_new(&peer->socket, &peer->set->bus, BUS_DEALER, peer->set->host, peer->endpoint,
                       on_message, peer)) {
        log_error("bus.peer_refused", "peer=%s arrow=%s", peer->endpoint, peer->set->tag);
        return;
    }
    bus_socket_on_writable(peer->socket, on_writable);
}

void peer_set_beat_now(peer_set_t *set) {
    for (peer_t *peer = set->peers; peer; peer = peer->next) {
        if (!peer->socket) {
            open_socket(peer);
        } else if (bus_socket_is_writable(peer->socket)) {
            beat(peer);
        }
    }
}

static void on_check(uv_timer_t *timer) {
    peer_set_t *set = timer->data;
    uint64_t now_ms = uv_now(set->bus.loop);
    uint64_t since_check_ms = now_ms - set->checked_ms;
    set->checked_ms = now_ms;
    if (since_check_ms > 2 * set->check_interval_ms) {
        return; /* this loop stood still: what peers said meanwhile is read before the next check */
    }
    for (peer_t *peer = set->peers; peer; peer = peer->next) {
        if (peer->live && now_ms - peer->heard_ms > set->timeout_ms) {
            set_live(peer, false);
        }
    }
    if (!may_be_overdue_before_next_beat(set)) {
        uv_timer_stop(timer);
    }
}

static void on_beat(uv_timer_t *timer) {
    peer_set_t *set = timer->data;
    check_if_needed(set);
    peer_set_beat_now(set);
}

static void free_peer(peer_t *peer) {
    bus_socket_destroy(&peer->socket);
    free(peer->endpoint);
    free(peer);
}

static void add_peer(peer_set_t *set, const char *endpoint) {
    peer_t *peer = calloc(1, sizeof *peer);
    char *copy = strdup(endpoint);
    if (!peer || !copy) {
        log_error("bus.peer_refused", "peer=%s arrow=%s reason=\"out of memory\"", endpoint, set->tag);
        free(copy);
        free(peer);
        return;
    }
    *peer = (peer_t){.next = set->peers, .set = set, .endpoint = copy};
    set->peers = peer;
    open_socket(peer);
}

static void remove_peer(peer_set_t *set, const char *endpoint) {
    for (peer_t **at = &set->peers; *at; at = &(*at)->next) {
        peer_t *peer = *at;
        if (strcmp(peer->endpoint, endpoint) == 0) {
            *at = peer->next; /* before its owner hears: it can no longer be chosen */
            set_live(peer, false);
            free_peer(peer);
            return;
        }
    }
}

static void on_endpoint(void *context, const char *endpoint, bool present) {
    if (present) {
        add_peer(context, endpoint);
    } else {
        remove_peer(context, endpoint);
    }
}

static void open_timer(peer_set_t *set, uv_timer_t *timer) {
    uv_timer_init(set->bus.loop, timer);
    timer->data = set;
    set->timers_open++;
}

zp_error peer_set_new(peer_set_t **ret_set, const bus_context *bus, const char *endpoints, const char *tag,
                      const peer_set_events *events, void *context) {
    assert(strlen(tag) < TAG_BYTES);
    peer_set_t *set = calloc(1, sizeof *set);
    if (!set) {
        return ZP_NO_MEMORY;
    }
    *set = (peer_set_t){.bus = *bus, .events = *events, .context = context};
    memcpy(set->tag, tag, strlen(tag) + 1);
    set->host = bus_arrows_host(str_view_of(tag));
    zp_error error = endpoint_list_new(&set->endpoints, bus, endpoints, on_endpoint, set);
    if (error) {
        free(set);
        return error;
    }
    set->beat_interval_ms = config_ms(bus->config, SETTING_BEAT_INTERVAL_MS);
    set->timeout_ms = config_ms(bus->config, SETTING_PEER_TIMEOUT_MS);
    set->check_interval_ms = set->timeout_ms / CHECKS_A_TIMEOUT;
    if (set->check_interval_ms < CHECK_MIN_MS) {
        set->check_interval_ms = CHECK_MIN_MS;
    }
    open_timer(set, &set->beat_pulse.timer);
    open_timer(set, &set->check_pulse.timer);
    pulse_start(&set->beat_pulse, on_beat, set->beat_interval_ms, PULSE_BEAT);
    *ret_set = set;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *timer) {
    peer_set_t *set = timer->data;
    if (--set->timers_open == 0) {
        free(set);
    }
}

void peer_set_destroy(peer_set_t **set_ref) {
    peer_set_t *set = *set_ref;
    if (!set) {
        return;
    }
    *set_ref = NULL;
    endpoint_list_destroy(&set->endpoints);
    metrics_add(set->bus.metrics, METRIC_PEERS_LIVE, -(int64_t)set->live_count);
    while (set->peers) {
        peer_t *peer = set->peers;
        set->peers = peer->next;
        free_peer(peer);
    }
    uv_close((uv_handle_t *)&set->beat_pulse.timer, on_timer_closed);
    uv_close((uv_handle_t *)&set->check_pulse.timer, on_timer_closed);
}

/* Below 0: `a` comes first. Everybody who asks must get the same order, also where two weights are equal. */
static int compare_for(str_view key, const peer_t *a, const peer_t *b) {
    if (a->passed_over != b->passed_over) {
        return a->passed_over ? 1 : -1;
    }
    uint64_t weight_a = rendezvous_weight(key, str_view_of(a->endpoint));
    uint64_t weight_b = rendezvous_weight(key, str_view_of(b->endpoint));
    if (weight_a != weight_b) {
        return weight_a > weight_b ? -1 : 1;
    }
    return -strcmp(a->endpoint, b->endpoint);
}

peer_t *peer_set_choose_after(peer_set_t *set, str_view key, const peer_t *before) {
    peer_t *best = NULL;
    for (peer_t *peer = set->peers; peer; peer = peer->next) {
        if (peer->live && (!before || compare_for(key, before, peer) < 0) &&
            (!best || compare_for(key, peer, best) < 0)) {
            best = peer;
        }
    }
    return best;
}

peer_t *peer_set_choose(peer_set_t *set, str_view key) {
    return peer_set_choose_after(set, key, NULL);
}

void peer_pass_over(peer_t *peer) {
    peer->passed_over = true;
}

bool peer_is_passed_over(const peer_t *peer) {
    return peer->passed_over;
}

size_t peer_set_live_count(const peer_set_t *set) {
    return set->live_count;
}

zp_error peer_send(peer_t *peer, str_view payload) {
    if (!peer->socket) {
        metrics_add(peer->set->bus.metrics, METRIC_BUS_NOT_SENT, 1);
        return ZP_UNAVAILABLE;
    }
    return bus_socket_send(peer->socket, (str_view){0}, peer->set->tag, payload);
}

bool peer_is_live(const peer_t *peer) {
    return peer->live;
}

uint64_t peer_live_for_ms(const peer_t *peer) {
    return peer->live ? uv_now(peer->set->bus.loop) - peer->live_since_ms : 0;
}

uint64_t peer_heard_ms(const peer_t *peer) {
    return peer->heard_ms;
}

const char *peer_endpoint(const peer_t *peer) {
    return peer->endpoint;
}
