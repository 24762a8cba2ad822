#include "services/ws-edge/core_link_send.h"

#include "common/base/random.h"
#include "common/runtime/fault.h"
#include "services/ws-edge/core_questions.h"

enum { LATE_COPY_MS = 700 }; /* later than what tests have as ACK_TIMEOUT_MS */

uint64_t core_link_now_ms(const core_link_t *link) {
    return uv_now(&link->process->loop);
}

uint64_t core_link_void_after_ms(const core_link_t *link) {
    return redis_clock_at(&link->redis_clock, core_link_now_ms(link), link->ack_timeout_ms, 0);
}

void core_link_note_position(core_link_t *link, log_position position) {
    if (log_position_before(link->position, position)) {
        link->position = position;
    }
}

log_position core_link_position_of(const Zp__Position *position) {
    return position ? (log_position){position->epoch, position->seq} : (log_position){0, 0};
}

void core_link_note_outage(core_link_t *link) {
    statement_queue_hold_leaving(&link->statements, core_link_now_ms(link) + link->settle_ms);
}

static void take_back_statements(core_link_t *link, core_request *request) {
    metrics_add(link->process->metrics, METRIC_EDGE_STATEMENTS_AGAIN, (int64_t)request->batch.count);
    statement_queue_give_back(&link->statements, &request->batch, link->sessions, !FAULT(NO_RESEND),
                              core_link_now_ms(link));
}

void core_link_give_back(core_link_t *link, core_request *request) {
    switch (request->kind) {
    case REQUEST_STATEMENTS:
        core_link_note_outage(link);
        take_back_statements(link, request);
        break;
    case REQUEST_TOUCHES:
        touch_queue_end(&link->touches, &request->batch, link->sessions, true);
        break;
    case REQUEST_JOIN:
        if (link->lease.state == LEASE_JOINING) {
            lease_lost(&link->lease);
        }
        break;
    case REQUEST_ANNOUNCED: /* tend() sends it again */
        link->announcing = true;
        break;
    case REQUEST_LEAVE: /* tend() gives up by itself */
        break;
    case REQUEST_ONLINE:
    case REQUEST_STATUSES:
    case REQUEST_ROSTERS:
    case REQUEST_GROUP:
        core_questions_fail(link, request);
        break;
    }
    core_requests_end(&link->requests, request);
}

void core_link_give_back_all(core_link_t *link) {
    while (link->requests.oldest) {
        core_link_give_back(link, link->requests.oldest);
    }
}

void core_link_give_back_said(core_link_t *link) {
    core_request *next = NULL;
    for (core_request *request = link->requests.oldest; request; request = next) {
        next = request->next;
        if (!core_request_is_question(request)) {
            core_link_give_back(link, request);
        }
    }
}

static bool is_silent_under(const core_link_t *link, const core_request *request) {
    return core_link_now_ms(link) - request->sent_at_ms >= link->suspect_ms &&
           peer_heard_ms(request->peer) <= request->sent_at_ms;
}

/* Everybody who had just come would else be unheard until the core is given up, while another edge, whose
 * core answers, says that they left. */
void core_link_look_for_silence(core_link_t *link) {
    if (FAULT(NO_PASSING_OVER)) {
        return;
    }
    for (core_request *request = link->requests.oldest; request; request = request->next) {
        if (request->peer && !peer_is_passed_over(request->peer) && is_silent_under(link, request)) {
            metrics_add(link->process->metrics, METRIC_EDGE_CORES_PASSED_OVER, 1);
            peer_pass_over(request->peer);
        }
    }
    peer_t *other = core_link_any_peer(link);
    if (!other || peer_is_passed_over(other)) {
        return; /* all are silent: then it is Redis, or this process */
    }
    core_request *next = NULL;
    for (core_request *request = link->requests.oldest; request; request = next) {
        next = request->next;
        if (request->kind == REQUEST_STATEMENTS && peer_is_passed_over(request->peer)) {
            statement_queue_hold_leaving(&link->statements, core_link_now_ms(link) + 2 * link->suspect_ms);
            take_back_statements(link, request);
            core_requests_end(&link->requests, request);
        }
    }
}

core_request *core_link_open_request(core_link_t *link, core_request_kind kind, peer_t *peer) {
    core_link_keep_tending(link);
    return core_requests_add(&link->requests, kind, peer, core_link_now_ms(link));
}

void core_link_send_request(core_link_t *link, core_request *request, peer_t *peer, str_view payload) {
    if (peer_send(peer, payload) != ZP_OK) {
        core_link_prefer_others(link, peer);
        core_link_give_back(link, request);
    }
}

void core_link_prefer_others(core_link_t *link, peer_t *peer) {
    peer_pass_over(peer);
    peer_t *other = core_link_any_peer(link);
    if (!other || peer_is_passed_over(other)) {
        link->hold_until_ms = core_link_now_ms(link) + CORE_LINK_HOLD_MS;
    }
}

peer_t *core_link_any_peer(core_link_t *link) {
    return peer_set_choose(link->peers, str_view_of(link->lease.incarnation));
}

static bool may_speak(const core_link_t *link) {
    return link->lease.state == LEASE_HELD && core_link_now_ms(link) >= link->hold_until_ms;
}

void core_link_send_late_copy(core_link_t *link) {
    str_view message = late_copy_due(&link->late_copy, core_link_now_ms(link));
    char chance[RANDOM_HEX_BYTES];
    peer_t *peer = message.len > 0 ? peer_set_choose(link->peers, str_view_of(random_hex(chance))) : NULL;
    if (peer) {
        (void)!peer_send(peer, message);
        late_copy_forget(&link->late_copy);
    }
}

/* Requests being filled, one a peer, and one more a peer for those who leave: a core lets these wait a
 * moment, and nobody who comes is to wait with them. For a peer beyond these the first one is sent as it is.
 */
enum { FILLING_MAX = 16 };
typedef struct open_batches {
    peer_t *peers[FILLING_MAX];
    bool leaving[FILLING_MAX];
    core_request *requests[FILLING_MAX];
    size_t count;
} open_batches;

static void send_filled(core_link_t *link, open_batches *open, size_t i) {
    core_request *request = open->requests[i];
    open->requests[i] = NULL;
    if (!request) {
        return;
    }
    if (request->kind == REQUEST_STATEMENTS) {
        metrics_add(link->process->metrics, METRIC_EDGE_STATEMENTS, (int64_t)request->batch.count);
        /* That somebody left must not be believed any later: they may have come again, here or elsewhere, in
         * words that no core has heard. That somebody came is true until it is said otherwise, and a core
         * with more to do than it can would else do it in vain. */
        uint64_t void_after_ms = open->leaving[i] ? core_link_void_after_ms(link) : 0;
        str_view message = core_messages_statements(&link->messages, request, &link->lease,
                                                    statement_queue_floor(&link->statements), void_after_ms,
                                                    core_link_now_ms(link));
        if (late_copy_is_free(&link->late_copy) && FAULT(DUP_BATCH)) {
            late_copy_keep(&link->late_copy, message, core_link_now_ms(link) + LATE_COPY_MS);
        }
        core_link_send_request(link, request, open->peers[i], message);
    } else {
        metrics_add(link->process->metrics, METRIC_EDGE_TOUCHES, (int64_t)request->batch.count);
        core_link_send_request(
            link, request, open->peers[i],
            core_messages_touches(&link->messages, request, &link->lease, core_link_now_ms(link)));
    }
}

/* The request in which the next user for `peer` goes, or NULL where a limit is reached. */
static core_request *request_for(core_link_t *link, open_batches *open, core_request_kind kind, peer_t *peer,
                                 bool leaving) {
    size_t i = 0;
    while (i < open->count && (open->peers[i] != peer || open->leaving[i] != leaving)) {
        i++;
    }
    if (i < open->count && open->requests[i]) {
        return open->requests[i];
    }
    if (link->requests.batches_count >= link->batches_max) {
        return NULL;
    }
    if (i == FILLING_MAX) {
        i = 0;
        send_filled(link, open, i);
    }
    open->peers[i] = peer;
    open->leaving[i] = leaving;
    open->requests[i] = core_link_open_request(link, kind, peer);
    open->count += i == open->count;
    return open->requests[i];
}

static edge_user *next_user(core_link_t *link, core_request_kind kind) {
    if (kind == REQUEST_STATEMENTS) {
        return statement_queue_peek(&link->statements, core_link_now_ms(link));
    }
    return link->touches_due > 0 ? touch_queue_peek(&link->touches) : NULL;
}

void core_link_send_waiting(core_link_t *link, core_request_kind kind) {
    open_batches open = {0};
    edge_user *user = NULL;
    while (may_speak(link) && (user = next_user(link, kind)) != NULL) {
        peer_t *peer = peer_set_choose(link->peers, str_view_make(user->id, user->id_len_bytes));
        bool leaving = kind == REQUEST_STATEMENTS && user->clients_count == 0;
        core_request *request = peer ? request_for(link, &open, kind, peer, leaving) : NULL;
        if (!request) {
            break;
        }
        if (kind == REQUEST_STATEMENTS) {
            statement_queue_take(&link->statements, user, &request->batch);
        } else {
            touch_queue_take(&link->touches, &request->batch);
            link->touches_due--;
        }
        if (request->batch.count == link->batch_max) {
            for (size_t i = 0; i < open.count; i++) {
                if (open.requests[i] == request) {
                    send_filled(link, &open, i);
                }
            }
        }
    }
    for (size_t i = 0; i < open.count; i++) {
        send_filled(link, &open, i);
    }
}
