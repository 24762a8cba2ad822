/* subscriber_link - the fanout's side of its subscribers: answers beats, takes interest, sends views and
 * updates. Everything told in one turn of the loop goes out at the end of that turn, in one message to
 * each listener; a subscriber that cannot take it is detached, and finds that out by its next beat.
 *
 * Owns: the ROUTER, the subscribers. Borrows: the process, the feed. Threads: the loop's. */
#ifndef ZP_FANOUT_SUBSCRIBER_LINK_H
#define ZP_FANOUT_SUBSCRIBER_LINK_H

#include "common/runtime/process.h"
#include "services/fanout/core/feed.h"

typedef struct subscriber_link subscriber_link_t;

/* Listens on FANOUT_LISTEN. ZP_SYSTEM: cannot (logged with the reason). */
ZP_MUST_CHECK zp_error subscriber_link_new(subscriber_link_t **ret_link, process_t *process,
                                           const feed_t *feed);
void subscriber_link_destroy(subscriber_link_t **link);

/* A change that the feed has just made: listeners will hear of it in this turn of the loop. */
void subscriber_link_tell(subscriber_link_t *link, const feed_change *change);

/* Sends what was told now. */
void subscriber_link_flush(subscriber_link_t *link);

/* host:port where it really listens. */
const char *subscriber_link_address(const subscriber_link_t *link);

/* Sets the gauges of what is here. */
void subscriber_link_measure(const subscriber_link_t *link);

#endif
