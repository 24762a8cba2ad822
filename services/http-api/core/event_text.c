#include "services/http-api/core/event_text.h"
#include "services/http-api/core/json_fields.h"
#include "services/http-api/core/whole_number.h"
#include <inttypes.h>

static const char *const reasons[] = {
#define X(id, name) name,
    RESET_REASONS(X)
#undef X
};

static const uint64_t NUMBER_MAX = UINT64_C(1) << 53;

static void add_id_line(text_buffer *out, const log_position *id) {
    if (id) {
        text_add_format(out, "id: %" PRIu64 "-%" PRIu64 "\n", id->epoch, id->seq);
    }
}

void event_text_add_retry(text_buffer *out, uint64_t retry_ms) {
    text_add_format(out, "retry: %" PRIu64 "\n\n", retry_ms);
}

void event_text_add_reset(text_buffer *out, reset_reason reason) {
    text_add_format(out, "event: reset\nid:\ndata: {\"reason\":\"%s\"}\n\n", reasons[reason]);
}

void event_text_add_ready(text_buffer *out, const log_position *id, uint64_t users_count) {
    add_id_line(out, id);
    text_add_format(out, "event: ready\ndata: {\"users\":%" PRIu64 "}\n\n", users_count);
}

void event_text_add_comment(text_buffer *out, const log_position *id) {
    text_add(out, ":\n");
    add_id_line(out, id);
    text_add(out, "\n");
}

void event_text_add_id(text_buffer *out, log_position id) {
    add_id_line(out, &id);
    text_add(out, "\n");
}

void event_text_add_presence(text_buffer *out, const log_position *id, const event_presence *presence) {
    add_id_line(out, id);
    text_add(out, !id && presence->from ? "id:\n" : "");
    text_add(out, "event: presence\ndata: ");
    json_begin_item(out);
    json_add_text(out, "userId", presence->user_id);
    json_add_text(out, "status", str_view_of(status_name(presence->status)));
    if (presence->from) {
        json_add_text(out, "from", str_view_of(status_name(*presence->from)));
    }
    json_add_time(out, "timestamp", presence->at_ms);
    json_add_number(out, "seq", presence->seq);
    text_add(out, "}\n\n");
}

bool event_id_parse(str_view text, log_position *ret_position) {
    const char *dash = text.len > 0 ? memchr(text.ptr, '-', text.len) : NULL;
    log_position position;
    if (!dash) {
        return false;
    }
    size_t epoch_len = (size_t)(dash - text.ptr);
    if (!whole_number_parse(str_view_make(text.ptr, epoch_len), 1, NUMBER_MAX, &position.epoch) ||
        !whole_number_parse(str_view_make(dash + 1, text.len - epoch_len - 1), 0, NUMBER_MAX,
                            &position.seq)) {
        return false;
    }
    *ret_position = position;
    return true;
}
