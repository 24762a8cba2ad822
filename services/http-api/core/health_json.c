#include "services/http-api/core/health_json.h"
#include <inttypes.h>

static void add_system(text_buffer *out, const system_view *view, const system_health *health) {
    text_add(out, ",\"services\":{");
    for (size_t kind = 0; kind < SERVICE_KINDS_COUNT; kind++) {
        text_add_format(out, "%s\"%s\":%zu", kind > 0 ? "," : "", service_kind_name((service_kind)kind),
                        health->kind_counts[kind]);
    }
    text_add_format(out, "},\"usersOnline\":%" PRIu64 ",\"rebuilding\":%s,\"clockMs\":%" PRIu64,
                    view->users_online, view->rebuilding ? "true" : "false", view->clock_ms);
    text_add_format(out, ",\"clockAgeMs\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"seq\":%" PRIu64,
                    view->clock_age_ms, view->epoch, view->seq);
}

static void begin(text_buffer *out, const system_view *view, const system_health *health) {
    text_add_format(out, "{\"status\":\"%s\",\"reasons\":[", health->reasons_count == 0 ? "ok" : "degraded");
    for (size_t i = 0; i < health->reasons_count; i++) {
        text_add(out, i > 0 ? "," : "");
        text_add_json(out, str_view_of(health->reasons[i]));
    }
    text_add(out, "],\"notes\":[");
    for (size_t i = 0; i < health->notes_count; i++) {
        text_add(out, i > 0 ? "," : "");
        text_add_json(out, str_view_of(health->notes[i]));
    }
    text_add_format(out, "],\"presenceEnabled\":%s", view->presence_enabled ? "true" : "false");
    if (view->source == SYSTEM_KNOWN) {
        add_system(out, view, health);
    }
}

void health_json_add(text_buffer *out, const system_view *view, const system_health *health) {
    begin(out, view, health);
    text_add(out, "}\n");
}

void health_json_add_for_ops(text_buffer *out, const system_view *view, const system_health *health) {
    begin(out, view, health);
    text_add(out, ",\"silent\":[");
    const char *comma = "";
    for (size_t i = 0; i < view->rows_count; i++) {
        if (service_row_is_silent(view, &view->rows[i])) {
            text_add(out, comma);
            text_add_json(out, str_view_of(view->rows[i].name));
            comma = ",";
        }
    }
    text_add(out, "]}\n");
}
