/* transition_batch - the transitions of one message, without a hole, copied out of it: they may have to wait.
 * Owns: itself and its texts, in one allocation. Threads: none. Units: unix ms. */
#ifndef ZP_FANOUT_TRANSITION_BATCH_H
#define ZP_FANOUT_TRANSITION_BATCH_H

#include "common/base/str_view.h"
#include "common/presence/status.h"
#include <stdint.h>

typedef struct transition {
    str_view user_id;
    presence_status to;
    uint64_t at_ms, last_seen_ms;
} transition;

typedef struct transition_batch {
    uint64_t epoch, first_seq, last_seq;      /* transitions[i] has seq first_seq + i */
    struct transition_batch *previous, *next; /* the sequencer's: where it is held */
    char *texts_end;
    transition transitions[];
} transition_batch;

/* For last_seq - first_seq + 1 transitions, whose user ids are `user_ids_bytes` long together. Fill each of
 * them with transition_batch_set, in any order. NULL: out of memory. Free with free(). */
transition_batch *transition_batch_new(uint64_t epoch, uint64_t first_seq, uint64_t last_seq,
                                       size_t user_ids_bytes);

/* Copies `value`. */
void transition_batch_set(transition_batch *batch, uint64_t seq, const transition *value);

#endif
