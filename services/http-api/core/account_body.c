#include "services/http-api/core/account_body.h"
#include "services/http-api/core/json_body.h"
#include <stdlib.h>

static const struct text_row {
    const char *name;
    size_t least_bytes, most_bytes;
    const char *must;
} TEXTS[] = {
#define X(id, name, least, most, must) {name, least, most, must},
    ACCOUNT_TEXTS(X)
#undef X
};

static api_error read_text(account_body *body, account_text id, const account_limits *limits,
                           const char **ret_details) {
    const struct text_row *row = &TEXTS[id];
    const json_t *value = json_body_member(body->json, row->name);
    if (!value) {
        return API_OK;
    }
    *ret_details = row->must;
    str_view text = json_body_text(value);
    if (!json_is_string(value) || text.len < row->least_bytes || !str_view_is_clean_text(text)) {
        return API_INVALID_FIELD;
    }
    if (text.len > (row->most_bytes > 0 ? row->most_bytes : limits->display_name_max_bytes)) {
        return row->most_bytes > 0 ? API_INVALID_FIELD : API_FIELD_TOO_LARGE;
    }
    body->texts[id] = text.ptr;
    return API_OK;
}

static api_error read_metadata(account_body *body, const account_limits *limits, const char **ret_details) {
    const json_t *value = json_body_member(body->json, "metadata");
    if (!value) {
        return API_OK;
    }
    *ret_details = "metadata must be an object";
    if (!json_is_object(value)) {
        return API_INVALID_FIELD;
    }
    body->metadata = json_dumps(value, JSON_COMPACT);
    if (!body->metadata) {
        return API_NO_MEMORY;
    }
    *ret_details = "metadata is larger than METADATA_MAX";
    return strlen(body->metadata) > limits->metadata_max_bytes ? API_FIELD_TOO_LARGE : API_OK;
}

static api_error read_favorite(account_body *body, const char **ret_details) {
    const json_t *value = json_body_member(body->json, "is_favorite");
    if (value && !json_is_boolean(value)) {
        *ret_details = "is_favorite must be true or false";
        return API_INVALID_FIELD;
    }
    if (value) {
        body->favorite = json_is_true(value) ? FAVORITE_TRUE : FAVORITE_FALSE;
    }
    return API_OK;
}

static api_error read_fields(account_body *body, unsigned reads, const account_limits *limits,
                             const char **ret_details) {
    api_error error = API_OK;
    for (int id = 0; id < ACCOUNT_TEXTS_COUNT && error == API_OK; id++) {
        if (reads & ACCOUNT_READS(id)) {
            error = read_text(body, (account_text)id, limits, ret_details);
        }
    }
    if (error == API_OK && reads & ACCOUNT_READS_METADATA) {
        error = read_metadata(body, limits, ret_details);
    }
    if (error == API_OK && reads & ACCOUNT_READS_FAVORITE) {
        error = read_favorite(body, ret_details);
    }
    return error;
}

api_error account_body_parse(str_view bytes, unsigned reads, bool may_be_empty, const account_limits *limits,
                             account_body *ret_body, const char **ret_details) {
    account_body body = {0};
    *ret_details = NULL;
    if (bytes.len == 0 && may_be_empty) {
        bytes = str_view_of("{}");
    }
    api_error error = json_body_parse_object(bytes, &body.json);
    if (error == API_OK) {
        error = read_fields(&body, reads, limits, ret_details);
    }
    if (error != API_OK) {
        account_body_free(&body);
        return error;
    }
    *ret_details = NULL;
    *ret_body = body;
    return API_OK;
}

void account_body_free(account_body *body) {
    free(body->metadata);
    json_decref(body->json);
    *body = (account_body){0};
}

bool account_body_is_object(const char *text) {
    json_t *json = json_loads(text, JSON_ALLOW_NUL, NULL);
    bool is_object = json_is_object(json);
    json_decref(json);
    return is_object;
}
