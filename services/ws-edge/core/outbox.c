#include "services/ws-edge/core/outbox.h"

#include "common/wire/client_frame.h"
#include "services/ws-edge/core/server_frame.h"

#include <stdlib.h>

/* Ready-made server frames. */
typedef struct outbox_answers {
    uint32_t len, room;
    char bytes[];
} outbox_answers;

void outbox_clear(outbox *box) {
    free(box->answers);
    box->answers = NULL;
}

static zp_error make_room(outbox *box, size_t more_bytes, size_t bytes_max) {
    size_t len = box->answers ? box->answers->len : 0;
    size_t needed = len + more_bytes;
    if (needed > bytes_max || needed > UINT32_MAX) {
        return ZP_FULL;
    }
    if (!box->answers || needed > box->answers->room) {
        outbox_answers *answers = realloc(box->answers, sizeof *answers + needed);
        if (!answers) {
            return ZP_NO_MEMORY;
        }
        answers->len = (uint32_t)len;
        answers->room = (uint32_t)needed;
        box->answers = answers;
    }
    return ZP_OK;
}

zp_error outbox_put(outbox *box, str_view payload, size_t bytes_max) {
    zp_error error = make_room(box, SERVER_FRAME_HEADER_MAX + payload.len, bytes_max);
    if (error != ZP_OK) {
        return error;
    }
    outbox_answers *answers = box->answers;
    size_t header_len = server_frame_header(payload.len, answers->bytes + answers->len);
    memcpy(answers->bytes + answers->len + header_len, payload.ptr, payload.len);
    answers->len += (uint32_t)(header_len + payload.len);
    return ZP_OK;
}

zp_error outbox_change_form(outbox *box, update_log_t *log, bool watching, wire_form form, size_t bytes_max,
                            char *scratch, size_t scratch_bytes) {
    if (watching && outbox_has_overflowed(box, log)) {
        return ZP_FULL;
    }
    while (watching && box->position < update_log_end(log)) {
        size_t coalesced = 0;
        size_t len = update_log_read(log, &box->position, (wire_form)box->form, SIZE_MAX, scratch,
                                     scratch_bytes, &coalesced);
        if (len == 0) {
            continue;
        }
        zp_error error = make_room(box, len, bytes_max);
        if (error != ZP_OK) {
            return error;
        }
        memcpy(box->answers->bytes + box->answers->len, scratch, len);
        box->answers->len += (uint32_t)len;
    }
    box->form = (uint8_t)form;
    return ZP_OK;
}

bool outbox_has_answers(const outbox *box) {
    return box->answers != NULL;
}

bool outbox_is_empty(const outbox *box, const update_log_t *log, bool watching) {
    return !box->answers && !(watching && box->position < update_log_end(log));
}

bool outbox_has_overflowed(const outbox *box, const update_log_t *log) {
    return box->position < update_log_begin(log);
}

static size_t take_answers(outbox *box, char *out, size_t out_bytes) {
    outbox_answers *answers = box->answers;
    if (!answers) {
        return 0;
    }
    size_t taken = answers->len < out_bytes ? answers->len : out_bytes;
    memcpy(out, answers->bytes, taken);
    if (taken == answers->len) {
        outbox_clear(box);
    } else {
        answers->len -= (uint32_t)taken;
        memmove(answers->bytes, answers->bytes + taken, answers->len);
    }
    return taken;
}

size_t outbox_take(outbox *box, update_log_t *log, bool watching, size_t coalesce_above, char *out,
                   size_t out_bytes, size_t *ret_coalesced) {
    *ret_coalesced = 0;
    size_t taken = take_answers(box, out, out_bytes);
    /* Half an answer may have been taken: nothing may come between it and its other half. */
    if (!box->answers && watching && out_bytes - taken >= CLIENT_UPDATE_MAX_BYTES + SERVER_FRAME_HEADER_MAX) {
        taken += update_log_read(log, &box->position, (wire_form)box->form, coalesce_above, out + taken,
                                 out_bytes - taken, ret_coalesced);
    }
    return taken;
}
