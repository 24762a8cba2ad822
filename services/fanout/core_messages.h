/* core_messages - what cores say, as the feed takes it. The messages must have passed their validators.
 * Owns: nothing. Threads: none. */
#ifndef ZP_FANOUT_CORE_MESSAGES_H
#define ZP_FANOUT_CORE_MESSAGES_H

#include "proto/fanout_core.pb-c.h"
#include "services/fanout/core/feed.h"

/* A copy. NULL: `transitions` is NULL or has none, or out of memory; what was in it is missed and asked for.
 */
transition_batch *transition_batch_dup(const Zp__Transitions *transitions);

/* Users of a piece, their ids borrowed from it; the caller frees the list. NULL: none, or out of memory. */
view_user *view_users_dup_list(const Zp__SnapshotReply *piece);

/* Epoch 0 where there is no position. */
log_position log_position_of(const Zp__Position *position);

feed_outcome feed_outcome_of(Zp__Outcome outcome);

#endif
