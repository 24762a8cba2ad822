#include "services/ws-edge/core_link.h"

#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "proto/edge_core.pb-c.h"
#include "proto/valid.h"
#include "services/ws-edge/core_link_send.h"
#include "services/ws-edge/core_questions.h"

#include <stdlib.h>

enum {
    TEND_MS = 20,     /* between two looks at deadlines, while there are any */
    TEND_BUSY_MS = 5, /* while something waits, or is not acknowledged */
    LEAVE_PATIENCE_MS = 1000,
    TOUCH_DELAY_MAX_MS = 1000,
    TOUCH_DELAYS_PER_TTL = 20,
    CONNECTION_ID_BASE = 16, /* core_messages.c writes them so */
};

/* ---- the lease ---- */

static void ask_for_lease(core_link_t *link) {
    char fresh[RANDOM_HEX_BYTES];
    peer_t *peer = core_link_any_peer(link);
    core_request *request = peer ? core_link_open_request(link, REQUEST_JOIN, peer) : NULL;
    if (!request) {
        return;
    }
    lease_ask(&link->lease, random_hex(fresh));
    core_link_send_request(link, request, peer, core_messages_join(&link->messages, request, &link->lease));
}

/* This incarnation may not speak any more: the sockets stay, a new one announces them. */
static void lose_lease(core_link_t *link, const char *reason) {
    log_warn("edge.lease.lost", "incarnation=%s reason=\"%s\" users=%zu", link->lease.incarnation, reason,
             sessions_users_count(link->sessions));
    lease_lost(&link->lease);
    link->announcing = false;
    core_link_give_back_said(link);
    ask_for_lease(link);
}

static void take_lease(core_link_t *link, uint64_t epoch) {
    if (FAULT(AFTER_JOIN)) {
        abort();
    }
    lease_granted(&link->lease, epoch);
    metrics_add(link->process->metrics, METRIC_EDGE_LEASES, 1);
    log_info("edge.joined", "incarnation=%s replaces=%s epoch=%llu users=%zu", link->lease.incarnation,
             link->lease.replaces[0] ? link->lease.replaces : "-", (unsigned long long)epoch,
             sessions_users_count(link->sessions));
    if (!FAULT(NO_ANNOUNCE)) {
        statement_queue_restart(&link->statements, link->sessions, core_link_now_ms(link));
    }
    core_link_note_outage(link); /* other edges may not have joined yet, to say who has come to them */
    link->announcing = link->lease.replaces[0] != '\0';
    peer_set_beat_now(link->peers);
    core_link_send_waiting(link, REQUEST_STATEMENTS);
}

/* ---- statements and touches ---- */

static void on_flush_timer(uv_timer_t *timer) {
    core_link_t *link = timer->data;
    link->flush_scheduled = false;
    size_t before_count = link->statements.waiting_count;
    core_link_send_waiting(link, REQUEST_STATEMENTS);
    size_t after_count = link->statements.waiting_count;
    statement_queue_note_flush(&link->statements, core_link_now_ms(link),
                               before_count > after_count ? before_count - after_count : 0);
}

static void schedule_flush(core_link_t *link) {
    if (!link->flush_scheduled) {
        link->flush_scheduled = true;
        uv_timer_start(&link->timers[FLUSH_TIMER], on_flush_timer,
                       statement_queue_wait_ms(&link->statements, core_link_now_ms(link)), 0);
    }
}

/* There may be room, or the moment may have come: but what waits for company goes on waiting for it. */
static void send_what_is_due(core_link_t *link) {
    if (!link->flush_scheduled) {
        core_link_send_waiting(link, REQUEST_STATEMENTS);
    }
}

static void on_touch_pulse(uv_timer_t *timer) {
    core_link_t *link = timer->data;
    if (!FAULT(NO_TOUCH)) {
        link->touches_due = link->touches.count;
        core_link_send_waiting(link, REQUEST_TOUCHES);
    }
}

void core_link_changed(core_link_t *link, edge_user *user, const char *reason) {
    statement_queue_mark(&link->statements, user, reason, core_link_now_ms(link));
    schedule_flush(link);
    core_link_keep_tending(link);
}

void core_link_alive(core_link_t *link, edge_user *user) {
    touch_queue_add(&link->touches, user);
}

/* ---- what a core answers ---- */

static void on_beat_reply(core_link_t *link, peer_t *peer, const Zp__BeatReply *reply) {
    log_position position = core_link_position_of(reply->position);
    core_link_note_position(link, position);
    if (reply->redis_time_ms > 0) {
        uint64_t heard_ms = clock_monotonic_ms();
        redis_clock_note(&link->redis_clock, reply->redis_time_ms, heard_ms, heard_ms);
    }
    if (reply->outcome == ZP__OUTCOME__OUTCOME_UNAVAILABLE) {
        core_link_note_outage(link);
        peer_pass_over(peer);
    }
    bool about_this_life =
        link->lease.state == LEASE_HELD && strcmp(reply->incarnation, link->lease.incarnation) == 0;
    if (about_this_life && reply->outcome == ZP__OUTCOME__OUTCOME_FENCED) {
        lose_lease(link, "it is over");
    } else if (lease_is_outdated(&link->lease, position.epoch)) {
        lose_lease(link, "the data began anew");
    } else if (link->lease.state == LEASE_NONE && reply->outcome == ZP__OUTCOME__OUTCOME_OK) {
        ask_for_lease(link);
    }
}

static void on_request_done(core_link_t *link, core_request *request, log_position position) {
    switch (request->kind) {
    case REQUEST_JOIN:
        core_requests_end(&link->requests, request);
        if (link->lease.state == LEASE_JOINING) {
            take_lease(link, position.epoch);
        }
        return;
    case REQUEST_STATEMENTS:
        statement_queue_acknowledge(&link->statements, &request->batch, link->sessions);
        break;
    case REQUEST_TOUCHES:
        touch_queue_end(&link->touches, &request->batch, link->sessions, false);
        break;
    case REQUEST_ANNOUNCED:
        log_info("edge.announced", "incarnation=%s replaces=%s", link->lease.incarnation,
                 link->lease.replaces);
        lease_announced(&link->lease);
        break;
    case REQUEST_LEAVE:
        link->leave_by_ms = 0;
        break;
    case REQUEST_ONLINE:
    case REQUEST_STATUSES:
    case REQUEST_ROSTERS:
    case REQUEST_GROUP: /* on_ack leaves questions alone */
        return;
    }
    core_requests_end(&link->requests, request);
}

static void on_ack(core_link_t *link, peer_t *peer, const Zp__Ack *ack) {
    core_request *request = core_requests_find(&link->requests, ack->request_id);
    core_link_note_position(link, core_link_position_of(ack->position));
    if (!request || core_request_is_question(request)) {
        return; /* answered too late: it has been said again */
    }
    switch (ack->outcome) {
    case ZP__OUTCOME__OUTCOME_OK:
        on_request_done(link, request, core_link_position_of(ack->position));
        break;
    case ZP__OUTCOME__OUTCOME_FENCED:
        core_link_give_back(link, request);
        if (link->lease.state == LEASE_HELD) {
            lose_lease(link, "it is over");
        }
        break;
    case ZP__OUTCOME__OUTCOME_INVALID:
        log_error("edge.request.invalid", "a core refuses request kind %d as malformed", (int)request->kind);
        __attribute__((fallthrough)); /* and may take it later */
    case ZP__OUTCOME__OUTCOME_UNKNOWN:
    case ZP__OUTCOME__OUTCOME_UNAVAILABLE:
    case ZP__OUTCOME__OUTCOME_REBUILDING:
    case ZP__OUTCOME__OUTCOME_TRIMMED:
    case _ZP__OUTCOME_IS_INT_SIZE:
        core_link_prefer_others(link, peer);
        core_link_give_back(link, request);
        break;
    }
    send_what_is_due(link);
    core_link_send_waiting(link, REQUEST_TOUCHES);
}

/* Connections are named as this incarnation stated them. */
static void on_kicks(core_link_t *link, const Zp__Kicks *kicks) {
    if (link->lease.state != LEASE_HELD || strcmp(kicks->incarnation, link->lease.incarnation) != 0 ||
        FAULT(DROP_KICKS)) {
        return;
    }
    for (size_t i = 0; i < kicks->n_kicks; i++) {
        const Zp__Kick *kick = kicks->kicks[i];
        for (size_t k = 0; k < kick->n_connection_ids; k++) {
            link->hooks.kick(link->hooks_context, str_view_of(kick->user_id),
                             strtoull(kick->connection_ids[k], NULL, CONNECTION_ID_BASE));
        }
    }
}

static void receive(core_link_t *link, peer_t *peer, const Zp__CoreToEdge *message) {
    switch (message->body_case) {
    case ZP__CORE_TO_EDGE__BODY_BEAT_REPLY:
        on_beat_reply(link, peer, message->beat_reply);
        break;
    case ZP__CORE_TO_EDGE__BODY_ACK:
        on_ack(link, peer, message->ack);
        break;
    case ZP__CORE_TO_EDGE__BODY_KICKS:
        on_kicks(link, message->kicks);
        break;
    case ZP__CORE_TO_EDGE__BODY_ONLINE_REPLY:
    case ZP__CORE_TO_EDGE__BODY_STATUS_REPLY:
    case ZP__CORE_TO_EDGE__BODY_GROUP_CHANGED:
    case ZP__CORE_TO_EDGE__BODY_ROSTERS_REPLY:
        core_questions_take_answer(link, message);
        break;
    case ZP__CORE_TO_EDGE__BODY__NOT_SET:
    case _ZP__CORE_TO_EDGE__BODY__CASE_IS_INT_SIZE:
        break; /* not valid */
    }
}

static void on_message(void *context, peer_t *peer, str_view payload) {
    core_link_t *link = context;
    Zp__CoreToEdge *message = zp__core_to_edge__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    if (message && core_to_edge_valid(message)) {
        receive(link, peer, message);
    } else {
        metrics_add(link->process->metrics, METRIC_BUS_INVALID, 1);
    }
    if (message) {
        zp__core_to_edge__free_unpacked(message, NULL);
    }
}

static void on_beat(void *context, peer_t *peer, str_view *ret_payload) {
    core_link_t *link = context;
    (void)peer;
    *ret_payload = core_messages_beat(&link->messages, &link->lease, link->position, core_link_now_ms(link));
}

/* What was asked of a peer that has gone silent is asked of another. */
static void on_liveness(void *context, peer_t *peer, bool live) {
    core_link_t *link = context;
    log_info("edge.core", "endpoint=%s live=%s", peer_endpoint(peer), live ? "true" : "false");
    core_link_note_outage(link);
    core_link_keep_tending(link);
    core_request *next = NULL;
    for (core_request *request = link->requests.oldest; !live && request; request = next) {
        next = request->next;
        if (request->peer == peer && request->kind == REQUEST_GROUP) {
            request->peer = NULL; /* until it is void it may still be carried out: tend() ends it then */
        } else if (request->peer == peer) {
            core_link_give_back(link, request);
        }
    }
    core_link_send_waiting(link, REQUEST_STATEMENTS);
}

/* ---- time ---- */

static void leave_if_ready(core_link_t *link) {
    bool said_all = statement_queue_has_said_all(&link->statements);
    if (link->lease.state == LEASE_HELD && (said_all || core_link_now_ms(link) >= link->leave_by_ms)) {
        lease_leave(&link->lease);
        peer_t *peer = core_link_any_peer(link);
        core_request *request = peer ? core_link_open_request(link, REQUEST_LEAVE, peer) : NULL;
        link->leave_by_ms = request ? core_link_now_ms(link) + link->ack_timeout_ms : 0;
        if (request) {
            core_link_send_request(link, request, peer,
                                   core_messages_leave(&link->messages, request, &link->lease));
        }
    } else if (link->lease.state != LEASE_HELD && link->lease.state != LEASE_LEFT &&
               core_link_now_ms(link) >= link->leave_by_ms) {
        lease_left(&link->lease);
        link->on_left(link->on_left_context);
    }
}

static void announce_if_ready(core_link_t *link) {
    if (!link->announcing || link->lease.state != LEASE_HELD || link->statements.announcing_count > 0) {
        return;
    }
    peer_t *peer = core_link_any_peer(link);
    core_request *request = peer ? core_link_open_request(link, REQUEST_ANNOUNCED, peer) : NULL;
    if (request) {
        link->announcing = false;
        core_link_send_request(link, request, peer,
                               core_messages_announced(&link->messages, request, &link->lease));
    }
}

/* For how long nothing need be looked at; UINT64_MAX: until something is begun, which makes it known
 * (core_link_keep_tending). */
static uint64_t next_look_ms(const core_link_t *link) {
    if (link->requests.oldest || link->statements.waiting_count > 0) {
        return TEND_BUSY_MS;
    }
    bool something = link->statements.lost_count > 0 || link->announcing || link->on_left ||
                     !late_copy_is_free(&link->late_copy) || peer_set_live_count(link->peers) == 0;
    return something ? TEND_MS : UINT64_MAX;
}

static void tend(uv_timer_t *timer) {
    core_link_t *link = timer->data;
    while (link->requests.oldest &&
           core_link_now_ms(link) - link->requests.oldest->sent_at_ms >= link->ack_timeout_ms) {
        core_link_give_back(link, link->requests.oldest);
    }
    core_link_look_for_silence(link);
    if (peer_set_live_count(link->peers) == 0) {
        core_link_note_outage(link);
    }
    announce_if_ready(link);
    statement_queue_find_lost(&link->statements, link->sessions, core_link_now_ms(link));
    send_what_is_due(link);
    core_link_send_late_copy(link);
    if (link->on_left) {
        leave_if_ready(link);
    }
    uint64_t wait_ms = next_look_ms(link);
    if (wait_ms == UINT64_MAX) {
        uv_timer_stop(timer);
    } else {
        uv_timer_start(timer, tend, wait_ms, 0);
    }
}

void core_link_keep_tending(core_link_t *link) {
    uv_timer_t *timer = &link->timers[TEND_TIMER];
    if (!uv_is_active((uv_handle_t *)timer)) {
        uv_timer_start(timer, tend, TEND_BUSY_MS, 0);
    }
}

void core_link_leave(core_link_t *link, void (*on_left)(void *context), void *context) {
    link->on_left = on_left;
    link->on_left_context = context;
    link->leave_by_ms = link->lease.state == LEASE_HELD ? core_link_now_ms(link) + LEAVE_PATIENCE_MS : 0;
    core_link_send_waiting(link, REQUEST_STATEMENTS);
    core_link_keep_tending(link);
}

void core_link_tell_end(core_link_t *link) {
    peer_set_beat_now(link->peers);
}

/* ---- making and ending ---- */

static void open_timer(core_link_t *link, uv_timer_t *timer) {
    uv_timer_init(&link->process->loop, timer);
    timer->data = link;
    link->open_timers++;
}

static void start_timers(core_link_t *link) {
    uint64_t touch_ms = config_ms(link->process->config, SETTING_PRESENCE_TTL) / TOUCH_DELAYS_PER_TTL;
    touch_ms = touch_ms > TOUCH_DELAY_MAX_MS ? TOUCH_DELAY_MAX_MS : touch_ms;
    open_timer(link, &link->timers[FLUSH_TIMER]);
    open_timer(link, &link->timers[TEND_TIMER]);
    open_timer(link, &link->touch_pulse.timer);
    pulse_start(&link->touch_pulse, on_touch_pulse, touch_ms, PULSE_BEAT);
    core_link_keep_tending(link);
}

zp_error core_link_new(core_link_t **ret_link, process_t *process, sessions_t *sessions,
                       const core_link_hooks *hooks, void *context) {
    static const peer_set_events events = {
        .on_message = on_message, .on_beat = on_beat, .on_liveness = on_liveness};
    core_link_t *link = calloc(1, sizeof *link);
    if (!link) {
        return ZP_NO_MEMORY;
    }
    link->process = process;
    link->sessions = sessions;
    link->hooks = *hooks;
    link->hooks_context = context;
    link->messages.process = process;
    link->ack_timeout_ms = config_ms(process->config, SETTING_ACK_TIMEOUT_MS);
    link->suspect_ms = config_ms(process->config, SETTING_CORE_SUSPECT_MS);
    link->statements.delay_ms = config_ms(process->config, SETTING_STATEMENT_DELAY_MS);
    link->statements.leave_delay_ms = config_ms(process->config, SETTING_LEAVE_DELAY_MS);
    link->settle_ms =
        config_ms(process->config, SETTING_BEAT_INTERVAL_MS) + link->ack_timeout_ms + BUS_RECONNECT_MAX_MS;
    link->batch_max = (size_t)config_integer(process->config, SETTING_STATEMENT_BATCH);
    link->batches_max = (size_t)config_integer(process->config, SETTING_STATEMENT_BATCHES_MAX);
    start_timers(link);
    zp_error error =
        peer_set_new(&link->peers, &process->bus, config_text(process->config, SETTING_CORE_ENDPOINTS),
                     "edge-core/1", &events, link);
    if (error != ZP_OK) {
        core_link_destroy(&link);
        return error;
    }
    *ret_link = link;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *timer) {
    core_link_t *link = timer->data;
    if (--link->open_timers == 0) {
        free(link);
    }
}

void core_link_destroy(core_link_t **ref) {
    core_link_t *link = *ref;
    if (!link) {
        return;
    }
    *ref = NULL;
    peer_set_destroy(&link->peers);
    core_link_give_back_all(link);
    core_messages_free(&link->messages);
    late_copy_forget(&link->late_copy);
    uv_close((uv_handle_t *)&link->timers[FLUSH_TIMER], on_timer_closed);
    uv_close((uv_handle_t *)&link->timers[TEND_TIMER], on_timer_closed);
    uv_close((uv_handle_t *)&link->touch_pulse.timer, on_timer_closed);
}

log_position core_link_position(const core_link_t *link) {
    return link->position;
}

const char *core_link_trouble(const core_link_t *link) {
    if (peer_set_live_count(link->peers) == 0) {
        return "no presence-core answers";
    }
    return link->lease.state == LEASE_HELD ? NULL : "no lease yet";
}

size_t core_link_waiting_count(const core_link_t *link) {
    return link->statements.waiting_count + link->statements.lost_count;
}

bool core_link_is_congested(const core_link_t *link) {
    return link->statements.waiting_count - link->statements.leaving_count >=
           link->batches_max * link->batch_max;
}
