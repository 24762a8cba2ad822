/* watch_sets - of whom each subscriber wants to hear that names its users: a set for each such subscriber,
 * and, the other way round, in whose sets a user is. A set also keeps who has joined it and whose state has
 * not been said yet, and which changes of a batch are for it. Owns: the sets; `users_max` users over all of
 * them. Threads: none. Cost: of a change, a user added or removed: one look-up, and a step for each set that
 * has the user: there are few sets. */
#ifndef ZP_FANOUT_WATCH_SETS_H
#define ZP_FANOUT_WATCH_SETS_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct watch_sets watch_sets_t;
typedef struct watch_set watch_set_t;

/* Changes of one batch that can be noted for a set. */
enum { WATCH_SET_NOTES_MAX = 256 };

/* NULL: out of memory. */
watch_sets_t *watch_sets_new(size_t users_max);
/* Every set must have been ended. */
void watch_sets_destroy(watch_sets_t **sets);

/* Users in all sets, once for each set. */
size_t watch_sets_users_count(const watch_sets_t *sets);

/* An empty set; NULL: out of memory. */
watch_set_t *watch_set_new(watch_sets_t *sets);
/* Harmless where it is NULL. */
void watch_set_end(watch_set_t **set);

/* The user's state is to be said; likewise where the user is in it already. ZP_FULL: there would be more than
 * `users_max`. */
ZP_MUST_CHECK zp_error watch_set_add(watch_set_t *set, str_view user_id);
/* Harmless where the user is not in it. */
void watch_set_remove(watch_set_t *set, str_view user_id);

/* -- states -- */

bool watch_set_is_answered(const watch_set_t *set);
/* The states of all its users are to be said, once more. */
void watch_set_unanswer(watch_set_t *set);
/* One whose state is to be said, which counts as done now: the id is NUL-terminated, and lives as long as the
 * user is in the set. NULL: there is none. */
const char *watch_set_take_unanswered(watch_set_t *set);

/* -- changes -- */

/* The change in place `place` of the batch is one of `user_id`: it is noted for each set that has the user.
 * False: none has. Places rise within a batch, and are below WATCH_SET_NOTES_MAX. */
bool watch_sets_note(watch_sets_t *sets, str_view user_id, size_t place);
/* Places of the changes that were noted for the set since watch_set_forget_notes. */
const size_t *watch_set_notes(const watch_set_t *set, size_t *ret_count);
void watch_set_forget_notes(watch_set_t *set);

#endif
