#include "common/bus/endpoint_item.h"

enum { PORT_MAX = 65535, PATH_MAX_BYTES = 1024 };

static bool take_prefix(str_view *text, const char *prefix) {
    size_t len = strlen(prefix);
    if (text->len < len || memcmp(text->ptr, prefix, len) != 0) {
        return false;
    }
    *text = str_view_make(text->ptr + len, text->len - len);
    return true;
}

static bool is_port(str_view text) {
    if (text.len > 5 || !str_view_consists_of(text, "0123456789") || text.ptr[0] == '0') {
        return false;
    }
    unsigned port = 0;
    for (size_t i = 0; i < text.len; i++) {
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return port <= PORT_MAX;
}

static bool is_name(str_view host) {
    return str_view_consists_of(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
}

static bool is_bracketed_ipv6(str_view host) {
    return host.len > 4 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']' &&
           str_view_consists_of(str_view_make(host.ptr + 1, host.len - 2), "0123456789abcdefABCDEF:.");
}

static bool split_at_last_colon(str_view text, str_view *ret_host, str_view *ret_port) {
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return false;
    }
    *ret_host = str_view_make(text.ptr, colon - 1);
    *ret_port = str_view_make(text.ptr + colon, text.len - colon);
    return true;
}

static zp_error parse_host_port(endpoint_item *ret_item, endpoint_item_kind kind, str_view text) {
    str_view host, port;
    if (!split_at_last_colon(text, &host, &port)) {
        return ZP_INVALID;
    }
    bool host_is_valid = is_name(host) || (kind == ENDPOINT_TCP && is_bracketed_ipv6(host));
    if (!host_is_valid || host.len > ENDPOINT_HOST_MAX_BYTES || !is_port(port)) {
        return ZP_INVALID;
    }
    *ret_item = (endpoint_item){.kind = kind, .host = host, .port = port};
    return ZP_OK;
}

zp_error endpoint_item_parse(endpoint_item *ret_item, str_view text) {
    if (take_prefix(&text, "tcp://")) {
        return parse_host_port(ret_item, ENDPOINT_TCP, text);
    }
    if (take_prefix(&text, "dns+tcp://")) {
        return parse_host_port(ret_item, ENDPOINT_DNS, text);
    }
    if (take_prefix(&text, "file:") && text.len > 0 && text.len <= PATH_MAX_BYTES &&
        str_view_is_clean_text(text)) {
        *ret_item = (endpoint_item){.kind = ENDPOINT_FILE, .path = text};
        return ZP_OK;
    }
    return ZP_INVALID;
}

bool endpoint_item_next(str_view *rest, str_view *ret_text) {
    while (rest->len > 0) {
        size_t len = 0;
        while (len < rest->len && rest->ptr[len] != ',' && rest->ptr[len] != '\n' && rest->ptr[len] != '\r') {
            len++;
        }
        str_view item = str_view_trim(str_view_make(rest->ptr, len));
        size_t taken = len < rest->len ? len + 1 : len;
        *rest = str_view_make(rest->ptr + taken, rest->len - taken);
        if (item.len > 0) {
            *ret_text = item;
            return true;
        }
    }
    return false;
}

static bool is_any(str_view text, const char *spelled) {
    return str_view_equal(text, str_view_of(spelled));
}

bool endpoint_is_to_bind(str_view text) {
    str_view host, port;
    return take_prefix(&text, "tcp://") && split_at_last_colon(text, &host, &port) &&
           host.len <= ENDPOINT_HOST_MAX_BYTES &&
           (is_name(host) || is_bracketed_ipv6(host) || is_any(host, "*") || is_any(host, "[::]")) &&
           (is_port(port) || is_any(port, "*") || is_any(port, "0"));
}
