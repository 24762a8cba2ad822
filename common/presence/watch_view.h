/* watch_view - the status that a subscriber's watchers know of each user, so that they are told differences
 * only and never anything older (DESIGN section 4.3). Everybody who is not in it counts as offline. Owns: its
 * entries. Threads: none. Time: unix ms, passed through.
 *
 *     unknown ──begin..state..end──> known ──lost──> known (stale until the next begin..end)
 *        ^                            │
 *        └──────────forget────────────┘ nobody watches any more
 */
#ifndef ZP_PRESENCE_WATCH_VIEW_H
#define ZP_PRESENCE_WATCH_VIEW_H

#include "common/base/error.h"
#include "common/base/ring.h"
#include "common/base/str_view.h"
#include "common/presence/log_position.h"
#include "common/presence/status.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct watch_view watch_view_t;

typedef struct watch_change {
    str_view user_id;
    presence_status from, to; /* `from`: as the watchers know it */
    log_position position;    /* of what is told; in a view that is read anew they come in no order */
    uint64_t at_ms;           /* since when `to` is shown */
    uint64_t place;           /* of the user in a walk */
} watch_change;

/* The watchers must be told. */
typedef void watch_view_tell_fn(void *context, const watch_change *change);

/* NULL: out of memory. */
watch_view_t *watch_view_new(watch_view_tell_fn *tell, void *context);
void watch_view_destroy(watch_view_t **view);

/* Somebody begins to watch, and nobody did: changes after `since` must be told. */
void watch_view_start(watch_view_t *view, log_position since);
/* Nobody watches any more. */
void watch_view_forget(watch_view_t *view);

/* The present state, piece by piece, as a fanout gives it. Between begin and end, a user not named keeps what
 * is known; at end, whoever was not named is offline. */
void watch_view_begin(watch_view_t *view);
ZP_MUST_CHECK zp_error watch_view_state(watch_view_t *view, str_view user_id, presence_status status,
                                        log_position position, uint64_t since_ms);
void watch_view_end(watch_view_t *view, log_position position, uint64_t now_unix_ms);

/* One change. *ret_change is what the watchers have to hear, its user_id borrowed from the caller; false:
 * nothing (older, or no change). */
bool watch_view_apply(watch_view_t *view, str_view user_id, presence_status to, log_position position,
                      uint64_t at_ms, watch_change *ret_change);

/* Whoever tells the changes says that everything up to `position` has been told. True: that was not sure, and
 * the view has settled by it. */
bool watch_view_reached(watch_view_t *view, log_position position);

/* Whether the watchers have been told something newer of `user_id` than what was read at `position`: then
 * *ret_status is what they know. */
bool watch_view_is_newer(const watch_view_t *view, str_view user_id, log_position position,
                         presence_status *ret_status);

/* What is known of one user: offline, with no position and no time, of whom nothing is. */
typedef struct watched_state {
    str_view user_id; /* lives as long as the view stays as it is */
    presence_status status;
    log_position position;
    uint64_t since_ms;
} watched_state;

void watch_view_find(const watch_view_t *view, str_view user_id, watched_state *ret_state);

/* Which begin..end the view rests on; 0 while it is not known. */
uint32_t watch_view_round(const watch_view_t *view);

/* Known, not being read anew, and its changes came one behind the other: then it holds everything up to its
 * position, and nothing beyond. (A fanout that recovers from a snapshot tells differences in no order.) */
bool watch_view_is_settled(const watch_view_t *view);

/* The newest position that is in the view. */
log_position watch_view_position(const watch_view_t *view);
size_t watch_view_users_count(const watch_view_t *view);

/* A walk sees everybody who is in the view, some now and some later, while the view changes. Whoever comes
 * meanwhile is seen at its end; whoever leaves before it got there is not seen. It ends before the view does.
 */
typedef struct watch_walk {
    ring link; /* in the view's list of walks */
    struct watched_user *next;
    uint64_t place; /* whoever has a lower one has been seen */
} watch_walk;

/* `walk` is zeroed, or has ended. */
void watch_walk_begin(watch_view_t *view, watch_walk *walk);
/* False: everybody has been seen. */
bool watch_walk_next(watch_walk *walk, watched_state *ret_state);
/* Harmless where it has ended. */
void watch_walk_end(watch_walk *walk);
/* Whether the walk had seen that user before the change. */
static inline bool watch_walk_has_seen(const watch_walk *walk, const watch_change *change) {
    return change->place < walk->place;
}

#endif
