#include "services/presence-core/core/redis_info.h"

str_view redis_info_value(str_view info, const char *field) {
    size_t field_bytes = strlen(field);
    const char *at = info.ptr;
    const char *end = info.ptr + info.len;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        size_t line_bytes = (size_t)(line_end - at);
        if (line_bytes > field_bytes && memcmp(at, field, field_bytes) == 0 && at[field_bytes] == ':') {
            size_t value_bytes = line_bytes - field_bytes - 1;
            return str_view_trim(str_view_make(at + field_bytes + 1, value_bytes > 0 && line_end[-1] == '\r'
                                                                         ? value_bytes - 1
                                                                         : value_bytes));
        }
        at = line_end + 1;
    }
    return (str_view){0};
}
