/* core_link - the fanout's side of the cores: hears every core's PUB, asks one of them for what is
 * missing, and beats to all. What it hears goes to the feed (core/feed.h), which decides everything.
 *
 * Owns: the SUB, the peers, the feed. Borrows: the process. Threads: the loop's. */
#ifndef ZP_FANOUT_CORE_LINK_H
#define ZP_FANOUT_CORE_LINK_H

#include "common/runtime/process.h"
#include "services/fanout/core/feed.h"

typedef struct core_link core_link_t;

/* `on_change` may not destroy the link. ZP_INVALID: an endpoint list is malformed (logged). */
ZP_MUST_CHECK zp_error core_link_new(core_link_t **ret_link, process_t *process, feed_change_fn *on_change,
                                     void *context);
void core_link_destroy(core_link_t **link);

/* After process_run: every core hears that this process ends. Does not wait. */
void core_link_tell_end(core_link_t *link);

const feed_t *core_link_feed(const core_link_t *link);

/* In words, why the view is not whole now; NULL: it is. */
const char *core_link_trouble(const core_link_t *link);

/* Sets the metrics of what is here. */
void core_link_measure(const core_link_t *link);

#endif
