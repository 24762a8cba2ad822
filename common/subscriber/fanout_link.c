#include "common/subscriber/fanout_link.h"

#include "common/bus/bus_pack.h"
#include "common/bus/peer_set.h"
#include "common/bus/rendezvous.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "common/subscriber/heard_users.h"
#include "common/subscriber/watch_saying.h"
#include "proto/valid.h"

#include <stdlib.h>

/* Of whom something is to be heard. */
typedef enum hearing { HEARS_NOBODY, HEARS_BY_USER, HEARS_EVERYBODY } hearing;

struct fanout_link {
    process_t *process;
    fanout_link_hooks hooks;
    void *context;
    peer_set_t *peers;
    heard_users heard;
    bus_buffer packed;
    peer_t *attached;         /* NULL: to none; cleared when it ceases to live */
    uint64_t generation;      /* of the newest interest sent */
    uint64_t number;          /* of the last Updates or Watched taken under it */
    uint64_t sent_at_ms;      /* when the interest was sent, monotonic */
    uint64_t steady_after_ms; /* how long a better fanout must live before this process moves to it */
    uint64_t answer_within_ms;
    uint32_t wire_forms;     /* as that interest says */
    uint64_t listened_at_ms; /* when listeners came or went last, monotonic */
    hearing hearing;         /* EVERYBODY: the view knows since when */
    bool takes_users;        /* the fanout, as its last beat says, an interest by user */
    watch_saying_t *saying;  /* NULL: nobody ever watches by name */
    uv_prepare_t turn;       /* runs at the end of each turn, before the loop waits */
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

static size_t watchers_count(const fanout_link_t *link) {
    return link->hooks.by_name ? link->hooks.by_name->count(link->context) : 0;
}

/* ---- interest ---- */

/* The view stays: the next fanout is asked for the differences. What was said counts no more. */
static void lose_fanout(fanout_link_t *link) {
    link->attached = NULL;
    if (link->hooks.by_name) {
        link->hooks.by_name->unsay(link->context);
    }
}

static uint32_t forms_wanted(const fanout_link_t *link) {
    return link->hearing == HEARS_EVERYBODY ? link->hooks.wire_forms(link->context) : 0;
}

static void send_interest(fanout_link_t *link) {
    Zp__SubscriberToFanout envelope = ZP__SUBSCRIBER_TO_FANOUT__INIT;
    Zp__Interest interest = ZP__INTEREST__INIT;
    Zp__Position seen = ZP__POSITION__INIT;
    log_position position = watch_view_position(link->heard.view);
    seen.epoch = position.epoch;
    seen.seq = position.seq;
    interest.generation = ++link->generation;
    interest.all = link->hearing == HEARS_EVERYBODY;
    interest.by_user = link->hearing == HEARS_BY_USER;
    interest.wire_forms = link->wire_forms = forms_wanted(link);
    interest.seen = interest.all ? &seen : NULL;
    if (link->saying) {
        watch_saying_begin(link->saying, link->generation, now_ms(link));
    }
    envelope.body_case = ZP__SUBSCRIBER_TO_FANOUT__BODY_INTEREST;
    envelope.interest = &interest;
    link->number = 0;
    heard_users_begin(&link->heard);
    link->sent_at_ms = now_ms(link);
    metrics_add(link->process->metrics, link->hooks.interests, 1);
    if (peer_send(link->attached, bus_pack(&link->packed, &envelope.base)) != ZP_OK) {
        lose_fanout(link); /* the next beat of a ready one attaches anew */
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
    log_info("fanout.attach", "endpoint=%s reason=\"%s\" listeners=%zu watchers=%zu", peer_endpoint(peer),
             reason, listeners_count(link), watchers_count(link));
    link->attached = peer;
    send_interest(link);
}

static hearing hearing_wanted(const fanout_link_t *link) {
    if (listeners_count(link) > 0) {
        return HEARS_EVERYBODY;
    }
    if (watchers_count(link) == 0) {
        return HEARS_NOBODY;
    }
    /* One who listens now and then does not cost a View and all names each time. */
    bool lingers =
        link->hearing == HEARS_EVERYBODY && now_ms(link) - link->listened_at_ms <= link->answer_within_ms;
    return lingers || !link->takes_users ? HEARS_EVERYBODY : HEARS_BY_USER;
}

/* The one place where the hearing changes. */
static void change_hearing(fanout_link_t *link, log_position known) {
    hearing before = link->hearing;
    link->hearing = hearing_wanted(link);
    if (before == HEARS_EVERYBODY && link->hearing != HEARS_EVERYBODY) {
        watch_view_forget(link->heard.view);
    } else if (before != HEARS_EVERYBODY && link->hearing == HEARS_EVERYBODY) {
        watch_view_start(link->heard.view, known);
    }
}

void fanout_link_interest_changed(fanout_link_t *link, log_position known) {
    hearing before = link->hearing;
    if (before == HEARS_EVERYBODY) {
        link->listened_at_ms = now_ms(link);
    }
    change_hearing(link, known);
    bool changed = link->hearing != before || (forms_wanted(link) & ~link->wire_forms) != 0;
    if (link->attached && changed) {
        send_interest(link);
    }
}

/* Says whom watchers have named, or do not any more, since the last turn. */
static void say_users(uv_prepare_t *handle) {
    fanout_link_t *link = handle->data;
    str_view message;
    while (link->attached && link->hearing == HEARS_BY_USER &&
           (message = watch_saying_next(link->saying)).len > 0) {
        if (!FAULT(DROP_WATCHES) && peer_send(link->attached, message) != ZP_OK) {
            lose_fanout(link);
            return;
        }
        watch_saying_sent(link->saying);
    }
}

/* ---- what a fanout says ---- */

static uint64_t weight(const fanout_link_t *link, const peer_t *peer) {
    return rendezvous_weight(own_name(link), str_view_of(peer_endpoint(peer)));
}

/* The fanout to which this process is attached, or attaches, takes an interest by user, or not any more. */
static void note_whether_it_takes_users(fanout_link_t *link, const Zp__FanoutBeat *beat) {
    link->takes_users = beat->by_user;
    change_hearing(link, link->position);
}

static void move_to(fanout_link_t *link, peer_t *peer, const Zp__FanoutBeat *beat, const char *reason) {
    note_whether_it_takes_users(link, beat);
    attach(link, peer, reason);
}

/* Why the interest is to be said again to the fanout that says this; NULL: it is not. */
static const char *trouble_with(fanout_link_t *link, const Zp__FanoutBeat *beat) {
    if (hearing_wanted(link) != link->hearing) {
        return "of whom to hear has changed";
    }
    if (beat->generation != link->generation) {
        /* What it says comes in order: once it has answered, it knew us, and does not any more. */
        bool has_answered = link->number > 0 || link->heard.viewing || link->heard.viewed;
        bool answers_late = now_ms(link) - link->sent_at_ms > link->answer_within_ms;
        return has_answered || answers_late ? "it does not know us" : NULL;
    }
    if (beat->last_number > link->number) {
        return "something was lost";
    }
    bool unheard = link->hearing == HEARS_BY_USER &&
                   watch_saying_is_lost(link->saying, beat->last_watch, now_ms(link), link->answer_within_ms);
    return unheard ? "it did not hear all" : NULL;
}

/* Decides at each beat of `peer` whether to attach to it, stay, or say the interest again. */
static void on_fanout_beat(fanout_link_t *link, peer_t *peer, const Zp__FanoutBeat *beat) {
    if (beat->position) {
        log_position position = {beat->position->epoch, beat->position->seq};
        if (log_position_before(link->position, position)) {
            link->position = position;
        }
        if (peer == link->attached && beat->ready && beat->generation == link->generation &&
            beat->last_number == link->number) {
            heard_users_reached(&link->heard, position);
        }
    }
    if (!link->attached) {
        if (beat->ready && !FAULT(NO_RESYNC)) {
            move_to(link, peer, beat, "none before");
        }
        return;
    }
    if (peer != link->attached) {
        if (beat->ready && weight(link, peer) > weight(link, link->attached) &&
            peer_live_for_ms(peer) > link->steady_after_ms) {
            move_to(link, peer, beat, "it is the one this process belongs to");
        }
        return;
    }
    link->takes_users = beat->by_user;
    const char *trouble = trouble_with(link, beat);
    if (trouble && !FAULT(NO_RESYNC)) {
        move_to(link, peer, beat, trouble);
    }
}

/* False: one before it was lost. */
static bool take_number(fanout_link_t *link, peer_t *peer, uint64_t number) {
    if (number == link->number + 1) {
        link->number = number;
        return true;
    }
    if (!FAULT(NO_RESYNC)) {
        attach(link, peer, "something was lost");
    }
    return false;
}

/* Under which interest it was said; 0: it is a beat. */
static uint64_t generation_of(const Zp__FanoutToSubscriber *message) {
    switch (message->body_case) {
    case ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW:
        return message->view->generation;
    case ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES:
        return message->updates->generation;
    case ZP__FANOUT_TO_SUBSCRIBER__BODY_WATCHED:
        return message->watched->generation;
    case ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT:
    case ZP__FANOUT_TO_SUBSCRIBER__BODY__NOT_SET:
    case _ZP__FANOUT_TO_SUBSCRIBER__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return 0;
}

static void hear_everybody(fanout_link_t *link, peer_t *peer, const Zp__FanoutToSubscriber *message) {
    if (message->body_case == ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW) {
        heard_users_view(&link->heard, message->view);
    } else if (message->body_case == ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES &&
               take_number(link, peer, message->updates->number)) {
        heard_users_updates(&link->heard, message->updates);
    }
}

static void hear_by_user(fanout_link_t *link, peer_t *peer, const Zp__FanoutToSubscriber *message) {
    if (message->body_case == ZP__FANOUT_TO_SUBSCRIBER__BODY_WATCHED &&
        take_number(link, peer, message->watched->number)) {
        heard_users_watched(&link->heard, message->watched);
    } else if (message->body_case == ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES &&
               take_number(link, peer, message->updates->number)) {
        heard_users_watched_updates(&link->heard, message->updates);
    }
}

static void on_fanout_said(fanout_link_t *link, peer_t *peer, const Zp__FanoutToSubscriber *message) {
    if (message->body_case == ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT) {
        on_fanout_beat(link, peer, message->beat);
        return;
    }
    if (peer != link->attached || generation_of(message) != link->generation) {
        return; /* said to an interest that has been replaced */
    }
    switch (link->hearing) {
    case HEARS_EVERYBODY:
        hear_everybody(link, peer, message);
        break;
    case HEARS_BY_USER:
        hear_by_user(link, peer, message);
        break;
    case HEARS_NOBODY:
        break;
    }
}

static void on_message(void *context, peer_t *peer, str_view payload) {
    fanout_link_t *link = context;
    Zp__FanoutToSubscriber *message =
        zp__fanout_to_subscriber__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    if (!message || !fanout_to_subscriber_valid(message)) {
        metrics_add(link->process->metrics, METRIC_BUS_INVALID, 1);
    } else {
        on_fanout_said(link, peer, message);
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
        lose_fanout(link);
        peer_set_beat_now(link->peers);
    }
}

/* ---- making and ending ---- */

static zp_error open_saying(fanout_link_t *link) {
    if (!link->hooks.by_name) {
        return ZP_OK;
    }
    link->saying = watch_saying_new(link->hooks.by_name, link->context);
    if (!link->saying) {
        return ZP_NO_MEMORY;
    }
    uv_prepare_start(&link->turn, say_users);
    return ZP_OK;
}

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
    uv_prepare_init(&process->loop, &link->turn);
    link->turn.data = link;
    zp_error error = heard_users_init(&link->heard, &link->hooks, context);
    if (error == ZP_OK) {
        error = open_saying(link);
    }
    if (error == ZP_OK) {
        error =
            peer_set_new(&link->peers, &process->bus, config_text(process->config, SETTING_FANOUT_ENDPOINTS),
                         "subscriber-fanout/1", &events, link);
    }
    if (error != ZP_OK) {
        fanout_link_destroy(&link);
        return error;
    }
    *ret_link = link;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void fanout_link_destroy(fanout_link_t **link) {
    if (*link) {
        peer_set_destroy(&(*link)->peers);
        heard_users_free(&(*link)->heard);
        watch_saying_destroy(&(*link)->saying);
        bus_buffer_free(&(*link)->packed);
        uv_close((uv_handle_t *)&(*link)->turn, on_closed);
        *link = NULL;
    }
}

const watch_view_t *fanout_link_view(const fanout_link_t *link) {
    return link->heard.view;
}

watch_view_t *fanout_link_walked_view(fanout_link_t *link) {
    return link->heard.view;
}

log_position fanout_link_position(const fanout_link_t *link) {
    return link->position;
}

const char *fanout_link_trouble(const fanout_link_t *link) {
    return link->hearing != HEARS_NOBODY && !link->attached ? "no fanout answers" : NULL;
}
