/* watch_rosters - watch lists (watch_lists.h) that hold rosters: whoever is in a group, or among the contacts
 * of a user, is on the list as if the client had named them, for as long as that is so. Who does not fit,
 * within what one list and all of them may hold, is left out, and put on it when the roster changes next and
 * there is room. Owns: what a list holds. Threads: none. Cost: of a change of a roster: a step for each user
 * on each list that holds it. */
#ifndef ZP_WS_EDGE_WATCH_ROSTERS_H
#define ZP_WS_EDGE_WATCH_ROSTERS_H

#include "services/ws-edge/core/rosters.h"
#include "services/ws-edge/core/watch_lists.h"

/* Those of a roster that is known are on the list at once, of another one as soon as it is. Held twice, it is
 * held once. ZP_NO_MEMORY. */
ZP_MUST_CHECK zp_error watch_list_hold(watch_list_t *list, roster_kind kind, str_view id);
/* Whoever is on the list because of this roster alone leaves it. Harmless where it is not held. */
void watch_list_let_go(watch_list_t *list, roster_kind kind, str_view id);
/* After that, or after watch_list_remove: whom rosters have and who was left out comes to stand on the list,
 * as far as there is room. */
void watch_list_fill_up(watch_list_t *list);

/* True, once: the client is to have a snapshot of the list, which is new, or holds more users. Not before
 * every roster that it holds is known. */
bool watch_list_take_snapshot_due(watch_list_t *list);

/* True, once: somebody has been left out. */
bool watch_list_take_left_out(watch_list_t *list);

/* How many are held, each once. */
size_t watch_lists_rosters_count(const watch_lists_t *lists);

/* All that are known: whoever asks for them says here what they are. */
rosters_t *watch_lists_rosters(watch_lists_t *lists);
/* A core says so. `user_ids`: each once. Harmless where nobody holds it any more. */
void watch_lists_set_roster(watch_lists_t *lists, roster_kind kind, str_view id, uint64_t version,
                            char *const *user_ids, size_t count);
/* The owner of a list of which one of the two has become true since it was last named here; NULL: there is
 * none. */
void *watch_lists_next_grown(watch_lists_t *lists);

#endif
