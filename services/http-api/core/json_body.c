#include "services/http-api/core/json_body.h"

static api_error why_not_json(const json_error_t *error) {
    enum json_error_code code = json_error_code(error);
    if (code == json_error_numeric_overflow) {
        return API_NUMBER_TOO_LARGE;
    }
    return code == json_error_out_of_memory ? API_NO_MEMORY : API_INVALID_JSON;
}

api_error json_body_parse(str_view bytes, json_t **ret_json) {
    json_error_t error;
    json_t *json = json_loadb(bytes.ptr, bytes.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json) {
        return why_not_json(&error);
    }
    *ret_json = json;
    return API_OK;
}

api_error json_body_parse_object(str_view bytes, json_t **ret_object) {
    json_t *json = NULL;
    api_error error = json_body_parse(bytes, &json);
    if (error == API_OK && !json_is_object(json)) {
        json_decref(json);
        error = API_BODY_NOT_OBJECT;
    }
    if (error == API_OK) {
        *ret_object = json;
    }
    return error;
}

const json_t *json_body_member(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

str_view json_body_text(const json_t *value) {
    return str_view_make(json_string_value(value), json_string_length(value));
}
