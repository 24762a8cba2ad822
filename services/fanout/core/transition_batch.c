#include "services/fanout/core/transition_batch.h"
#include <assert.h>
#include <stdlib.h>

transition_batch *transition_batch_new(uint64_t epoch, uint64_t first_seq, uint64_t last_seq,
                                       size_t user_ids_bytes) {
    assert(first_seq > 0 && first_seq <= last_seq);
    size_t list_bytes = (size_t)(last_seq - first_seq + 1) * sizeof(transition);
    transition_batch *batch = calloc(1, sizeof(*batch) + list_bytes + user_ids_bytes);
    if (!batch) {
        return NULL;
    }
    batch->epoch = epoch;
    batch->first_seq = first_seq;
    batch->last_seq = last_seq;
    batch->texts_end = (char *)batch + sizeof(*batch) + list_bytes;
    return batch;
}

void transition_batch_set(transition_batch *batch, uint64_t seq, const transition *value) {
    assert(seq >= batch->first_seq && seq <= batch->last_seq);
    transition *slot = &batch->transitions[seq - batch->first_seq];
    *slot = *value;
    memcpy(batch->texts_end, value->user_id.ptr, value->user_id.len);
    slot->user_id.ptr = batch->texts_end;
    batch->texts_end += value->user_id.len;
}
