/* fanout_link - what a subscriber (ws-edge, http-api) hears of users: attaches to one fanout, keeps its
 * listeners' view, and has them told of every difference, once and never backwards (DESIGN section 4.3). The
 * fanout is chosen by rendezvous hashing of this process's name over those that are ready; on a gap, a
 * restart or a change of fanout the whole interest is sent again, and only differences are told.
 *
 * What is asked of the fanout (DESIGN section 5), each time anew as it changes:
 *   everybody  while somebody listens, who hears of everybody; watchers, who name users, then live on that,
 * and for a moment after the last has gone; by user    while there are watchers only: of whom, is said as it
 * changes. There is no view then: watchers are told everything that comes, with its position, and judge by it
 * what is news; nobody     else: nothing is sent here but beats.
 *
 * Owns: the peers, the view. Threads: the loop's. */
#ifndef ZP_SUBSCRIBER_FANOUT_LINK_H
#define ZP_SUBSCRIBER_FANOUT_LINK_H

#include "common/base/error.h"
#include "common/presence/watch_view.h"
#include "common/runtime/process.h"
#include "proto/subscriber_fanout.pb-c.h"

typedef struct fanout_link fanout_link_t;

/* Who watches users by name here. */
typedef struct fanout_link_watchers {
    size_t (*count)(void *context);
    /* The first `most` of whom it was not said that they are watched now, or not any more, and which of both;
     * ids are NUL-terminated, and live until this call or the next is made. Returns how many there are. */
    size_t (*find_unsaid)(void *context, char *user_ids[], bool are_watched[], size_t most);
    void (*said)(void *context, size_t count); /* of the first `count` */
    void (*unsay)(void *context);              /* nothing counts as said */
    /* By user only. What is told comes in no order and may be known; `from` means nothing. */
    void (*tell)(void *context, const watch_change *change);
} fanout_link_watchers;

/* Who listens here. None of these may destroy the link. */
typedef struct fanout_link_hooks {
    size_t (*listeners_count)(void *context);
    const fanout_link_watchers *by_name;   /* NULL: nobody ever watches by name; lives as long as the link */
    uint32_t (*wire_forms)(void *context); /* bits of those whose frames the fanout is to encode */
    /* `given` has the frames that the fanout encoded of this very change; NULL where there are none. */
    void (*tell)(void *context, const watch_change *change, const Zp__Update *given);
    void (*settled)(void *context); /* the view is settled, anew or for the first time; may be NULL */
    metric_id interests;            /* counts what is sent to fanouts */
} fanout_link_hooks;

/* `hooks` are copied. */
ZP_MUST_CHECK zp_error fanout_link_new(fanout_link_t **ret_link, process_t *process,
                                       const fanout_link_hooks *hooks, void *context);
void fanout_link_destroy(fanout_link_t **link);

/* The first listener came, the last one went, or they use a new wire form; or, while there is none, likewise
 * the watchers. `known` is the newest position that this process knows of: what happens after it must reach a
 * first listener. Whom the watchers name is found at the end of each turn of the loop. */
void fanout_link_interest_changed(fanout_link_t *link, log_position known);

/* What the listeners know. */
const watch_view_t *fanout_link_view(const fanout_link_t *link);
/* The same, to walk through. */
watch_view_t *fanout_link_walked_view(fanout_link_t *link);

/* The highest position heard here. */
log_position fanout_link_position(const fanout_link_t *link);

/* A text that says why nothing is heard now, or NULL (also where nobody wants to). */
const char *fanout_link_trouble(const fanout_link_t *link);

#endif
