#include "services/ws-edge/core/update_log.h"

#include "common/base/hash.h"
#include "common/wire/client_frame.h"
#include "services/ws-edge/core/server_frame.h"

#include <assert.h>
#include <stdlib.h>

/* One update: its user id and frames stand behind each other in `bytes`. */
typedef struct update {
    char *bytes;
    uint32_t user_hash;
    uint16_t id_len, frame_len[WIRE_FORMS_COUNT];
    uint8_t from, to;
} update;

/* Users of one coalesced stretch. A stretch ends where it would fill the reader's buffer, so what is in here
 * is bounded by that buffer; the table is kept at most half full. */
enum { STRETCH_SLOTS = 8192, STRETCH_USERS_MAX = STRETCH_SLOTS / 2 };
typedef struct stretch_user {
    uint64_t first, last; /* positions of the user's first and last visible update, plus one; 0: empty */
} stretch_user;

struct update_log {
    update *updates; /* a ring: position p stands at p % updates_max */
    size_t updates_max;
    uint64_t begin, end;
    stretch_user slots[STRETCH_SLOTS];
};

update_log_t *update_log_new(size_t updates_max) {
    update_log_t *log = calloc(1, sizeof *log);
    update *updates = calloc(updates_max, sizeof *updates);
    if (!log || !updates) {
        free(log);
        free(updates);
        return NULL;
    }
    log->updates = updates;
    log->updates_max = updates_max;
    return log;
}

static update *at(const update_log_t *log, uint64_t position) {
    return &log->updates[position % log->updates_max];
}

void update_log_destroy(update_log_t **log) {
    if (*log) {
        for (uint64_t p = (*log)->begin; p < (*log)->end; p++) {
            free(at(*log, p)->bytes);
        }
        free((*log)->updates);
        free(*log);
        *log = NULL;
    }
}

zp_error update_log_append(update_log_t *log, str_view user_id, presence_status from, presence_status to,
                           const str_view payloads[WIRE_FORMS_COUNT]) {
    size_t size = user_id.len;
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        assert(payloads[form].len <= CLIENT_UPDATE_MAX_BYTES);
        size += payloads[form].len ? payloads[form].len + SERVER_FRAME_HEADER_MAX : 0;
    }
    char *bytes = malloc(size ? size : 1);
    if (!bytes) {
        return ZP_NO_MEMORY;
    }
    if (log->end - log->begin == log->updates_max) {
        free(at(log, log->begin)->bytes);
        log->begin++;
    }
    update *item = at(log, log->end++);
    *item = (update){.bytes = bytes,
                     .user_hash = (uint32_t)hash_bytes(user_id, 0),
                     .id_len = (uint16_t)user_id.len,
                     .from = (uint8_t)from,
                     .to = (uint8_t)to};
    memcpy(bytes, user_id.ptr, user_id.len);
    bytes += user_id.len;
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        if (payloads[form].len) {
            size_t header_len = server_frame_header(payloads[form].len, bytes);
            memcpy(bytes + header_len, payloads[form].ptr, payloads[form].len);
            item->frame_len[form] = (uint16_t)(header_len + payloads[form].len);
            bytes += item->frame_len[form];
        }
    }
    return ZP_OK;
}

uint64_t update_log_begin(const update_log_t *log) {
    return log->begin;
}

uint64_t update_log_end(const update_log_t *log) {
    return log->end;
}

static str_view user_of(const update *item) {
    return str_view_make(item->bytes, item->id_len);
}

static str_view frame_of(const update *item, wire_form form) {
    size_t offset = item->id_len;
    for (int before = 0; before < (int)form; before++) {
        offset += item->frame_len[before];
    }
    return str_view_make(item->bytes + offset, item->frame_len[form]);
}

static presence_status seen_in(wire_form form, uint8_t status) {
    return wire_form_is_full(form) ? (presence_status)status : status_basic((presence_status)status);
}

static size_t read_one_by_one(update_log_t *log, uint64_t *position, wire_form form, char *out,
                              size_t out_bytes) {
    size_t written = 0;
    for (; *position < log->end; (*position)++) {
        str_view frame = frame_of(at(log, *position), form);
        if (frame.len > out_bytes - written) {
            break;
        }
        memcpy(out + written, frame.ptr, frame.len);
        written += frame.len;
    }
    return written;
}

static stretch_user *slot_of(update_log_t *log, const update *item) {
    for (size_t i = item->user_hash % STRETCH_SLOTS;; i = (i + 1) % STRETCH_SLOTS) {
        stretch_user *slot = &log->slots[i];
        if (slot->first == 0 || str_view_equal(user_of(at(log, slot->first - 1)), user_of(item))) {
            return slot;
        }
    }
}

/* Finds how far a stretch may go so that what it comes down to fits, and notes each user's first and last
 * visible update on the way. Returns the position behind the stretch. */
static uint64_t measure_stretch(update_log_t *log, uint64_t begin, wire_form form, size_t out_bytes) {
    memset(log->slots, 0, sizeof log->slots);
    size_t bytes = 0;
    size_t users = 0;
    uint64_t p = begin;
    for (; p < log->end; p++) {
        const update *item = at(log, p);
        size_t len = item->frame_len[form];
        if (len == 0) {
            continue;
        }
        stretch_user *slot = slot_of(log, item);
        size_t replaced = slot->first ? at(log, slot->last - 1)->frame_len[form] : 0;
        if (bytes - replaced + len > out_bytes || (slot->first == 0 && users == STRETCH_USERS_MAX)) {
            break;
        }
        bytes += len - replaced;
        if (slot->first == 0) {
            slot->first = p + 1;
            users++;
        }
        slot->last = p + 1;
    }
    return p;
}

static size_t read_coalesced(update_log_t *log, uint64_t *position, wire_form form, char *out,
                             size_t out_bytes, size_t *ret_coalesced) {
    uint64_t stretch_end = measure_stretch(log, *position, form, out_bytes);
    size_t written = 0;
    for (uint64_t p = *position; p < stretch_end; p++) {
        const update *item = at(log, p);
        if (item->frame_len[form] == 0) {
            continue;
        }
        const stretch_user *slot = slot_of(log, item);
        uint8_t from = at(log, slot->first - 1)->from;
        if (slot->last != p + 1 || seen_in(form, from) == seen_in(form, item->to)) {
            (*ret_coalesced)++;
            continue;
        }
        str_view frame = frame_of(item, form);
        memcpy(out + written, frame.ptr, frame.len);
        written += frame.len;
    }
    *position = stretch_end;
    return written;
}

size_t update_log_read(update_log_t *log, uint64_t *position, wire_form form, size_t coalesce_above,
                       char *out, size_t out_bytes, size_t *ret_coalesced) {
    assert(*position >= log->begin && *position <= log->end);
    assert(out_bytes >= CLIENT_UPDATE_MAX_BYTES + SERVER_FRAME_HEADER_MAX);
    *ret_coalesced = 0;
    if (log->end - *position > coalesce_above) {
        return read_coalesced(log, position, form, out, out_bytes, ret_coalesced);
    }
    return read_one_by_one(log, position, form, out, out_bytes);
}
