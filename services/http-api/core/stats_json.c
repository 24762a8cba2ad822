#include "services/http-api/core/stats_json.h"
#include "services/http-api/core/json_fields.h"
#include <string.h>

static bool is_live_edge(const system_view *view, const service_row *row) {
    return strcmp(row->kind, service_kind_name(KIND_WS_EDGE)) == 0 && !service_row_is_silent(view, row);
}

static void add_edges(text_buffer *out, const system_view *view) {
    uint64_t sockets = 0;
    json_add_key(out, "edges");
    text_add(out, "[");
    for (size_t i = 0; i < view->rows_count; i++) {
        const service_row *row = &view->rows[i];
        if (is_live_edge(view, row)) {
            json_begin_item(out);
            json_add_text(out, "name", str_view_of(row->name));
            json_add_number(out, "sockets", service_row_figure(row, "sockets"));
            json_add_number(out, "users", service_row_figure(row, "users"));
            text_add(out, "}");
            sockets += service_row_figure(row, "sockets");
        }
    }
    text_add(out, "]");
    json_add_number(out, "sockets", sockets);
}

void stats_json_add(text_buffer *out, const system_view *view) {
    uint64_t others = view->users_away + view->users_busy;
    json_begin_item(out);
    json_add_number(out, "usersOnline", view->users_online);
    json_add_key(out, "byStatus");
    text_add(out, "{");
    json_add_number(out, "online", view->users_online > others ? view->users_online - others : 0);
    json_add_number(out, "away", view->users_away);
    json_add_number(out, "busy", view->users_busy);
    text_add(out, "}");
    add_edges(out, view);
    json_add_key(out, "transitionsPerSecond");
    text_add_format(out, "%.2f", view->transitions_per_second);
    json_add_number(out, "epoch", view->epoch);
    json_add_number(out, "seq", view->seq);
    json_add_bool(out, "rebuilding", view->rebuilding);
    json_add_number(out, "ageMs", view->age_ms);
    text_add(out, "}\n");
}
