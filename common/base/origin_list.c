#include "common/base/origin_list.h"

static bool has_item(const char *list, str_view wanted) {
    for (const char *at = list; *at;) {
        size_t item_bytes = strcspn(at, ",");
        if (str_view_equal(str_view_trim(str_view_make(at, item_bytes)), wanted)) {
            return true;
        }
        at += item_bytes;
        at += *at == ',';
    }
    return false;
}

bool origin_list_has_all(const char *list) {
    return has_item(list, str_view_of("*"));
}

bool origin_list_has(const char *list, str_view origin) {
    return origin.len > 0 && has_item(list, origin);
}
