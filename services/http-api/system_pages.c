#include "services/http-api/system_pages.h"
#include "common/base/clock.h"
#include "services/http-api/core/front_page.h"
#include "services/http-api/core/health_json.h"
#include "services/http-api/core/services_json.h"
#include <stdlib.h>

/* The page has its styles inside and nothing else: whatever a text from the bus smuggled in would not run. */
static const char page_policy[] =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

static void answer_health(system_watch_t *watch, http_request_t *request,
                          void (*add)(text_buffer *, const system_view *, const system_health *)) {
    system_view view;
    system_health health;
    system_watch_view(watch, &view);
    health_assess(&view, &health);
    text_buffer body = {0};
    add(&body, &view, &health);
    http_request_answer(request, health.reasons_count == 0 ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                        "application/json", &body);
}

void system_pages_health(system_watch_t *watch, http_request_t *request) {
    answer_health(watch, request, health_json_add);
}

void system_pages_ops_health(system_watch_t *watch, http_request_t *request) {
    answer_health(watch, request, health_json_add_for_ops);
}

void system_pages_services(system_watch_t *watch, http_request_t *request) {
    system_view view;
    system_health health;
    system_watch_view(watch, &view);
    if (view.source != SYSTEM_KNOWN) {
        health_assess(&view, &health);
        http_request_refuse(request, API_UNAVAILABLE, health.reasons[0]);
        return;
    }
    text_buffer body = {0};
    services_json_add(&body, &view, clock_unix_ms());
    http_request_answer(request, MHD_HTTP_OK, "application/json", &body);
}

void system_pages_front(system_watch_t *watch, http_request_t *request) {
    system_view view;
    system_health health;
    system_watch_view(watch, &view);
    health_assess(&view, &health);
    text_buffer body = {0};
    front_page_add(&body, &view, &health, http_request_may(request, AREA_OPS), clock_unix_ms());
    http_request_add_header(request, "Content-Security-Policy", page_policy);
    http_request_add_header(request, "Referrer-Policy", "no-referrer");
    http_request_add_header(request, "X-Frame-Options", "DENY");
    http_request_add_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    http_request_add_header(request, "Cross-Origin-Resource-Policy", "same-origin");
    http_request_answer(request, MHD_HTTP_OK, "text/html; charset=utf-8", &body);
}

void system_pages_metrics(const process_t *process, http_request_t *request) {
    text_buffer body = {0};
    char *text = metrics_dup_text(process->metrics, config_process_name(process->config));
    if (!text) {
        http_request_refuse(request, API_NO_MEMORY, NULL);
        return;
    }
    text_add(&body, text);
    free(text);
    http_request_answer(request, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
}
