/* heartbeat_body: any bytes as the body of POST /api/calls/presence. What is taken keeps the limits of the
 * bus; said again with its own fields alone, it is the same heartbeat. */
#include "services/http-api/core/heartbeat_body.h"
#include "proto/valid.h"
#include "tests/fuzz/fuzz.h"

static void check_bus(const heartbeat_body *body) {
    Zp__Heartbeat heartbeat = ZP__HEARTBEAT__INIT, *list[] = {&heartbeat};
    heartbeat.user_id = (char *)body->username;
    heartbeat.socket_id = (char *)body->socket_id;
    heartbeat.status = (Zp__Status)body->status;
    Zp__Heartbeats heartbeats = ZP__HEARTBEATS__INIT;
    heartbeats.api = "0123456789abcdef";
    heartbeats.number = 1;
    heartbeats.heartbeats = list;
    heartbeats.n_heartbeats = 1;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_HEARTBEATS;
    message.heartbeats = &heartbeats;
    assert(api_to_core_valid(&message));
}

static void check_said_again(const heartbeat_body *body) {
    text_buffer text = {0};
    text_add(&text, "{\"username\":");
    text_add_json(&text, str_view_of(body->username));
    text_add_format(&text, ",\"status\":\"%s\",\"socket_id\":", status_name(body->status));
    text_add_json(&text, str_view_of(body->socket_id));
    text_add(&text, "}");
    heartbeat_body again;
    assert(heartbeat_body_parse(str_view_make(text.bytes, text.len_bytes), &again) == API_OK);
    assert(strcmp(again.username, body->username) == 0 && strcmp(again.socket_id, body->socket_id) == 0);
    assert(again.status == body->status);
    heartbeat_body_free(&again);
    text_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    heartbeat_body body = {0};
    api_error error = heartbeat_body_parse(str_view_make(data, size), &body);
    if (error != API_OK) {
        assert(!body.json && api_error_http_status(error) == 400);
        return 0;
    }
    check_bus(&body);
    check_said_again(&body);
    heartbeat_body_free(&body);
    return 0;
}
