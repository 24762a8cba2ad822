/* watch_saying - what a subscriber says of the users whom its watchers name: the Watch messages of one
 * interest, numbered, and whether the fanout takes them. Owns: its buffers. Borrows: the hooks. Threads: the
 * loop's. Time: monotonic ms, passed in. */
#ifndef ZP_SUBSCRIBER_WATCH_SAYING_H
#define ZP_SUBSCRIBER_WATCH_SAYING_H

#include "common/subscriber/fanout_link.h"

typedef struct watch_saying watch_saying_t;

/* NULL: out of memory. */
watch_saying_t *watch_saying_new(const fanout_link_watchers *watchers, void *context);
void watch_saying_destroy(watch_saying_t **saying);

/* A new interest: everybody is to be said. */
void watch_saying_begin(watch_saying_t *saying, uint64_t generation, uint64_t now_ms);

/* The next message, a packed SubscriberToFanout, good until the next call; empty: all has been said. */
str_view watch_saying_next(watch_saying_t *saying);
/* It was sent: who was in it counts as said. */
void watch_saying_sent(watch_saying_t *saying);

/* The fanout has taken the messages up to `last_number`. True: what was sent more than `within_ms` before is
 * not among them, and will not be. */
bool watch_saying_is_lost(watch_saying_t *saying, uint64_t last_number, uint64_t now_ms, uint64_t within_ms);

#endif
