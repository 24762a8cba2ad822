/* statement_queue - which users the core must be told about, what of it is acknowledged, and the floor below
 * which nothing can come late any more (DESIGN sections 2 and 4.1).
 *
 *     marked ──> waiting ──take──> in flight ──acknowledged──> said
 *                   ^                  │ not acknowledged in time, refused for now, peer lost
 *                   └──────────────────┘ (a fresh statement with a higher number: it is the whole truth
 * anyway)
 *
 * A user may be marked again while in flight: the numbers decide, not the order of arrival.
 *
 * That a user has left this edge is said later than that one has come: whoever changes edges opens the new
 * connection before closing the old one, and must not be shown offline because this edge was the faster one
 * to say so (DESIGN section 8, invariant 1). Also, edges find out each at its own moment that a core answers
 * again: until all have (statement_queue_hold_leaving), nobody's leaving is said.
 *
 * Owns: counters, and the statement_state of each user of whom something is waiting or unacknowledged: the
 * others, nearly all, have none. Where memory is out for one, its user is lost until found again.
 * Threads: none. Cost: O(1) a user. */
#ifndef ZP_WS_EDGE_STATEMENT_QUEUE_H
#define ZP_WS_EDGE_STATEMENT_QUEUE_H

#include "services/ws-edge/core/sessions.h"

typedef struct user_list {
    edge_user *first, *last;
} user_list;

typedef struct statement_queue {
    user_list waiting, leaving; /* leaving: users without a connection, by leaves_at_ms, ascending */
    uint64_t delay_ms;          /* for which waiting waits for company; set by the owner */
    uint64_t leave_delay_ms;    /* for which leaving waits; likewise */
    uint64_t flushed_at_ms;     /* when what had waited for company left last */
    size_t flushed_count;       /* how many were these */
    uint64_t leaving_held_until_ms;
    edge_user *first_unacked, *last_unacked; /* by first_unacked, ascending */
    size_t waiting_count;                    /* in both lists */
    size_t lost_count;                       /* marked users that are in neither: memory was out */
    size_t leaving_count;                    /* in `leaving` */
    size_t announcing_count; /* users of whom this incarnation has not yet had an acknowledgement, of those
                                announced */
    uint64_t last_number;
} statement_queue_t;

/* The core must hear of `user`; `reason` is a static text of the log's vocabulary. */
void statement_queue_mark(statement_queue_t *queue, edge_user *user, const char *reason, uint64_t now_ms);

/* Marks again whom a lack of memory has lost. O(1) where it has lost nobody, else O(users). */
void statement_queue_find_lost(statement_queue_t *queue, sessions_t *sessions, uint64_t now_ms);

/* Nothing is waiting, and everything is acknowledged. */
bool statement_queue_has_said_all(const statement_queue_t *queue);

/* Nobody's leaving is said before `until_ms`. */
void statement_queue_hold_leaving(statement_queue_t *queue, uint64_t until_ms);

/* For how long one that begins to wait now waits for company. A message costs five processes a wake, whatever
 * it carries: one statement alone waits for delay_ms, and the more left together just now, the longer the
 * next ones wait for each other: a delay_ms for each from then on, STATEMENT_DELAYS_MOST at most. */
enum { STATEMENT_DELAYS_MOST = 5 };
uint64_t statement_queue_wait_ms(const statement_queue_t *queue, uint64_t now_ms);

/* Of those who had waited for company so many have left. */
void statement_queue_note_flush(statement_queue_t *queue, uint64_t now_ms, size_t count);

/* The user whose statement comes next, or NULL. Take it, or leave it where it is. */
edge_user *statement_queue_peek(const statement_queue_t *queue, uint64_t now_ms);

/* Takes the user that peek gave into `batch`, which must have room, under a new number. */
void statement_queue_take(statement_queue_t *queue, edge_user *user, user_batch *batch);

/* The batch was applied. Users that nothing holds any more are forgotten. */
void statement_queue_acknowledge(statement_queue_t *queue, user_batch *batch, sessions_t *sessions);

/* The batch's fate is unknown: what is still the newest word on its user waits again, if `again`. */
void statement_queue_give_back(statement_queue_t *queue, user_batch *batch, sessions_t *sessions, bool again,
                               uint64_t now_ms);

/* Every statement numbered up to here is acknowledged, or superseded by one that is. */
uint64_t statement_queue_floor(const statement_queue_t *queue);

/* A new incarnation: numbers begin anew, and everybody is to be announced. Batches in flight must have been
 * given back before. What was held is held no more. */
void statement_queue_restart(statement_queue_t *queue, sessions_t *sessions, uint64_t now_ms);

#endif
