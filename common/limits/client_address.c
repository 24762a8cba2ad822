#include "common/limits/client_address.h"

/* "203.0.113.7", "203.0.113.7:4711", "[2001:db8::1]:4711", "2001:db8::1". */
static bool read_entry(str_view entry, ip_address *ret_address) {
    if (ip_address_parse(entry, ret_address)) {
        return true;
    }
    if (entry.len > 2 && entry.ptr[0] == '[') {
        const char *end = memchr(entry.ptr, ']', entry.len);
        return end &&
               ip_address_parse(str_view_make(entry.ptr + 1, (size_t)(end - entry.ptr) - 1), ret_address);
    }
    const char *colon = memchr(entry.ptr, ':', entry.len);
    return colon && ip_address_parse(str_view_make(entry.ptr, (size_t)(colon - entry.ptr)), ret_address);
}

/* Goes back through one line while those who wrote it are trusted. False: the way back ends in it. */
static bool go_back(const address_list *proxies, str_view line, ip_address *client) {
    size_t end = line.len;
    for (;;) {
        size_t begin = end;
        while (begin > 0 && line.ptr[begin - 1] != ',') {
            begin--;
        }
        str_view entry = str_view_trim(str_view_make(line.ptr + begin, end - begin));
        if (entry.len == 0 || !read_entry(entry, client) || !address_list_has(proxies, client)) {
            return false;
        }
        if (begin == 0) {
            return true;
        }
        end = begin - 1;
    }
}

void forwarded_lines_add(forwarded_lines *lines, str_view value) {
    if (lines->count == FORWARDED_LINES_MAX) {
        memmove(lines->values, lines->values + 1, sizeof lines->values - sizeof *lines->values);
        lines->count--;
    }
    lines->values[lines->count++] = value;
}

ip_address client_address_find(const address_list *proxies, ip_address peer, const forwarded_lines *lines) {
    ip_address client = peer;
    if (address_list_has(proxies, &peer)) {
        for (size_t i = lines->count; i > 0 && go_back(proxies, lines->values[i - 1], &client); i--) {
        }
    }
    return client;
}
