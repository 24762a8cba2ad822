/* fanout_link - what a subscriber (ws-edge, http-api) hears of users: attaches to one fanout, keeps its
 * watchers' view, and has them told of every difference, once and never backwards (DESIGN section 4.3). The
 * fanout is chosen by rendezvous hashing of this process's name over those that are ready; on a gap, a
 * restart or a change of fanout the whole interest is sent again, and only differences are told. Where nobody
 * listens nothing is sent here but beats. Owns: the peers, the view. Threads: the loop's. */
#ifndef ZP_SUBSCRIBER_FANOUT_LINK_H
#define ZP_SUBSCRIBER_FANOUT_LINK_H

#include "common/base/error.h"
#include "common/presence/watch_view.h"
#include "common/runtime/process.h"
#include "proto/subscriber_fanout.pb-c.h"

typedef struct fanout_link fanout_link_t;

/* Who listens here. None of these may destroy the link. */
typedef struct fanout_link_hooks {
    size_t (*listeners_count)(void *context);
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

/* The listeners came, went, or use a new wire form. `known` is the newest position that this process knows
 * of: what happens after it must reach a first watcher. */
void fanout_link_interest_changed(fanout_link_t *link, log_position known);

/* What the watchers know. */
const watch_view_t *fanout_link_view(const fanout_link_t *link);
/* The same, to walk through. */
watch_view_t *fanout_link_walked_view(fanout_link_t *link);

/* The highest position heard here. */
log_position fanout_link_position(const fanout_link_t *link);

/* A text that says why nothing is heard now, or NULL (also where nobody listens). */
const char *fanout_link_trouble(const fanout_link_t *link);

#endif
