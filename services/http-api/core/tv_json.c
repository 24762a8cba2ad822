#include "services/http-api/core/tv_json.h"
#include <string.h>

bool tv_json_is_path(const char *path) {
    return strncmp(path, "/api/calls/", 11) == 0 || strncmp(path, "/api/users/", 11) == 0;
}

void tv_json_begin(text_buffer *out) {
    text_add(out, "{\"success\":true");
}

void tv_json_end(text_buffer *out) {
    text_add(out, "}");
}

void tv_json_add_refusal(text_buffer *out, api_error error, const char *details) {
    text_add(out, "{\"success\":false,");
    api_error_add_members(out, error, details);
    text_add(out, "}");
}
