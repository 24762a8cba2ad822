#include "services/fanout/core/sequencer.h"
#include <assert.h>
#include <stdlib.h>

struct sequencer {
    uint64_t window_ms;
    size_t held_max, held_count;
    transition_batch *first, *last; /* held, by first_seq */
    uint64_t epoch, next_seq;
    uint64_t claimed_seq;  /* the log is known to reach up to here */
    uint64_t gap_since_ms; /* meaningful while a gap is open */
    bool gap_open;
    bool resumed;
};

sequencer_t *sequencer_new(uint64_t window_ms, size_t held_max) {
    sequencer_t *sequencer = calloc(1, sizeof(*sequencer));
    if (sequencer) {
        sequencer->window_ms = window_ms;
        sequencer->held_max = held_max;
        sequencer->next_seq = 1;
    }
    return sequencer;
}

static void unlink_held(sequencer_t *sequencer, transition_batch *batch) {
    if (batch->previous) {
        batch->previous->next = batch->next;
    } else {
        sequencer->first = batch->next;
    }
    if (batch->next) {
        batch->next->previous = batch->previous;
    } else {
        sequencer->last = batch->previous;
    }
    sequencer->held_count--;
}

static void link_held_after(sequencer_t *sequencer, transition_batch *batch, transition_batch *before) {
    batch->previous = before;
    batch->next = before ? before->next : sequencer->first;
    if (before) {
        before->next = batch;
    } else {
        sequencer->first = batch;
    }
    if (batch->next) {
        batch->next->previous = batch;
    } else {
        sequencer->last = batch;
    }
    sequencer->held_count++;
}

static void drop_held(sequencer_t *sequencer) {
    transition_batch *batch = sequencer->first;
    while (batch) {
        transition_batch *next = batch->next;
        free(batch);
        batch = next;
    }
    sequencer->first = sequencer->last = NULL;
    sequencer->held_count = 0;
}

void sequencer_destroy(sequencer_t **sequencer) {
    if (*sequencer) {
        drop_held(*sequencer);
        free(*sequencer);
        *sequencer = NULL;
    }
}

void sequencer_start(sequencer_t *sequencer, log_position position) {
    drop_held(sequencer);
    sequencer->epoch = position.epoch;
    sequencer->next_seq = position.seq + 1;
    sequencer->claimed_seq = position.seq;
    sequencer->gap_open = false;
    sequencer->resumed = false;
}

/* A gap is open where more is known to exist than can be given out now. The window of each gap begins when it
 * is met as the first one, so that it has its chance to be filled. */
static void look_for_gap(sequencer_t *sequencer, bool moved, uint64_t now_ms) {
    bool held_in_order = sequencer->first && sequencer->first->first_seq <= sequencer->next_seq;
    bool open = sequencer->resumed && !held_in_order && sequencer->claimed_seq >= sequencer->next_seq;
    if (open && (moved || !sequencer->gap_open)) {
        sequencer->gap_since_ms = now_ms;
    }
    sequencer->gap_open = open;
}

void sequencer_resume(sequencer_t *sequencer, uint64_t now_ms) {
    sequencer->resumed = true;
    look_for_gap(sequencer, true, now_ms);
}

sequencer_result sequencer_offer(sequencer_t *sequencer, transition_batch *take_batch, uint64_t now_ms) {
    if (take_batch->epoch != sequencer->epoch) {
        bool newer = take_batch->epoch > sequencer->epoch;
        free(take_batch);
        return newer ? SEQUENCER_NEW_EPOCH : SEQUENCER_OLD_EPOCH;
    }
    if (take_batch->last_seq > sequencer->claimed_seq) {
        sequencer->claimed_seq = take_batch->last_seq;
    }
    transition_batch *before = sequencer->last;
    while (before && before->first_seq > take_batch->first_seq) {
        before = before->previous;
    }
    if (take_batch->last_seq < sequencer->next_seq || (before && before->last_seq >= take_batch->last_seq)) {
        free(take_batch);
        return SEQUENCER_DUPLICATE;
    }
    bool in_order = sequencer->resumed && take_batch->first_seq <= sequencer->next_seq;
    sequencer_result result = SEQUENCER_TAKEN;
    if (!in_order && sequencer->held_count >= sequencer->held_max) {
        result = SEQUENCER_FULL;
        if (before == sequencer->last) {
            free(take_batch);
            look_for_gap(sequencer, false, now_ms);
            return result;
        }
        transition_batch *furthest = sequencer->last;
        unlink_held(sequencer, furthest);
        free(furthest);
    }
    link_held_after(sequencer, take_batch, before);
    look_for_gap(sequencer, false, now_ms);
    return result;
}

void sequencer_claim(sequencer_t *sequencer, uint64_t seq, uint64_t now_ms) {
    if (seq > sequencer->claimed_seq) {
        sequencer->claimed_seq = seq;
        look_for_gap(sequencer, false, now_ms);
    }
}

transition_batch *sequencer_take(sequencer_t *sequencer, uint64_t *ret_from_seq, uint64_t now_ms) {
    while (sequencer->resumed && sequencer->first && sequencer->first->first_seq <= sequencer->next_seq) {
        transition_batch *batch = sequencer->first;
        assert(!batch->previous);
        unlink_held(sequencer, batch);
        if (batch->last_seq < sequencer->next_seq) { /* overtaken by one that held all of it */
            free(batch);
            continue;
        }
        *ret_from_seq = sequencer->next_seq;
        sequencer->next_seq = batch->last_seq + 1;
        look_for_gap(sequencer, true, now_ms);
        return batch;
    }
    look_for_gap(sequencer, false, now_ms);
    return NULL;
}

uint64_t sequencer_gap_due_ms(const sequencer_t *sequencer) {
    return sequencer->gap_open ? sequencer->gap_since_ms + sequencer->window_ms : UINT64_MAX;
}

void sequencer_skip_gap(sequencer_t *sequencer, uint64_t now_ms) {
    assert(sequencer->gap_open);
    sequencer->next_seq = sequencer->first ? sequencer->first->first_seq : sequencer->claimed_seq + 1;
    look_for_gap(sequencer, true, now_ms);
}

void sequencer_forget_claim(sequencer_t *sequencer) {
    uint64_t proven_seq = sequencer->next_seq - 1;
    for (const transition_batch *batch = sequencer->first; batch; batch = batch->next) {
        proven_seq = batch->last_seq > proven_seq ? batch->last_seq : proven_seq;
    }
    sequencer->claimed_seq = proven_seq;
    sequencer->gap_open = sequencer->gap_open && proven_seq >= sequencer->next_seq;
}

log_position sequencer_position(const sequencer_t *sequencer) {
    return (log_position){sequencer->epoch, sequencer->next_seq - 1};
}
