#include "services/fanout/core_link.h"
#include "common/base/clock.h"
#include "common/bus/bus_pack.h"
#include "common/bus/endpoint_list.h"
#include "common/bus/peer_set.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "proto/valid.h"
#include "services/fanout/core_messages.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char BROADCAST_TAG[] = "core-fanout/1";
static const char DIALOGUE_TAG[] = "fanout-core/1";

enum { ENDPOINT_MAX_BYTES = 320, KEY_MAX_BYTES = 96 };

struct core_link {
    process_t *process;
    feed_t *feed;
    bus_socket_t *subscription;
    endpoint_list_t *publishers;
    peer_set_t *cores;
    bus_buffer packed;
    uv_timer_t due;
    uint64_t due_at_ms; /* for which the timer is set; UINT64_MAX: it is not */
    uint64_t beat_interval_ms;
    feed_state told_state;          /* the one that was logged last */
    char asked[ENDPOINT_MAX_BYTES]; /* the core that was asked last */
};

static uint64_t now_ms(const core_link_t *link) {
    return uv_now(&link->process->loop);
}

/* -- what is asked -- */

static str_view pack_request(core_link_t *link, const feed_request *request) {
    Zp__FanoutToCore envelope = ZP__FANOUT_TO_CORE__INIT;
    Zp__Replay replay = ZP__REPLAY__INIT;
    Zp__Snapshot snapshot = ZP__SNAPSHOT__INIT;
    Zp__Position from = ZP__POSITION__INIT;
    char after[VALID_USER_ID_MAX_BYTES + 1];
    switch (request->kind) {
    case FEED_ASK_REPLAY:
        from.epoch = request->from.epoch;
        from.seq = request->from.seq;
        replay.request_id = request->id;
        replay.from = &from;
        envelope.body_case = ZP__FANOUT_TO_CORE__BODY_REPLAY;
        envelope.replay = &replay;
        break;
    case FEED_ASK_SNAPSHOT:
        memcpy(after, request->after.ptr, request->after.len);
        after[request->after.len] = '\0';
        snapshot.request_id = request->id;
        snapshot.after = after;
        envelope.body_case = ZP__FANOUT_TO_CORE__BODY_SNAPSHOT;
        envelope.snapshot = &snapshot;
        break;
    }
    return bus_pack(&link->packed, &envelope.base);
}

/* Each attempt falls on a core of its own, as far as there are several. */
static bool ask(core_link_t *link, const feed_request *request) {
    char key[KEY_MAX_BYTES];
    snprintf(key, sizeof(key), "%s/%" PRIu32, config_process_name(link->process->config), request->attempt);
    peer_t *core = peer_set_choose(link->cores, str_view_of(key));
    if (!core || peer_send(core, pack_request(link, request)) != ZP_OK) {
        return false;
    }
    snprintf(link->asked, sizeof(link->asked), "%s", peer_endpoint(core));
    if (request->kind == FEED_ASK_REPLAY) {
        metrics_add(link->process->metrics, METRIC_FANOUT_REPLAYS, 1);
        log_info("feed.replay", "from=%" PRIu64 " attempt=%" PRIu32 " core=%s", request->from.seq,
                 request->attempt, link->asked);
    }
    return true;
}

static void log_state(core_link_t *link) {
    feed_state state = feed_state_now(link->feed);
    if (state == link->told_state) {
        return;
    }
    link->told_state = state;
    log_position horizon = feed_horizon(link->feed);
    static const char *const names[] = {
        [FEED_WAITING] = "waiting", [FEED_SNAPSHOT] = "snapshot", [FEED_FOLLOWING] = "following"};
    log_info("feed.state", "state=%s epoch=%" PRIu64 " seq=%" PRIu64 " users=%zu", names[state],
             horizon.epoch, horizon.seq, view_users_count(feed_view(link->feed)));
}

static void on_due(uv_timer_t *timer);

/* After everything that the feed is told: does what it wants, and wakes it when it has to look again. */
static void serve_feed(core_link_t *link) {
    feed_request request;
    while (feed_next_request(link->feed, now_ms(link), &request)) {
        if (request.kind == FEED_ASK_REPLAY && FAULT(NO_GAP_REPAIR)) {
            feed_skip_gap(link->feed, now_ms(link));
        } else if (!ask(link, &request)) {
            feed_ask_again(link->feed, now_ms(link), link->beat_interval_ms);
        }
    }
    log_state(link);
    uint64_t due_at_ms = feed_due_ms(link->feed);
    if (due_at_ms == link->due_at_ms) {
        return;
    }
    link->due_at_ms = due_at_ms;
    if (due_at_ms == UINT64_MAX) {
        uv_timer_stop(&link->due);
    } else {
        uv_timer_start(&link->due, on_due, due_at_ms > now_ms(link) ? due_at_ms - now_ms(link) : 0, 0);
    }
}

static void on_due(uv_timer_t *timer) {
    core_link_t *link = timer->data;
    link->due_at_ms = UINT64_MAX;
    serve_feed(link);
}

/* -- what is heard -- */

static void on_broadcast(void *context, str_view identity, str_view tag, str_view payload) {
    core_link_t *link = context;
    (void)identity;
    Zp__CoreBroadcast *message = NULL;
    if (str_view_equal(tag, str_view_of(BROADCAST_TAG))) {
        message = zp__core_broadcast__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    }
    if (!message || !core_broadcast_valid(message)) {
        metrics_add(link->process->metrics, METRIC_BUS_INVALID, 1);
    } else if (message->body_case == ZP__CORE_BROADCAST__BODY_BEACON) {
        feed_hear_position(link->feed, log_position_of(message->beacon->position),
                           message->beacon->rebuilding, now_ms(link));
    } else {
        transition_batch *batch = transition_batch_dup(message->transitions);
        if (batch) {
            feed_hear_transitions(link->feed, batch, now_ms(link));
        }
    }
    if (message) {
        zp__core_broadcast__free_unpacked(message, NULL);
    }
    serve_feed(link);
}

static void on_snapshot_reply(core_link_t *link, const Zp__SnapshotReply *reply) {
    view_user *users = view_users_dup_list(reply);
    feed_outcome outcome = feed_outcome_of(reply->outcome);
    if (reply->n_users > 0 && !users) {
        outcome = FEED_LATER;
    }
    feed_hear_snapshot(link->feed, reply->request_id, outcome, log_position_of(reply->position), users,
                       users ? reply->n_users : 0, reply->last, now_ms(link), clock_unix_ms());
    free(users);
}

static void on_core_said(core_link_t *link, const Zp__CoreToFanout *message) {
    switch (message->body_case) {
    case ZP__CORE_TO_FANOUT__BODY_BEAT_REPLY:
        if (message->beat_reply->outcome == ZP__OUTCOME__OUTCOME_OK) {
            feed_hear_position(link->feed, log_position_of(message->beat_reply->position),
                               message->beat_reply->rebuilding, now_ms(link));
        }
        break;
    case ZP__CORE_TO_FANOUT__BODY_REPLAY_REPLY:
        feed_hear_replay(link->feed, message->replay_reply->request_id,
                         feed_outcome_of(message->replay_reply->outcome),
                         transition_batch_dup(message->replay_reply->transitions),
                         log_position_of(message->replay_reply->position), now_ms(link));
        break;
    case ZP__CORE_TO_FANOUT__BODY_SNAPSHOT_REPLY:
        on_snapshot_reply(link, message->snapshot_reply);
        break;
    case ZP__CORE_TO_FANOUT__BODY__NOT_SET:
    case _ZP__CORE_TO_FANOUT__BODY__CASE_IS_INT_SIZE:
        break;
    }
}

static void on_message(void *context, peer_t *peer, str_view payload) {
    core_link_t *link = context;
    (void)peer;
    Zp__CoreToFanout *message = zp__core_to_fanout__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    if (!message || !core_to_fanout_valid(message)) {
        metrics_add(link->process->metrics, METRIC_BUS_INVALID, 1);
    } else {
        on_core_said(link, message);
    }
    if (message) {
        zp__core_to_fanout__free_unpacked(message, NULL);
    }
    serve_feed(link);
}

static void on_beat(void *context, peer_t *peer, str_view *ret_payload) {
    core_link_t *link = context;
    (void)peer;
    Zp__FanoutToCore envelope = ZP__FANOUT_TO_CORE__INIT;
    Zp__Beat beat = ZP__BEAT__INIT;
    Zp__ProcessInfo info = ZP__PROCESS_INFO__INIT;
    Zp__Position seen = ZP__POSITION__INIT;
    log_position horizon = feed_horizon(link->feed);
    seen.epoch = horizon.epoch;
    seen.seq = horizon.seq;
    process_info(link->process, &info);
    beat.process = &info;
    beat.seen = &seen;
    beat.last = link->process->served;
    envelope.body_case = ZP__FANOUT_TO_CORE__BODY_BEAT;
    envelope.beat = &beat;
    *ret_payload = bus_pack(&link->packed, &envelope.base);
}

static void on_liveness(void *context, peer_t *peer, bool live) {
    core_link_t *link = context;
    /* A question to a core that is gone, or that waited for one to come, need not wait longer. */
    if (live || strcmp(link->asked, peer_endpoint(peer)) == 0) {
        link->asked[0] = '\0';
        feed_ask_again(link->feed, now_ms(link), 0);
        serve_feed(link);
    }
}

static void on_publisher(void *context, const char *endpoint, bool present) {
    core_link_t *link = context;
    if (!present) {
        bus_socket_disconnect(link->subscription, endpoint);
    } else if (bus_socket_connect(link->subscription, endpoint) != ZP_OK) {
        log_error("feed.publisher", "endpoint=%s reason=\"cannot connect\"", endpoint);
    }
}

/* -- making and ending -- */

static zp_error make_feed(core_link_t *link, feed_change_fn *on_change, void *context) {
    const config_t *config = link->process->config;
    feed_options options = {
        .reorder_window_ms = config_ms(config, SETTING_REORDER_WINDOW_MS),
        .reorder_max = (size_t)config_integer(config, SETTING_REORDER_MAX),
        .recent_offline_max = (size_t)config_integer(config, SETTING_RECENT_OFFLINE_MAX),
        .answer_within_ms = link->beat_interval_ms,
    };
    link->feed = feed_new(&options, on_change, context);
    return link->feed ? ZP_OK : ZP_NO_MEMORY;
}

zp_error core_link_new(core_link_t **ret_link, process_t *process, feed_change_fn *on_change, void *context) {
    static const peer_set_events events = {
        .on_message = on_message, .on_beat = on_beat, .on_liveness = on_liveness};
    core_link_t *link = calloc(1, sizeof(*link));
    if (!link) {
        return ZP_NO_MEMORY;
    }
    link->process = process;
    link->beat_interval_ms = config_ms(process->config, SETTING_BEAT_INTERVAL_MS);
    link->due_at_ms = UINT64_MAX;
    uv_timer_init(&process->loop, &link->due);
    link->due.data = link;
    zp_error error = make_feed(link, on_change, context);
    if (error == ZP_OK) {
        error = bus_socket_new(&link->subscription, &process->bus, BUS_SUB, CORE, NULL, on_broadcast, link);
    }
    if (error == ZP_OK) {
        error =
            endpoint_list_new(&link->publishers, &process->bus,
                              config_text(process->config, SETTING_CORE_PUB_ENDPOINTS), on_publisher, link);
    }
    if (error == ZP_OK) {
        error =
            peer_set_new(&link->cores, &process->bus, config_text(process->config, SETTING_CORE_ENDPOINTS),
                         DIALOGUE_TAG, &events, link);
    }
    if (error != ZP_OK) {
        core_link_destroy(&link);
        return error;
    }
    *ret_link = link;
    return ZP_OK;
}

static void free_link(uv_handle_t *handle) {
    free(handle->data);
}

void core_link_destroy(core_link_t **link_ref) {
    core_link_t *link = *link_ref;
    if (!link) {
        return;
    }
    *link_ref = NULL;
    uv_timer_stop(&link->due);
    peer_set_destroy(&link->cores);
    endpoint_list_destroy(&link->publishers);
    bus_socket_destroy(&link->subscription);
    feed_destroy(&link->feed);
    bus_buffer_free(&link->packed);
    uv_close((uv_handle_t *)&link->due, free_link);
}

void core_link_tell_end(core_link_t *link) {
    peer_set_beat_now(link->cores);
}

/* -- how it stands -- */

const feed_t *core_link_feed(const core_link_t *link) {
    return link->feed;
}

const char *core_link_trouble(const core_link_t *link) {
    if (peer_set_live_count(link->cores) == 0) {
        return "no core has answered";
    }
    switch (feed_state_now(link->feed)) {
    case FEED_WAITING:
        return feed_is_rebuilding(link->feed) ? "presence-core is rebuilding"
                                              : "no core has told where the log ends";
    case FEED_SNAPSHOT:
        return "taking a snapshot";
    case FEED_FOLLOWING:
        break;
    }
    return feed_is_current(link->feed) ? NULL : "catching up with the log";
}

void core_link_measure(const core_link_t *link) {
    metrics_t *metrics = link->process->metrics;
    const feed_counts *counts = feed_counted(link->feed);
    const view_t *view = feed_view(link->feed);
    metrics_set(metrics, METRIC_FANOUT_TRANSITIONS, (int64_t)counts->transitions);
    metrics_set(metrics, METRIC_FANOUT_DUPLICATES, (int64_t)counts->duplicates);
    metrics_set(metrics, METRIC_FANOUT_NOT_HELD, (int64_t)counts->not_held);
    metrics_set(metrics, METRIC_FANOUT_GAPS, (int64_t)counts->gaps);
    metrics_set(metrics, METRIC_FANOUT_SNAPSHOTS, (int64_t)counts->snapshots);
    metrics_set(metrics, METRIC_FANOUT_EPOCHS, (int64_t)counts->epochs);
    metrics_set(metrics, METRIC_FANOUT_VIEW_USERS, (int64_t)view_users_count(view));
    metrics_set(metrics, METRIC_FANOUT_VIEW_OFFLINE, (int64_t)view_offline_count(view));
}
