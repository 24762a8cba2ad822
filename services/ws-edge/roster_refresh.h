/* roster_refresh - asks the cores who is in the groups, and among the contacts, that clients of this edge
 * watch: what is new at once, all of it again every GROUP_REFRESH_MS, and what one question has no room for
 * in the next; one question at a time. A core that cannot be asked is not asked again for a moment. Lists
 * that left somebody out are filled little by little (FILL_STEPS): clients may make as many such lists as
 * they like. Owns: its timers. Borrows: the watch lists, the core_link. Threads: the loop's. */
#ifndef ZP_WS_EDGE_ROSTER_REFRESH_H
#define ZP_WS_EDGE_ROSTER_REFRESH_H

#include "services/ws-edge/core/watch_rosters.h"
#include "services/ws-edge/core_link.h"

typedef struct roster_refresh roster_refresh_t;

/* The list of `client` has grown: see watch_lists_next_grown. */
typedef void roster_refresh_grown_fn(void *context, edge_client *client);

ZP_MUST_CHECK zp_error roster_refresh_new(roster_refresh_t **ret_refresh, process_t *process,
                                          watch_lists_t *lists, core_link_t *core,
                                          roster_refresh_grown_fn *on_grown, void *context);
void roster_refresh_destroy(roster_refresh_t **refresh);

/* A list may hold a roster that is not known yet, or have room again for whom it left out. */
void roster_refresh_look(roster_refresh_t *refresh);

/* What came of a question (core_link_hooks). */
void roster_refresh_answer(roster_refresh_t *refresh, const Zp__RostersReply *reply);

#endif
