#include "services/http-api/presence_update.h"
#include "services/http-api/core/heartbeat_body.h"
#include "services/http-api/core/tv_json.h"

static_assert((int)HEARTBEAT_SOCKET_ID_MAX_BYTES == (int)VALID_NAME_MAX_BYTES,
              "the bus takes what a client may say");

static void on_done(void *context, bool taken) {
    http_request_t *request = context;
    if (!taken) {
        http_request_refuse(request, API_NOT_ACKNOWLEDGED, NULL);
        return;
    }
    text_buffer body = {0};
    tv_json_begin(&body);
    text_add(&body, ",\"message\":\"Presence updated\"}");
    http_request_answer(request, MHD_HTTP_OK, "application/json", &body);
}

void presence_update_handle(const process_t *process, heartbeat_link_t *heartbeats, http_request_t *request) {
    if (!config_bool(process->config, SETTING_PRESENCE_ENABLED)) {
        http_request_refuse(request, API_DISABLED, NULL);
        return;
    }
    heartbeat_body body;
    api_error refusal = heartbeat_body_parse(http_request_body(request), &body);
    if (refusal != API_OK) {
        http_request_refuse(request, refusal, NULL);
        return;
    }
    const heartbeat_t heartbeat = {body.username, body.socket_id, body.status};
    if (heartbeat_link_say(heartbeats, &heartbeat, on_done, request) != ZP_OK) {
        http_request_refuse(request, API_UNAVAILABLE, "too many heartbeats are under way");
    } else {
        http_request_wait(request);
    }
    heartbeat_body_free(&body);
}
