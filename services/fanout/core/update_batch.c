#include "services/fanout/core/update_batch.h"
#include <assert.h>
#include <stdlib.h>

update_batch *update_batch_new(void) {
    return calloc(1, sizeof(update_batch));
}

bool update_batch_takes(const update_batch *batch, log_position position) {
    return batch->count == 0 ||
           (batch->count < UPDATE_BATCH_MAX && batch->updates[0].position.epoch == position.epoch);
}

void update_batch_add(update_batch *batch, uint32_t wire_forms, str_view user_id, log_position position,
                      presence_status from, presence_status to, uint64_t at_ms) {
    assert(update_batch_takes(batch, position) && user_id.len <= USER_ID_MAX_BYTES);
    update *next = &batch->updates[batch->count++];
    memcpy(next->user_id, user_id.ptr, user_id.len);
    next->user_id[user_id.len] = '\0';
    next->position = position;
    next->from = from;
    next->to = to;
    next->at_ms = at_ms;
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        next->frame_bytes[form] = 0;
        if ((wire_forms & WIRE_FORM_BIT(form)) &&
            client_frame_update((wire_form)form, user_id, from, to, at_ms, next->frames[form],
                                &next->frame_bytes[form])) {
            batch->frames_encoded++;
        }
    }
}
