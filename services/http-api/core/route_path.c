#include "services/http-api/core/route_path.h"
#include <assert.h>

bool route_path_matches(const char *pattern, const char *path, str_view segments[ROUTE_SEGMENTS_MAX]) {
    str_view found[ROUTE_SEGMENTS_MAX] = {{0}};
    size_t count = 0;
    while (*pattern && *path) {
        size_t segment_bytes = strcspn(path, "/");
        if (*pattern == '*' && segment_bytes > 0) {
            assert(count < ROUTE_SEGMENTS_MAX);
            found[count++] = str_view_make(path, segment_bytes);
            pattern++;
            path += segment_bytes;
        } else if (*pattern == *path) {
            pattern++;
            path++;
        } else {
            return false;
        }
    }
    if (*pattern || *path) {
        return false;
    }
    memcpy(segments, found, sizeof found);
    return true;
}
