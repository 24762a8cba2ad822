/* watch_rosters - watch lists (watch_lists.h) that hold rosters: whoever is in a group, or among the contacts
 * of a user, is on the list as if the client had named them, for as long as that is so. Who does not fit,
 * within what one list and all of them may hold, is left out, and put on it when users have left it, and its
 * turn has come: nobody knows who was left out, so that looking for them means a look-up for each user of
 * each roster of the list. Owns: what a list holds. Threads: none. Cost: of changes of rosters: a step for
 * each user on each list that holds any of them, and a look-up for each who came or went. */
#ifndef ZP_WS_EDGE_WATCH_ROSTERS_H
#define ZP_WS_EDGE_WATCH_ROSTERS_H

#include "services/ws-edge/core/rosters.h"
#include "services/ws-edge/core/watch_lists.h"

/* Those of a roster that is known are on the list at once, of another one as soon as it is. Held twice, it is
 * held once. ZP_NO_MEMORY. */
ZP_MUST_CHECK zp_error watch_list_hold(watch_list_t *list, roster_kind kind, str_view id);

/* A removal: between the two no other list changes. Whom neither the client names any more nor a roster
 * leaves the list at its end, and users behind move up. Cost: the length of the list, twice. */
void watch_list_begin_removal(watch_list_t *list);
void watch_list_end_removal(watch_list_t *list);
/* The list holds the roster no longer: within a removal. Harmless where it did not. */
void watch_list_let_go(watch_list_t *list, roster_kind kind, str_view id);

/* Whether there are lists that have left somebody out, and room again. */
bool watch_lists_are_unfilled(const watch_lists_t *lists);
/* Fills such lists, the longest wait first, until `steps_max` look-ups are made, or a list's more. */
void watch_lists_fill(watch_lists_t *lists, size_t steps_max);

/* True, once: the client is to have a snapshot of the list, which is new, or holds more users. Not before
 * every roster that it holds is known. */
bool watch_list_take_snapshot_due(watch_list_t *list);

/* True, once: somebody has been left out. */
bool watch_list_take_left_out(watch_list_t *list);

/* How many are held, each once. */
size_t watch_lists_rosters_count(const watch_lists_t *lists);

/* All that are known: whoever asks for them says here what they are. */
rosters_t *watch_lists_rosters(watch_lists_t *lists);
/* What a core says of a roster. `user_ids`: each once. */
typedef struct roster_news {
    roster_kind kind;
    str_view id;
    uint64_t version;
    char *const *user_ids;
    size_t users_count;
} roster_news;

/* Of each at most once, ROSTERS_ASKED_MAX in all. Harmless where nobody holds one any more. */
void watch_lists_set_rosters(watch_lists_t *lists, const roster_news *news, size_t count);
/* The owner of a list of which one of the two has become true since it was last named here; NULL: there is
 * none. */
void *watch_lists_next_grown(watch_lists_t *lists);

#endif
