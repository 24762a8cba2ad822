#include "services/http-api/core/api_error.h"

typedef struct api_error_row {
    unsigned http_status;
    const char *code, *text;
} api_error_row;

static const api_error_row rows[] = {
#define X(id, status, code, text) {status, code, text},
    API_ERRORS(X)
#undef X
};

unsigned api_error_http_status(api_error error) {
    return rows[error].http_status;
}

const char *api_error_code(api_error error) {
    return rows[error].code;
}

void api_error_add_members(text_buffer *out, api_error error, const char *details) {
    text_add(out, "\"error\":");
    text_add_json(out, str_view_of(rows[error].text));
    text_add(out, ",\"code\":");
    text_add_json(out, str_view_of(rows[error].code));
    if (details) {
        text_add(out, ",\"details\":");
        text_add_json(out, str_view_of(details));
    }
}

void api_error_add_body(text_buffer *out, api_error error, const char *details) {
    text_add(out, "{");
    api_error_add_members(out, error, details);
    text_add(out, "}");
}
