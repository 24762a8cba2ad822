#include "services/http-api/core/heartbeat_body.h"
#include "services/http-api/core/json_body.h"

enum { USERNAME_MAX_BYTES = 128 };

static const char SOCKET_ID_DEFAULT[] = "default";

static api_error read_username(const json_t *object, heartbeat_body *body) {
    const json_t *value = json_body_member(object, "username");
    if (!value || (json_is_string(value) && json_string_length(value) == 0)) {
        return API_USERNAME_MISSING;
    }
    if (!json_is_string(value) || json_string_length(value) > USERNAME_MAX_BYTES ||
        !str_view_is_clean_text(json_body_text(value))) {
        return API_INVALID_USER;
    }
    body->username = json_string_value(value);
    return API_OK;
}

static api_error read_status(const json_t *object, heartbeat_body *body) {
    const json_t *value = json_body_member(object, "status");
    body->status = STATUS_ONLINE;
    if (value && (!json_is_string(value) || !status_from_name(json_body_text(value), &body->status))) {
        return API_INVALID_STATUS;
    }
    return API_OK;
}

static bool is_name(str_view text) {
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return text.len <= HEARTBEAT_SOCKET_ID_MAX_BYTES;
}

static api_error read_socket_id(const json_t *object, heartbeat_body *body) {
    const json_t *value = json_body_member(object, "socket_id");
    body->socket_id = SOCKET_ID_DEFAULT;
    if (!value) {
        return API_OK;
    }
    if (!json_is_string(value) || !is_name(json_body_text(value))) {
        return API_INVALID_SOCKET_ID;
    }
    if (json_string_length(value) > 0) {
        body->socket_id = json_string_value(value);
    }
    return API_OK;
}

api_error heartbeat_body_parse(str_view text, heartbeat_body *ret_body) {
    heartbeat_body body = {0};
    api_error error = json_body_parse_object(text, &body.json);
    if (error == API_OK) {
        error = read_username(body.json, &body);
    }
    if (error == API_OK) {
        error = read_status(body.json, &body);
    }
    if (error == API_OK) {
        error = read_socket_id(body.json, &body);
    }
    if (error != API_OK) {
        heartbeat_body_free(&body);
        return error;
    }
    *ret_body = body;
    return API_OK;
}

void heartbeat_body_free(heartbeat_body *body) {
    json_decref(body->json);
    *body = (heartbeat_body){0};
}
