#include "common/subscriber/fanout_link.h"

#include "common/base/clock.h"
#include "common/bus/bus_pack.h"
#include "common/bus/peer_set.h"
#include "common/bus/rendezvous.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "proto/valid.h"

#include <stdlib.h>

struct fanout_link {
    process_t *process;
    fanout_link_hooks hooks;
    void *context;
    peer_set_t *peers;
    watch_view_t *view;
    bus_buffer packed;
    peer_t *attached;         /* NULL: to none; cleared when it ceases to live */
    uint64_t generation;      /* of the newest interest sent */
    uint64_t number;          /* of the last Updates taken under it */
    uint64_t sent_at_ms;      /* when the interest was sent, monotonic */
    uint64_t steady_after_ms; /* how long a better fanout must live before this process moves to it */
    uint64_t answer_within_ms;
    bool watching; /* somebody listens, and the view knows since when */
    bool viewing;  /* a View has begun and not ended, in this generation */
    bool viewed;   /* one has ended */
    log_position position;
};

static uint64_t now_ms(const fanout_link_t *link) {
    return uv_now(&link->process->loop);
}

static str_view own_name(const fanout_link_t *link) {
    return str_view_of(config_process_name(link->process->config));
}

static size_t listeners_count(const fanout_link_t *link) {
    return link->hooks.listeners_count(link->context);
}

static void on_difference(void *context, const watch_change *change) {
    fanout_link_t *link = context;
    link->hooks.tell(link->context, change, NULL);
}

static void say_settled(fanout_link_t *link) {
    if (link->hooks.settled) {
        link->hooks.settled(link->context);
    }
}

/* ---- interest ---- */

static void send_interest(fanout_link_t *link) {
    Zp__SubscriberToFanout envelope = ZP__SUBSCRIBER_TO_FANOUT__INIT;
    Zp__Interest interest = ZP__INTEREST__INIT;
    Zp__Position seen = ZP__POSITION__INIT;
    log_position position = watch_view_position(link->view);
    seen.epoch = position.epoch;
    seen.seq = position.seq;
    interest.generation = ++link->generation;
    interest.all = listeners_count(link) > 0;
    interest.wire_forms = link->hooks.wire_forms(link->context);
    interest.seen = &seen;
    envelope.body_case = ZP__SUBSCRIBER_TO_FANOUT__BODY_INTEREST;
    envelope.interest = &interest;
    link->number = 0;
    link->viewing = link->viewed = false;
    link->sent_at_ms = now_ms(link);
    metrics_add(link->process->metrics, link->hooks.interests, 1);
    if (peer_send(link->attached, bus_pack(&link->packed, &envelope.base)) != ZP_OK) {
        link->attached = NULL; /* the next beat of a ready fanout attaches anew */
    }
}

static void send_detach(fanout_link_t *link, peer_t *peer) {
    Zp__SubscriberToFanout envelope = ZP__SUBSCRIBER_TO_FANOUT__INIT;
    Zp__Detach detach = ZP__DETACH__INIT;
    detach.generation = link->generation;
    envelope.body_case = ZP__SUBSCRIBER_TO_FANOUT__BODY_DETACH;
    envelope.detach = &detach;
    if (peer_send(peer, bus_pack(&link->packed, &envelope.base)) != ZP_OK) {
        log_debug("fanout.detach", "endpoint=%s is gone already", peer_endpoint(peer));
    }
}

static void attach(fanout_link_t *link, peer_t *peer, const char *reason) {
    if (link->attached && link->attached != peer) {
        send_detach(link, link->attached);
    }
    log_info("fanout.attach", "endpoint=%s reason=\"%s\" listeners=%zu", peer_endpoint(peer), reason,
             listeners_count(link));
    link->attached = peer;
    send_interest(link);
}

void fanout_link_interest_changed(fanout_link_t *link, log_position known) {
    bool was_watching = link->watching;
    link->watching = listeners_count(link) > 0;
    if (was_watching && !link->watching) {
        watch_view_forget(link->view);
    } else if (!was_watching && link->watching) {
        watch_view_start(link->view, known);
    }
    if (link->attached) {
        send_interest(link);
    }
}

/* ---- what a fanout says ---- */

static uint64_t weight(const fanout_link_t *link, const peer_t *peer) {
    return rendezvous_weight(own_name(link), str_view_of(peer_endpoint(peer)));
}

/* All that was sent has come: so the view reaches as far as the fanout says that it told. */
static void note_reached(fanout_link_t *link, const Zp__FanoutBeat *beat, log_position position) {
    if (beat->ready && link->viewed && beat->generation == link->generation &&
        beat->last_number == link->number && watch_view_reached(link->view, position)) {
        say_settled(link);
    }
}

/* Decides at each beat of `peer` whether to attach to it, stay, or say the interest again. */
static void on_fanout_beat(fanout_link_t *link, peer_t *peer, const Zp__FanoutBeat *beat) {
    if (beat->position) {
        log_position position = {beat->position->epoch, beat->position->seq};
        if (log_position_before(link->position, position)) {
            link->position = position;
        }
        if (peer == link->attached) {
            note_reached(link, beat, position);
        }
    }
    if (!link->attached) {
        if (beat->ready && !FAULT(NO_RESYNC)) {
            attach(link, peer, "none before");
        }
        return;
    }
    if (peer != link->attached) {
        if (beat->ready && weight(link, peer) > weight(link, link->attached) &&
            peer_live_for_ms(peer) > link->steady_after_ms) {
            attach(link, peer, "it is the one this process belongs to");
        }
        return;
    }
    bool forgotten =
        beat->generation != link->generation && now_ms(link) - link->sent_at_ms > link->answer_within_ms;
    bool gap = beat->generation == link->generation && beat->last_number > link->number;
    if ((forgotten || gap) && !FAULT(NO_RESYNC)) {
        attach(link, peer, gap ? "something was lost" : "it does not know us");
    }
}

static void on_view(fanout_link_t *link, const Zp__View *piece) {
    if (piece->first) {
        watch_view_begin(link->view);
        link->viewing = true;
    }
    if (!link->viewing) {
        return; /* its beginning was lost: the next beat shows a gap */
    }
    log_position position = {piece->position->epoch, piece->position->seq};
    for (size_t i = 0; i < piece->n_users; i++) {
        const Zp__UserState *user = piece->users[i];
        log_position of_user = {position.epoch, user->seq};
        if (watch_view_state(link->view, str_view_of(user->user_id), (presence_status)user->status, of_user,
                             user->since_ms) != ZP_OK) {
            log_error("fanout.view_lost", "reason=\"out of memory\"");
        }
    }
    if (piece->last) {
        watch_view_end(link->view, position, clock_unix_ms());
        link->viewing = false;
        link->viewed = true;
        say_settled(link);
    }
}

static void on_updates(fanout_link_t *link, peer_t *peer, const Zp__Updates *updates) {
    if (updates->number != link->number + 1) {
        if (!FAULT(NO_RESYNC)) {
            attach(link, peer, "something was lost");
        }
        return;
    }
    link->number = updates->number;
    for (size_t i = 0; i < updates->n_updates; i++) {
        const Zp__Update *update = updates->updates[i];
        log_position position = {updates->epoch, update->seq};
        watch_change change;
        if (watch_view_apply(link->view, str_view_of(update->user_id), (presence_status)update->to, position,
                             update->at_ms, &change)) {
            link->hooks.tell(link->context, &change, (int)change.from == (int)update->from ? update : NULL);
        }
    }
}

static void on_message(void *context, peer_t *peer, str_view payload) {
    fanout_link_t *link = context;
    Zp__FanoutToSubscriber *message =
        zp__fanout_to_subscriber__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    if (!message || !fanout_to_subscriber_valid(message)) {
        metrics_add(link->process->metrics, METRIC_BUS_INVALID, 1);
    } else if (message->body_case == ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT) {
        on_fanout_beat(link, peer, message->beat);
    } else if (peer == link->attached && listeners_count(link) > 0) {
        bool is_view = message->body_case == ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW;
        uint64_t generation = is_view ? message->view->generation : message->updates->generation;
        if (generation != link->generation) {
            /* said to an interest that has been replaced */
        } else if (is_view) {
            on_view(link, message->view);
        } else {
            on_updates(link, peer, message->updates);
        }
    }
    if (message) {
        zp__fanout_to_subscriber__free_unpacked(message, NULL);
    }
}

static void on_beat(void *context, peer_t *peer, str_view *ret_payload) {
    fanout_link_t *link = context;
    (void)peer;
    Zp__SubscriberToFanout envelope = ZP__SUBSCRIBER_TO_FANOUT__INIT;
    Zp__Beat beat = ZP__BEAT__INIT;
    Zp__ProcessInfo info = ZP__PROCESS_INFO__INIT;
    process_info(link->process, &info);
    beat.process = &info;
    envelope.body_case = ZP__SUBSCRIBER_TO_FANOUT__BODY_BEAT;
    envelope.beat = &beat;
    *ret_payload = bus_pack(&link->packed, &envelope.base);
}

static void on_liveness(void *context, peer_t *peer, bool live) {
    fanout_link_t *link = context;
    log_info("fanout.peer", "endpoint=%s live=%s", peer_endpoint(peer), live ? "true" : "false");
    if (!live && peer == link->attached) {
        link->attached = NULL; /* the view stays: the next fanout is asked for the differences */
        peer_set_beat_now(link->peers);
    }
}

/* ---- making and ending ---- */

zp_error fanout_link_new(fanout_link_t **ret_link, process_t *process, const fanout_link_hooks *hooks,
                         void *context) {
    static const peer_set_events events = {
        .on_message = on_message, .on_beat = on_beat, .on_liveness = on_liveness};
    fanout_link_t *link = calloc(1, sizeof *link);
    if (!link) {
        return ZP_NO_MEMORY;
    }
    link->process = process;
    link->hooks = *hooks;
    link->context = context;
    link->answer_within_ms = 2 * config_ms(process->config, SETTING_BEAT_INTERVAL_MS);
    link->steady_after_ms = 2 * config_ms(process->config, SETTING_PEER_TIMEOUT_MS);
    link->view = watch_view_new(on_difference, link);
    zp_error error = link->view ? peer_set_new(&link->peers, &process->bus,
                                               config_text(process->config, SETTING_FANOUT_ENDPOINTS),
                                               "subscriber-fanout/1", &events, link)
                                : ZP_NO_MEMORY;
    if (error != ZP_OK) {
        fanout_link_destroy(&link);
        return error;
    }
    *ret_link = link;
    return ZP_OK;
}

void fanout_link_destroy(fanout_link_t **link) {
    if (*link) {
        peer_set_destroy(&(*link)->peers);
        watch_view_destroy(&(*link)->view);
        bus_buffer_free(&(*link)->packed);
        free(*link);
        *link = NULL;
    }
}

const watch_view_t *fanout_link_view(const fanout_link_t *link) {
    return link->view;
}

watch_view_t *fanout_link_walked_view(fanout_link_t *link) {
    return link->view;
}

log_position fanout_link_position(const fanout_link_t *link) {
    return link->position;
}

const char *fanout_link_trouble(const fanout_link_t *link) {
    if (listeners_count(link) == 0) {
        return NULL;
    }
    return !link->attached ? "no fanout answers" : NULL;
}
