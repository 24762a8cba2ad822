/* watched_message - the state of users who have joined the set of one subscriber, as Watched messages:
 * bounded pieces. Owns: its buffers. Threads: none. */
#ifndef ZP_FANOUT_WATCHED_MESSAGE_H
#define ZP_FANOUT_WATCHED_MESSAGE_H

#include "services/fanout/core/view.h"
#include "services/fanout/core/watch_sets.h"

typedef struct watched_message watched_message_t;

/* NULL: out of memory. */
watched_message_t *watched_message_new(void);
void watched_message_destroy(watched_message_t **message);

/* The next users of `set` whose state is to be said, as `view` has it, which holds everything up to
 * `position` and nothing beyond. A packed FanoutToSubscriber, good until the next call. */
str_view watched_message_pack(watched_message_t *message, watch_set_t *set, const view_t *view,
                              log_position position, uint64_t generation, uint64_t number);

#endif
