#include "services/http-api/presence_stats.h"
#include "services/http-api/core/stats_json.h"

void presence_stats_handle(system_watch_t *watch, http_request_t *request) {
    system_view view;
    system_watch_view(watch, &view);
    if (!view.presence_enabled) {
        http_request_refuse(request, API_DISABLED, NULL);
        return;
    }
    if (view.source != SYSTEM_KNOWN) {
        http_request_refuse(request, API_UNAVAILABLE,
                            view.source == SYSTEM_NO_CORE ? "no presence-core answers"
                                                          : "presence-core cannot reach Redis");
        return;
    }
    text_buffer body = {0};
    stats_json_add(&body, &view);
    http_request_answer(request, MHD_HTTP_OK, "application/json", &body);
}
