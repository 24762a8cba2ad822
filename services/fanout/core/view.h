/* view - who is not offline, as of the last transition given to it; and who went offline lately, for whoever
 * attaches in that moment. For each user the newest position wins, so transitions and snapshots may overlap.
 * Owns: its entries, and no more than `recent_offline_max` of them are offline: the longest gone leaves.
 * Threads: none. Units: unix ms. Cost: O(1) a user; a sweep and a walk see everybody. */
#ifndef ZP_FANOUT_VIEW_H
#define ZP_FANOUT_VIEW_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include "common/presence/log_position.h"
#include "common/presence/status.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct view view_t;

typedef struct view_user {
    str_view user_id;
    presence_status status;
    log_position position; /* of the last transition, or of the snapshot that names no user */
    uint64_t last_seen_ms; /* 0: never */
    uint64_t since_ms;     /* of the last transition, 0: none */
} view_user;

/* NULL: out of memory. */
view_t *view_new(size_t recent_offline_max);
void view_destroy(view_t **view);

/* Takes what is said of a user. *ret_from is the status before; where it equals value->status nothing
 * changed, or what is said is older than what is known. ZP_NO_MEMORY: the view is wrong from here on, take a
 * snapshot. */
ZP_MUST_CHECK zp_error view_put(view_t *view, const view_user *value, presence_status *ret_from);

/* False: the view knows nothing of the user, who is offline. The id in *ret_user lives until the view
 * changes.
 */
bool view_find(const view_t *view, str_view user_id, view_user *ret_user);

/* When the user's status last changed, as far as the view knows; 0: it does not know them. */
uint64_t view_since_ms(const view_t *view, str_view user_id);

/* Called for a user, whose id is NUL-terminated here and lives until it returns. It may not change the view.
 */
typedef void view_visit_fn(void *context, const view_user *user, presence_status from);

/* What is put between these two is a snapshot, read at `position` or later. view_sweep takes whoever it did
 * not name, and of whom nothing is known from `position` on, to be offline since then, and calls `visit` for
 * each. */
void view_begin_snapshot(view_t *view);
void view_sweep(view_t *view, log_position position, uint64_t now_unix_ms, view_visit_fn *visit,
                void *context);

/* Everybody who is in it; `from` is the status itself. */
void view_walk(const view_t *view, view_visit_fn *visit, void *context);

size_t view_users_count(const view_t *view);   /* not offline */
size_t view_offline_count(const view_t *view); /* offline, and still named */

#endif
