/* interest - who must hear: every subscriber, what it wants to hear, and how far it was told (DESIGN
 * sections 4.3 and 5).
 *
 *     DETACHED ──wants to hear all──> AWAITING ──the view stands at `seen`──> ATTACHED
 *         ^                              │                                       │
 *         └──── Detach, it cannot take what is sent, or what it said was lost ───┘
 *
 * A subscriber that names its users is ATTACHED at once, as what it is told is judged there user by user; so
 * is one where nobody listens, which is sent nothing but beats. Owns: the subscribers, `subscribers_max` at
 * most, and the sets of users that they name, of `watched_max` users in all. Threads: none. Time: monotonic
 * ms, always passed in. Cost: a lookup is O(1); all else walks the subscribers, which are few: one for each
 * edge and http-api. */
#ifndef ZP_FANOUT_INTEREST_H
#define ZP_FANOUT_INTEREST_H

#include "common/base/str_view.h"
#include "common/presence/log_position.h"
#include "services/fanout/core/watch_sets.h"
#include <stddef.h>
#include <stdint.h>

typedef struct interest interest_t;
typedef struct subscriber subscriber_t; /* lives until interest_forget_silent drops it */

typedef enum subscriber_state {
    SUBSCRIBER_DETACHED,
    SUBSCRIBER_AWAITING,
    SUBSCRIBER_ATTACHED
} subscriber_state;

typedef enum interest_kind { INTEREST_NONE, INTEREST_BY_USER, INTEREST_ALL } interest_kind;

enum { SUBSCRIBER_IDENTITY_MAX_BYTES = 255, SUBSCRIBER_NAME_MAX_BYTES = 64 };

/* NULL: out of memory. */
interest_t *interest_new(size_t subscribers_max, size_t watched_max);
void interest_destroy(interest_t **interest);

/* Somebody was heard. NULL: a stranger, and there is no room (or no memory) for one more. */
subscriber_t *interest_hear(interest_t *interest, str_view identity, uint64_t now_ms);
void subscriber_set_name(subscriber_t *subscriber, str_view name);

/* It says its interest. False: it has said something newer already, and this changed nothing. */
bool interest_set(interest_t *interest, subscriber_t *subscriber, uint64_t generation, interest_kind kind,
                  uint32_t wire_forms, log_position seen);
/* It wants to hear nothing, unless it has said something newer. */
void interest_clear(interest_t *interest, subscriber_t *subscriber, uint64_t generation);
/* What was sent to it did not get there: it will find itself detached, and say its interest again. False: it
 * was detached already. */
bool interest_cut(interest_t *interest, subscriber_t *subscriber);
/* It names more users than there is room for: it is detached, and not to name users again as long as somebody
 * listens there. */
void interest_refuse_users(interest_t *interest, subscriber_t *subscriber);
bool subscriber_may_name_users(const subscriber_t *subscriber);
/* It gets the view of `position` now, and updates from 1 on. */
void interest_attach(interest_t *interest, subscriber_t *subscriber);

/* A subscriber that waits for a view, and for which one of `position` is new enough; or NULL. */
subscriber_t *interest_next_awaiting(interest_t *interest, log_position position);

/* The subscriber behind `previous` (NULL: the first); or NULL. */
subscriber_t *interest_next(interest_t *interest, subscriber_t *previous);

/* The subscriber behind `previous` (NULL: the first) who hears updates; or NULL. */
subscriber_t *interest_next_listener(interest_t *interest, subscriber_t *previous);

/* -- those that name their users -- */

typedef enum watch_verdict {
    WATCH_NEXT,  /* it counts as taken: the users are to be added and removed */
    WATCH_STALE, /* of another interest than the one that is attached */
    WATCH_GAP,   /* one before it was lost */
} watch_verdict;

/* It says a Watch. */
watch_verdict interest_take_watch(subscriber_t *subscriber, uint64_t generation, uint64_t number);
uint64_t subscriber_last_watch(const subscriber_t *subscriber);

/* Its set; NULL: it names no users. */
watch_set_t *subscriber_watch_set(const subscriber_t *subscriber);
/* The view was made anew, and told differences only: all wait for the state of their users. */
void interest_unanswer(interest_t *interest);
/* One that waits for the state of users; or NULL. */
subscriber_t *interest_next_unanswered(interest_t *interest);

/* The change in that place of the batch is one of `user_id`. False: nobody is to hear it. */
bool interest_note(interest_t *interest, str_view user_id, size_t place);
size_t interest_watched_count(const interest_t *interest);

/* -- */

/* Forgets who was silent for longer than `silence_ms`; returns how many. */
size_t interest_forget_silent(interest_t *interest, uint64_t now_ms, uint64_t silence_ms);

/* Bits of the wire forms that those who hear all, attached or awaiting, have in use. */
uint32_t interest_wire_forms(const interest_t *interest);
size_t interest_listeners_count(const interest_t *interest); /* attached, and not deaf */
size_t interest_subscribers_count(const interest_t *interest);

str_view subscriber_identity(const subscriber_t *subscriber);
const char *subscriber_name(const subscriber_t *subscriber);
uint32_t subscriber_wire_forms(const subscriber_t *subscriber);
uint64_t subscriber_generation(const subscriber_t *subscriber);          /* of its interest */
uint64_t subscriber_attached_generation(const subscriber_t *subscriber); /* the same, or 0: not attached */
uint64_t subscriber_last_number(const subscriber_t *subscriber);
/* For the next Updates or Watched: 1, 2, 3, ... */
uint64_t subscriber_take_number(subscriber_t *subscriber);

#endif
