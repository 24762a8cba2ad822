/* sequencer - gives out transitions in the order of their seq, each exactly once, whatever the cores' PUBs
 * lost, repeated or overtook (DESIGN section 4.2). What comes too early is held until what is missing has
 * come. A gap that stays open for the window is reported by sequencer_gap, and filled by offering what a
 * core replays.
 *
 * Owns: the batches that it holds, `held_max` at most: beyond it those furthest ahead are dropped, to be
 * replayed. Threads: none. Time: milliseconds, always passed in. Cost: O(1) in order; a held batch is
 * sorted in from the end. */
#ifndef ZP_FANOUT_SEQUENCER_H
#define ZP_FANOUT_SEQUENCER_H

#include "common/presence/log_position.h"
#include "services/fanout/core/transition_batch.h"

typedef struct sequencer sequencer_t;

typedef enum sequencer_result {
    SEQUENCER_TAKEN,     /* call sequencer_take until it gives nothing more */
    SEQUENCER_DUPLICATE, /* all of it was given out, or is held: dropped */
    SEQUENCER_FULL,      /* dropped: the gap before it will be repaired, and this with it */
    SEQUENCER_OLD_EPOCH, /* dropped */
    SEQUENCER_NEW_EPOCH, /* dropped: the data have begun a new life, of which a snapshot must be taken */
} sequencer_result;

/* It holds everything and gives nothing until it is started and resumed. NULL: out of memory. */
sequencer_t *sequencer_new(uint64_t window_ms, size_t held_max);
void sequencer_destroy(sequencer_t **sequencer);

/* Drops what is held. From here on it holds what is later than `position`, and gives nothing until it is
 * resumed. */
void sequencer_start(sequencer_t *sequencer, log_position position);
void sequencer_resume(sequencer_t *sequencer, uint64_t now_ms);

/* Takes `take_batch`, whatever the result. */
sequencer_result sequencer_offer(sequencer_t *sequencer, transition_batch *take_batch, uint64_t now_ms);

/* The log is known to reach up to `seq` in this epoch, by a beacon or a beat: what has not come of it by the
 * end of the window is missing. */
void sequencer_claim(sequencer_t *sequencer, uint64_t seq, uint64_t now_ms);

/* The next batch in order, or NULL. What is before *ret_from_seq in it was given out before. The caller frees
 * it. */
transition_batch *sequencer_take(sequencer_t *sequencer, uint64_t *ret_from_seq, uint64_t now_ms);

/* When the gap now open will have been so for the window, or UINT64_MAX where none is open. */
uint64_t sequencer_gap_due_ms(const sequencer_t *sequencer);

/* Gives up what is missing: the next that is held, or known of, is next. */
void sequencer_skip_gap(sequencer_t *sequencer, uint64_t now_ms);

/* The log does not reach as far as was claimed: only what is held proves that something is missing. */
void sequencer_forget_claim(sequencer_t *sequencer);

/* Everything up to here was given out. */
log_position sequencer_position(const sequencer_t *sequencer);

#endif
