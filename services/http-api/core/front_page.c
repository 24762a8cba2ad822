#include "services/http-api/core/front_page.h"
#include "common/base/clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"refresh\" content=\"3\">\n<title>zpresence</title>\n<style>\n"
    ":root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--ink:#16191d;--soft:#626b76;--line:#e3e7ec;"
    "--good:#157f3c;--good-back:#e3f6e9;--bad:#a3470b;--bad-back:#fdf0e0}\n"
    "@media (prefers-color-scheme:dark){:root{--back:#101317;--card:#191e24;--ink:#e8ebef;--soft:#97a1ad;"
    "--line:#2a313a;--good:#6fd693;--good-back:#12301d;--bad:#f3b26b;--bad-back:#35240f}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,-apple-system,\"Segoe "
    "UI\","
    "Roboto,sans-serif}\n"
    "main{max-width:68rem;margin:0 auto;padding:2rem 1.25rem 3rem}\n"
    "header{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem 1rem;margin-bottom:1.5rem}\n"
    "h1{font-size:1.5rem;letter-spacing:-.02em;margin:0}\n"
    ".pill{padding:.15rem .8rem;border-radius:99px;font-weight:600;font-size:.9rem}\n"
    ".good{color:var(--good);background:var(--good-back)}.bad{color:var(--bad);background:var(--bad-back)}\n"
    ".reasons{margin:0 0 1.5rem;padding:.9rem 1.2rem .9rem 2.2rem;border-radius:.75rem}\n"
    ".note{color:var(--soft);background:var(--card);border:1px solid var(--line)}\n"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;margin:0 0 "
    "1.5rem}\n"
    ".facts div,.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem}\n"
    ".facts div{padding:.8rem 1.1rem}dt{color:var(--soft);font-size:.85rem}\n"
    "dd{margin:0;font-size:1.6rem;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums}\n"
    ".card{overflow:hidden}table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}\n"
    "th{text-align:left;color:var(--soft);font-size:.8rem;font-weight:600;padding:.7rem 1.1rem}\n"
    "td{padding:.6rem 1.1rem;border-top:1px solid var(--line);overflow-wrap:anywhere}\n"
    "td.name{font-weight:600}td.kind,td.silent{color:var(--soft)}td b{color:var(--bad);font-weight:600}\n"
    "code{font:.9em ui-monospace,\"SF Mono\",Menlo,Consolas,monospace}\n"
    "footer{margin-top:1.25rem;color:var(--soft);font-size:.85rem}a{color:inherit}\n"
    "@media (max-width:44rem){main{padding:1.25rem .9rem 2rem}thead{display:none}"
    "tr{display:block;padding:.6rem 0;border-top:1px solid var(--line)}tbody tr:first-child{border:0}"
    "td{display:flex;justify-content:space-between;align-items:baseline;gap:1rem;border:0;padding:.12rem "
    "1rem;text-align:right}"
    "td::before{content:attr(data-label);color:var(--soft);font-weight:400;text-align:left;flex:none}"
    "td.name{font-size:1.1rem}td.name::before{content:none}dd{font-size:1.25rem}}\n"
    "</style>\n</head>\n<body>\n<main>\n";

/* "3 d 4 h", "5 min 6 s", "7 s": the two largest units. */
static const char *duration(uint64_t ms, char out[48]) {
    uint64_t s = ms / 1000;
    if (s >= 86400) {
        snprintf(out, 48, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s % 86400 / 3600);
    } else if (s >= 3600) {
        snprintf(out, 48, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
    } else if (s >= 60) {
        snprintf(out, 48, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    } else {
        snprintf(out, 48, "%" PRIu64 " s", s);
    }
    return out;
}

static void add_cell(text_buffer *out, const char *label, const char *opening, const char *value,
                     const char *closing) {
    text_add_format(out, "<td data-label=\"%s\">%s", label, opening);
    text_add_html(out, value[0] ? value : "–");
    text_add_format(out, "%s</td>", closing);
}

static void add_row(text_buffer *out, const system_view *view, const service_row *row) {
    char number[48];
    text_add(out, "<tr><td class=\"name\" data-label=\"Name\">");
    text_add_html(out, row->name);
    text_add(out, "</td><td class=\"kind\" data-label=\"Kind\">");
    text_add_html(out, row->kind);
    text_add(out, "</td>");
    add_cell(out, "Address", "<code>", row->address, "</code>");
    snprintf(number, sizeof number, "%" PRIu32, row->pid);
    add_cell(out, "Process id", "", number, "");
    add_cell(out, "Version", "", row->version, "");
    add_cell(out, "Up for", "", duration(row->up_ms, number), "");
    snprintf(number, sizeof number, "%.1f s ago", (double)row->beat_age_ms / 1000);
    bool silent = service_row_is_silent(view, row);
    add_cell(out, "Last beat", silent ? "<b>silent, " : "", number, silent ? "</b>" : "");
    text_add(out, "</tr>\n");
}

static void add_table(text_buffer *out, const system_view *view) {
    text_add(out,
             "<div class=\"card\"><table>\n<thead><tr><th>Name</th><th>Kind</th><th>Address</th><th>Process "
             "id</th>"
             "<th>Version</th><th>Up for</th><th>Last beat</th></tr></thead>\n<tbody>\n");
    size_t shown = view->rows_count < FRONT_PAGE_ROWS_MAX ? view->rows_count : FRONT_PAGE_ROWS_MAX;
    for (size_t i = 0; i < shown; i++) {
        add_row(out, view, &view->rows[i]);
    }
    if (shown < view->rows_count) {
        text_add_format(out, "<tr><td colspan=\"7\">and %zu more</td></tr>\n", view->rows_count - shown);
    }
    text_add(out, "</tbody>\n</table></div>\n");
}

static void add_facts(text_buffer *out, const system_view *view) {
    char text[48];
    size_t running = 0;
    for (size_t i = 0; i < view->rows_count; i++) {
        running += service_row_is_silent(view, &view->rows[i]) ? 0 : 1;
    }
    text_add_format(out, "<dl class=\"facts\"><div><dt>Users online</dt><dd>%" PRIu64 "</dd></div>",
                    view->users_online);
    text_add_format(out, "<div><dt>Processes</dt><dd>%zu</dd></div>", running);
    text_add_format(out, "<div><dt>Changes</dt><dd>%" PRIu64 "</dd></div>", view->seq);
    text_add_format(out, "<div><dt>Service clock</dt><dd>%s</dd></div></dl>\n",
                    duration(view->clock_ms, text));
}

static void add_item(text_buffer *out, const char *text) {
    text_add(out, "<li>");
    text_add_html(out, text);
    text_add(out, "</li>\n");
}

static void add_reasons(text_buffer *out, const system_health *health) {
    if (health->reasons_count == 0) {
        return;
    }
    text_add(out, "<ul class=\"reasons bad\">\n");
    for (size_t i = 0; i < health->reasons_count; i++) {
        add_item(out, health->reasons[i]);
    }
    text_add(out, "</ul>\n");
}

static void add_notes(text_buffer *out, const system_health *health) {
    if (health->notes_count == 0) {
        return;
    }
    text_add(out, "<ul class=\"reasons note\">\n");
    for (size_t i = 0; i < health->notes_count; i++) {
        add_item(out, health->notes[i]);
    }
    text_add(out, "</ul>\n");
}

void front_page_add(text_buffer *out, const system_view *view, const system_health *health,
                    bool with_services, uint64_t now_unix_ms) {
    bool well = health->reasons_count == 0;
    text_add(out, head);
    text_add_format(out, "<header><h1>zpresence</h1><span class=\"pill %s\">%s</span>", well ? "good" : "bad",
                    well ? "All is well" : "Degraded");
    text_add(out, view->presence_enabled ? "" : "<span class=\"pill bad\">Presence is disabled</span>");
    text_add(out, "</header>\n");
    add_reasons(out, health);
    add_notes(out, health);
    if (view->source == SYSTEM_KNOWN && !with_services) {
        text_add(out, "<p>What runs is shown to operators: <code>GET /api/ops/services</code>.</p>\n");
    } else if (view->source == SYSTEM_KNOWN) {
        add_facts(out, view);
        add_table(out, view);
    }
    char now[CLOCK_ISO8601_BYTES];
    text_add_format(
        out,
        "<footer>As of %s. <a href=\"/health\">Health as JSON</a> · <a href=\"/metrics/all\">Metrics of "
        "all</a> · <a href=\"/api/openapi.json\">The API</a></footer>\n</main>\n</body>\n</html>\n",
        clock_iso8601(now_unix_ms, now));
}
