#include "services/http-api/core/json_fields.h"
#include "common/base/clock.h"
#include <inttypes.h>

static char last_byte(const text_buffer *out) {
    return out->len_bytes > 0 ? out->bytes[out->len_bytes - 1] : '\0';
}

void json_begin_item(text_buffer *out) {
    text_add(out, last_byte(out) == '}' ? ",{" : "{");
}

void json_add_key(text_buffer *out, const char *key) {
    text_add(out, last_byte(out) == '{' ? "" : ",");
    text_add_json(out, str_view_of(key));
    text_add(out, ":");
}

void json_add_text(text_buffer *out, const char *key, str_view value) {
    json_add_key(out, key);
    text_add_json(out, value);
}

void json_add_text_or_null(text_buffer *out, const char *key, const char *value) {
    json_add_key(out, key);
    if (value[0] == '\0') {
        text_add(out, "null");
    } else {
        text_add_json(out, str_view_of(value));
    }
}

void json_add_number(text_buffer *out, const char *key, uint64_t value) {
    json_add_key(out, key);
    text_add_format(out, "%" PRIu64, value);
}

void json_add_bool(text_buffer *out, const char *key, bool value) {
    json_add_key(out, key);
    text_add(out, value ? "true" : "false");
}

void json_add_time(text_buffer *out, const char *key, uint64_t unix_ms) {
    char text[CLOCK_ISO8601_BYTES] = "";
    if (unix_ms > 0) {
        clock_iso8601(unix_ms, text);
    }
    json_add_text_or_null(out, key, text);
}
