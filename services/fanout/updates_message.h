/* updates_message - one batch of updates as the Updates message of each subscriber. The updates are packed
 * once for each set of wire forms in use; a subscriber's own numbers are put in front of them, which
 * protobuf allows: the concatenation of two encodings of a message is the encoding of both merged.
 *
 * Owns: its buffers. Threads: none. */
#ifndef ZP_FANOUT_UPDATES_MESSAGE_H
#define ZP_FANOUT_UPDATES_MESSAGE_H

#include "services/fanout/core/update_batch.h"

typedef struct updates_message updates_message_t;

/* NULL: out of memory. */
updates_message_t *updates_message_new(void);
void updates_message_destroy(updates_message_t **message);

/* What follows is about `batch`, which stays as it is until the next call of this. */
void updates_message_begin(updates_message_t *message, const update_batch *batch);

/* A packed FanoutToSubscriber, good until the next call. Empty: out of memory. */
str_view updates_message_pack(updates_message_t *message, uint32_t wire_forms, uint64_t generation,
                              uint64_t number);

/* Those of the batch in the given places (there are some), without frames: for one that names its users. */
str_view updates_message_pack_some(updates_message_t *message, const size_t *places, size_t count,
                                   uint64_t generation, uint64_t number);

#endif
