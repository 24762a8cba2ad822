/* watch_lists - which users the clients of this edge have asked to hear of (type 33), and what each has been
 * told of them: a list for each such client, and, the other way round, who watches a user. What a client
 * still has to be told is one change a user, whatever it misses meanwhile: a slow one costs its list and no
 * more, and is told the newest when it reads. Owns: the lists; room for `watches_max` watches in all.
 * Threads: none. Time: unix ms, passed through. Cost: of a change: one look-up, and a step for each who
 * watches that user.
 *
 * Whoever tells the changes (a fanout) is told of whom: who is watched that was not, and who is not any more.
 * Whom nobody watches is kept until that has been said.
 *
 * A watch is silent until a snapshot has named its user (watch_list_told): from then on the client knows a
 * position, and hears of what comes after it, once and never backwards. */
#ifndef ZP_WS_EDGE_WATCH_LISTS_H
#define ZP_WS_EDGE_WATCH_LISTS_H

#include "common/base/error.h"
#include "common/presence/watch_view.h"
#include "common/wire/wire_form.h"

typedef struct watch_lists watch_lists_t;
typedef struct watch_list watch_list_t;

/* NULL: out of memory. `list_max`: of one list, however many users its rosters have. */
watch_lists_t *watch_lists_new(size_t watches_max, size_t list_max);
/* Every list must have been ended. */
void watch_lists_destroy(watch_lists_t **lists);

size_t watch_lists_count(const watch_lists_t *lists);
size_t watch_lists_watches_count(const watch_lists_t *lists);
size_t watch_lists_users_count(const watch_lists_t *lists); /* who are on them, each once */

/* A list of nobody, with room for `room` users, at most list_max, which counts until it ends; it grows
 * with its rosters.
 * ZP_FULL: there would be room for more than `watches_max` in all, once it has taken the place of `replaced`
 * (NULL: of none). `owner` comes back from watch_lists_next_changed. */
ZP_MUST_CHECK zp_error watch_list_new(watch_lists_t *lists, size_t room, const watch_list_t *replaced,
                                      void *owner, watch_list_t **ret_list);
void watch_list_end(watch_list_t **list);
/* The list that it replaces has ended. */
void watch_list_has_replaced(watch_list_t *list);

/* The client names the user; all of them before the list holds a roster (watch_rosters.h), and before another
 * list is filled. One who is on it already is there once. ZP_FULL: no room. */
ZP_MUST_CHECK zp_error watch_list_add(watch_list_t *list, str_view user_id);
/* The client names the user no longer: within a removal (watch_rosters.h). */
void watch_list_remove(watch_list_t *list, str_view user_id);
size_t watch_list_users_count(const watch_list_t *list);
/* How often somebody has left the list so far. Who comes back to it is known of only from there on. */
uint32_t watch_list_leavings(const watch_list_t *list);

/* -- whom to tell of -- */

/* The first `most` of whom it is to be said that they are watched now, or not any more, and which of both.
 * Returns how many there are. Ids are NUL-terminated and live until the lists change. */
size_t watch_lists_unsaid(const watch_lists_t *lists, char *user_ids[], bool are_watched[], size_t most);
/* It has been said of the first `count`. */
void watch_lists_said(watch_lists_t *lists, size_t count);
/* Nothing counts as said: of everybody who is watched it is to be said again. */
void watch_lists_unsay(watch_lists_t *lists);

/* -- snapshots: users by their place on the list, from 0 -- */

/* The place of the first whom no snapshot has named: those who have been come first. */
size_t watch_list_told_count(const watch_list_t *list);

const char *watch_list_user(const watch_list_t *list, size_t place);
/* What a core says of the user was read at *position: where a newer change has been heard here, *status and
 * *position become that one's. */
void watch_list_newest(const watch_list_t *list, size_t place, presence_status *status,
                       log_position *position);
/* The client knows now that the user is `status`, as of `position`. */
void watch_list_told(watch_list_t *list, size_t place, presence_status status, log_position position);

/* -- changes -- */

/* Returns how many changes need not be told any more, as this one takes their place. */
size_t watch_lists_tell(watch_lists_t *lists, const watch_change *change);

/* The view of changes is settled, anew or once more: whoever it shows otherwise than the clients know, and
 * newer, has changed while nobody told. */
void watch_lists_settle(watch_lists_t *lists, const watch_view_t *view, uint64_t now_unix_ms);

bool watch_lists_have_changed(const watch_lists_t *lists);
/* The owner of a list of which something is to be told since it was last named here; NULL: there is none. */
void *watch_lists_next_changed(watch_lists_t *lists);

/* Nothing waits to be told. */
bool watch_list_is_told(const watch_list_t *list);

/* Writes ready-made server frames of what is to be told, as many as fit; returns the bytes. *ret_coalesced
 * counts changes that came to nothing. `out_bytes` as update_log_read wants it. */
size_t watch_list_take(watch_list_t *list, wire_form form, char *out, size_t out_bytes,
                       size_t *ret_coalesced);

#endif
