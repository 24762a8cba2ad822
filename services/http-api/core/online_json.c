#include "services/http-api/core/online_json.h"
#include "services/http-api/core/json_fields.h"
#include "services/http-api/core/list_cursor.h"

void online_json_begin(text_buffer *out) {
    text_add(out, "{\"users\":[");
}

void online_json_add(text_buffer *out, str_view user_id, presence_status status, uint64_t last_seen_ms,
                     uint64_t since_ms) {
    json_begin_item(out);
    json_add_text(out, "userId", user_id);
    json_add_text(out, "status", str_view_of(status_name(status)));
    json_add_time(out, "lastSeen", last_seen_ms);
    json_add_time(out, "since", since_ms);
    text_add(out, "}");
}

void online_json_end(text_buffer *out, uint64_t total, str_view last_user_id) {
    text_add(out, "]");
    json_add_number(out, "total", total);
    json_add_key(out, "next");
    if (last_user_id.len > 0) {
        list_cursor_add(out, last_user_id);
    } else {
        text_add(out, "null");
    }
    text_add(out, "}\n");
}
