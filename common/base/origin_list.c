#include "common/base/origin_list.h"

/* Cuts the next item off the front of *at. False: none is left. */
static bool next_item(const char **at, str_view *ret_item) {
    if (**at == '\0') {
        return false;
    }
    size_t item_bytes = strcspn(*at, ",");
    *ret_item = str_view_trim(str_view_make(*at, item_bytes));
    *at += item_bytes;
    *at += **at == ',';
    return true;
}

static bool has_item(const char *list, str_view wanted) {
    str_view item;
    while (next_item(&list, &item)) {
        if (str_view_equal(item, wanted)) {
            return true;
        }
    }
    return false;
}

bool origin_list_has_all(const char *list) {
    return has_item(list, str_view_of("*"));
}

bool origin_list_has(const char *list, str_view origin) {
    return origin.len > 0 && has_item(list, origin);
}

static size_t find(str_view text, const char *wanted) {
    size_t len = strlen(wanted);
    for (size_t at = 0; at + len <= text.len; at++) {
        if (memcmp(text.ptr + at, wanted, len) == 0) {
            return at;
        }
    }
    return text.len;
}

static str_view behind(str_view text, size_t bytes) {
    return str_view_make(text.ptr + bytes, text.len - bytes);
}

#define SMALL "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* Browsers send small letters only, and names of other alphabets in their ASCII form. */
static bool is_host(str_view host) {
    bool is_ipv6 = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    return is_ipv6 ? str_view_consists_of(str_view_make(host.ptr + 1, host.len - 2), "abcdef:." DIGITS)
                   : str_view_consists_of(host, "-._" SMALL DIGITS);
}

static bool is_origin(str_view item) {
    size_t scheme_bytes = find(item, "://");
    if (scheme_bytes == item.len ||
        !str_view_consists_of(str_view_make(item.ptr, scheme_bytes), "+-." SMALL DIGITS)) {
        return false;
    }
    str_view host = behind(item, scheme_bytes + strlen("://"));
    size_t bracket_bytes = find(host, "]");
    size_t literal_bytes = bracket_bytes < host.len ? bracket_bytes + 1 : 0;
    size_t host_bytes = literal_bytes + find(behind(host, literal_bytes), ":");
    bool has_port = host_bytes < host.len;
    str_view port = has_port ? behind(host, host_bytes + 1) : (str_view){0};
    return is_host(str_view_make(host.ptr, host_bytes)) &&
           (!has_port || (port.len <= 5 && str_view_consists_of(port, DIGITS)));
}

bool origin_list_is_valid(const char *list) {
    str_view item;
    while (next_item(&list, &item)) {
        /* Pages of the file system: what they send depends on the browser. */
        bool is_known = str_view_equal(item, str_view_of("*")) || str_view_equal(item, str_view_of("null")) ||
                        str_view_equal(item, str_view_of("file://"));
        if (!is_known && !is_origin(item)) {
            return false;
        }
    }
    return true;
}
