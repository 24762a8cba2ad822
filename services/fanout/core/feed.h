/* feed - how a fanout comes to know who is online, and stays right: decides when to take a snapshot, what to
 * replay, and which changes are new (DESIGN section 4.2).
 *
 *     WAITING ──position known, not rebuilding──> SNAPSHOT ──last piece──> FOLLOWING
 *        ^                                           │                        │
 *        └────── a new epoch, rebuilding, the log trimmed, memory out ────────┘
 *
 * A snapshot is read in pieces while the log goes on: the position is noted first, and everything after it
 * is taken from the log. The view of the time before is kept until then, and only differences are told.
 *
 * Owns: a sequencer and a view. Threads: none. Time: `now_ms` monotonic, always passed in; all others unix
 * ms.
 *
 * An adapter tells it what it hears, and after each of these calls sends what feed_next_request says. */
#ifndef ZP_FANOUT_FEED_H
#define ZP_FANOUT_FEED_H

#include "common/base/error.h"
#include "services/fanout/core/sequencer.h"
#include "services/fanout/core/view.h"

typedef struct feed feed_t;

typedef enum feed_state { FEED_WAITING, FEED_SNAPSHOT, FEED_FOLLOWING } feed_state;

typedef struct feed_options {
    uint64_t reorder_window_ms;
    size_t reorder_max;
    size_t recent_offline_max;
    uint64_t answer_within_ms; /* silence after which a request is made again */
} feed_options;

/* One change of a user's status in the view, in the order in which observers must hear them. */
typedef struct feed_change {
    str_view user_id; /* until the call returns */
    log_position position;
    presence_status from, to;
    uint64_t at_ms;
} feed_change;

typedef void feed_change_fn(void *context, const feed_change *change);

typedef enum feed_request_kind { FEED_ASK_SNAPSHOT, FEED_ASK_REPLAY } feed_request_kind;

typedef struct feed_request {
    feed_request_kind kind;
    uint64_t id;       /* stays while the same is asked again */
    uint32_t attempt;  /* rises then: ask another core */
    str_view after;    /* of a snapshot; good until the next call */
    log_position from; /* of a replay */
} feed_request;

/* How a request ended; whatever else a core answers counts as FEED_LATER. */
typedef enum feed_outcome { FEED_OK, FEED_LATER, FEED_TRIMMED, FEED_REBUILDING } feed_outcome;

typedef struct feed_counts {
    uint64_t transitions, duplicates, not_held, gaps, snapshots, epochs;
} feed_counts;

/* NULL: out of memory. `on_change` may not call the feed. */
feed_t *feed_new(const feed_options *options, feed_change_fn *on_change, void *context);
void feed_destroy(feed_t **feed);

/* A core said where the log ends (a Beacon, or the reply to a beat). */
void feed_hear_position(feed_t *feed, log_position position, bool rebuilding, uint64_t now_ms);

/* Transitions came by PUB. Takes `take_batch`. */
void feed_hear_transitions(feed_t *feed, transition_batch *take_batch, uint64_t now_ms);

/* The answer to request `id`; `take_batch` may be NULL: there is nothing from there on. */
void feed_hear_replay(feed_t *feed, uint64_t id, feed_outcome outcome, transition_batch *take_batch,
                      log_position position, uint64_t now_ms);

/* `users`: positions are filled in here, from `position` and what stands in each `seq`. */
void feed_hear_snapshot(feed_t *feed, uint64_t id, feed_outcome outcome, log_position position,
                        const view_user *users, size_t users_count, bool last, uint64_t now_ms,
                        uint64_t now_unix_ms);

/* True: *ret_request must be sent now. Time counts as asked for. */
bool feed_next_request(feed_t *feed, uint64_t now_ms, feed_request *ret_request);

/* The request could not be sent, or who was asked is gone: it is due again after `delay_ms`. */
void feed_ask_again(feed_t *feed, uint64_t now_ms, uint64_t delay_ms);

/* Instead of asking for a replay: goes on behind the gap. */
void feed_skip_gap(feed_t *feed, uint64_t now_ms);

/* When feed_next_request may have something to say, or UINT64_MAX. */
uint64_t feed_due_ms(const feed_t *feed);

/* The view has been whole once: it may be shown. */
bool feed_is_complete(const feed_t *feed);
/* It is whole now, and of the newest epoch known of. */
bool feed_is_current(const feed_t *feed);
/* Everything up to here is in the view. */
log_position feed_position(const feed_t *feed);
/* The highest position known of: the high-water mark to tell to cores. */
log_position feed_horizon(const feed_t *feed);
feed_state feed_state_now(const feed_t *feed);
bool feed_is_rebuilding(const feed_t *feed);
const view_t *feed_view(const feed_t *feed);
const feed_counts *feed_counted(const feed_t *feed);

#endif
