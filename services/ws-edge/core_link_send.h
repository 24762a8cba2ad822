/* core_link_send - the sending half of core_link: requests to cores, and the batches that carry statements
 * and touches. For core_link.c only. Threads: the loop's. */
#ifndef ZP_WS_EDGE_CORE_LINK_SEND_H
#define ZP_WS_EDGE_CORE_LINK_SEND_H

#include "common/presence/redis_clock.h"
#include "common/runtime/pulse.h"
#include "services/ws-edge/core/lease.h"
#include "services/ws-edge/core/statement_queue.h"
#include "services/ws-edge/core/touch_queue.h"
#include "services/ws-edge/core_link.h"
#include "services/ws-edge/core_messages.h"
#include "services/ws-edge/core_requests.h"
#include "services/ws-edge/late_copy.h"

enum { FLUSH_TIMER, TEND_TIMER, CORE_LINK_TIMERS };
enum { CORE_LINK_HOLD_MS = 100 }; /* after a refusal for now, before anything is said again */

struct core_link {
    process_t *process;
    sessions_t *sessions;
    peer_set_t *peers;
    lease_t lease;
    statement_queue_t statements;
    touch_queue_t touches;
    core_requests_t requests;
    core_messages_t messages;
    uv_timer_t timers[CORE_LINK_TIMERS];
    pulse_t touch_pulse;
    unsigned open_timers;
    uint64_t ack_timeout_ms, suspect_ms, hold_until_ms, leave_by_ms;
    uint64_t settle_ms; /* after an outage: until every edge has found that cores answer, and said what it had
                           to */
    size_t batch_max, batches_max;
    size_t touches_due; /* of those that wait: they leave as acknowledgements make room */
    bool flush_scheduled, announcing;
    log_position position;
    redis_clock_t redis_clock;
    late_copy_t late_copy;
    core_link_hooks hooks;
    void *hooks_context;
    void (*on_left)(void *context);
    void *on_left_context;
};

uint64_t core_link_now_ms(const core_link_t *link);

/* The Redis time at which what is sent now is given up; 0: not known. */
uint64_t core_link_void_after_ms(const core_link_t *link);

/* A core is at `position`. */
void core_link_note_position(core_link_t *link, log_position position);
/* NULL: none. */
log_position core_link_position_of(const Zp__Position *position);

/* Deadlines are looked at while there are any: whoever begins something that has one says so. */
void core_link_keep_tending(core_link_t *link);

/* A new request to `peer`; NULL where memory is out. */
core_request *core_link_open_request(core_link_t *link, core_request_kind kind, peer_t *peer);
/* Where the peer cannot take it, it is given back. */
void core_link_send_request(core_link_t *link, core_request *request, peer_t *peer, str_view payload);

/* FAULT_DUP_BATCH: statements that were sent long ago arrive again, by whichever core chance has. */
void core_link_send_late_copy(core_link_t *link);

/* A core, or Redis behind it, does not answer, or has only just begun to. */
void core_link_note_outage(core_link_t *link);

/* `peer` cannot take it, or cannot do it now: others are asked; where there is none, nothing is said for a
 * moment. */
void core_link_prefer_others(core_link_t *link, peer_t *peer);

/* A core is silent under what it was sent: it is passed over, and what it has not acknowledged goes to
 * another that is not, where there is one. */
void core_link_look_for_silence(core_link_t *link);

/* Ends a request whose outcome was not OK, or is unknown: what it carried waits again. */
void core_link_give_back(core_link_t *link, core_request *request);
void core_link_give_back_all(core_link_t *link);
/* But for questions: those need no lease. */
void core_link_give_back_said(core_link_t *link);

/* The core for what is about this edge, not about one user; NULL: none lives. */
peer_t *core_link_any_peer(core_link_t *link);

/* Sends what waits of one kind (statements or touches), each user to the core that it belongs to, as far as
 * the lease and the limits allow. */
void core_link_send_waiting(core_link_t *link, core_request_kind kind);

#endif
