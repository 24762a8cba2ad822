#include "services/http-api/core/services_json.h"
#include "common/base/clock.h"
#include <inttypes.h>

static void add_text(text_buffer *out, const char *key, const char *value) {
    text_add_format(out, "\"%s\":", key);
    text_add_json(out, str_view_of(value));
    text_add(out, ",");
}

static void add_row(text_buffer *out, const system_view *view, const service_row *row) {
    text_add(out, "{");
    add_text(out, "kind", row->kind);
    add_text(out, "id", row->name);
    add_text(out, "version", row->version);
    add_text(out, "address", row->address);
    add_text(out, "admin", row->admin);
    text_add_format(
        out, "\"pid\":%" PRIu32 ",\"uptimeMs\":%" PRIu64 ",\"beatAgeMs\":%" PRIu64 ",\"silent\":%s", row->pid,
        row->up_ms, row->beat_age_ms, service_row_is_silent(view, row) ? "true" : "false");
    text_add(out, ",\"figures\":{");
    for (size_t i = 0; i < row->figures_count; i++) {
        text_add(out, i > 0 ? "," : "");
        text_add_json(out, str_view_of(row->figures[i].name));
        text_add_format(out, ":%" PRIu64, row->figures[i].value);
    }
    text_add(out, "}}");
}

void services_json_add(text_buffer *out, const system_view *view, uint64_t now_unix_ms) {
    char now[CLOCK_ISO8601_BYTES];
    text_add_format(out, "{\"asOf\":\"%s\",\"services\":[", clock_iso8601(now_unix_ms, now));
    for (size_t i = 0; i < view->rows_count; i++) {
        text_add(out, i > 0 ? "," : "");
        add_row(out, view, &view->rows[i]);
    }
    text_add(out, "]}\n");
}
