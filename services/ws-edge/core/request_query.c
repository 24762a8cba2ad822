#include "services/ws-edge/core/request_query.h"
#include "common/base/url_decode.h"

static bool take_pair(char *pair, size_t len_bytes, request_query *query) {
    char *equals = memchr(pair, '=', len_bytes);
    if (!equals) {
        return true;
    }
    str_view key = str_view_make(pair, (size_t)(equals - pair));
    char *value_text = equals + 1;
    size_t value_bytes = len_bytes - key.len - 1;
    if (str_view_equal(key, str_view_of("token")) && query->token.len == 0) {
        return url_decode(value_text, value_bytes, URL_QUERY, &query->token);
    }
    if (str_view_equal(key, str_view_of("deviceId")) && query->device.len == 0) {
        return url_decode(value_text, value_bytes, URL_QUERY, &query->device);
    }
    str_view value = str_view_make(value_text, value_bytes);
    if (str_view_equal(key, str_view_of("wire"))) {
        query->wire_array = str_view_equal(value, str_view_of("array"));
    } else if (str_view_equal(key, str_view_of("statuses"))) {
        query->statuses_full = str_view_equal(value, str_view_of("full"));
    } else if (str_view_equal(key, str_view_of("snapshot"))) {
        query->snapshot = str_view_equal(value, str_view_of("1"));
    }
    return true;
}

/* Past "http://authority" of an absolute-form target; NULL where it is neither form. */
static char *find_path(char *target, size_t len_bytes) {
    if (len_bytes > 0 && target[0] == '/') {
        return target;
    }
    static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t scheme_bytes = strlen(schemes[i]);
        if (len_bytes > scheme_bytes &&
            str_view_equal_ignoring_case(str_view_make(target, scheme_bytes), schemes[i])) {
            return memchr(target + scheme_bytes, '/', len_bytes - scheme_bytes);
        }
    }
    return NULL;
}

bool request_query_parse(char *target, size_t len_bytes, request_query *ret_query) {
    for (size_t i = 0; i < len_bytes; i++) {
        if (target[i] <= ' ' || target[i] > '~' || target[i] == '#') {
            return false;
        }
    }
    char *at = find_path(target, len_bytes);
    if (!at) {
        return false;
    }
    char *end = target + len_bytes;
    char *mark = memchr(at, '?', (size_t)(end - at));
    request_query query = {.path = str_view_make(at, (size_t)((mark ? mark : end) - at))};
    at = mark ? mark + 1 : end;
    while (at < end) {
        char *ampersand = memchr(at, '&', (size_t)(end - at));
        char *pair_end = ampersand ? ampersand : end;
        if (!take_pair(at, (size_t)(pair_end - at), &query)) {
            return false;
        }
        at = pair_end + 1;
    }
    *ret_query = query;
    return true;
}
