/* http_texts: texts that http-api reads beside bodies; the first byte says which. 'f': X-Forwarded-For,
 * lines: the client is the peer unless the peer is trusted, and never an address that a proxy of ours is not
 * the author of. 'm': the metrics of two processes, cut at the first NUL: merged, nothing is left out when it
 * is merged again. 'u': a body: whose it is agrees with jansson. 'k': API keys: what is taken is found by its
 * own secret only. 'n': a list of networks. */
#include "common/auth/api_keys.h"
#include "common/limits/client_address.h"
#include "services/http-api/core/metrics_merge.h"
#include "services/http-api/core/route_owner.h"
#include "tests/fuzz/fuzz.h"
#include <jansson.h>

static ip_address ip(const char *text) {
    ip_address address;
    assert(ip_address_parse(str_view_of(text), &address));
    return address;
}

static bool same(const ip_address *a, const ip_address *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static void read_forwarded(char *text) {
    forwarded_lines lines = {.count = 0};
    for (char *line = strtok(text, "\n"); line && lines.count < FORWARDED_LINES_MAX;
         line = strtok(NULL, "\n")) {
        forwarded_lines_add(&lines, str_view_of(line));
    }
    address_list nobody, proxies;
    assert(address_list_parse("", &nobody) == ZP_OK);
    assert(address_list_parse("127.0.0.1,10.0.0.0/8", &proxies) == ZP_OK);
    ip_address peer = ip("127.0.0.1"), stranger = ip("192.0.2.1");
    ip_address found = client_address_find(&nobody, peer, &lines);
    assert(same(&found, &peer));
    found = client_address_find(&proxies, stranger, &lines);
    assert(same(&found, &stranger));
    /* What a client adds in front never matters once one is found who is no proxy of ours. */
    found = client_address_find(&proxies, peer, &lines);
    if (!address_list_has(&proxies, &found) && lines.count < FORWARDED_LINES_MAX) {
        memmove(lines.values + 1, lines.values, lines.count++ * sizeof *lines.values);
        lines.values[0] = str_view_of("203.0.113.99");
        ip_address again = client_address_find(&proxies, peer, &lines);
        assert(same(&again, &found));
    }
}

static char *merge(str_view first, str_view second, size_t *ret_bytes, size_t *ret_left_out) {
    metrics_merge_t *merge = metrics_merge_new();
    assert(merge);
    *ret_left_out = metrics_merge_add(merge, first) + metrics_merge_add(merge, second);
    text_buffer out = {0};
    metrics_merge_write(merge, &out);
    text_add(&out, "\n");
    metrics_merge_destroy(&merge);
    return text_take(&out, ret_bytes);
}

static void read_metrics(str_view text) {
    const char *end = text.len > 0 ? memchr(text.ptr, '\0', text.len) : NULL;
    size_t first_bytes = end ? (size_t)(end - text.ptr) : text.len;
    str_view first = str_view_make(text.ptr, first_bytes);
    str_view second = end ? str_view_make(end + 1, text.len - first_bytes - 1) : (str_view){0};
    size_t bytes = 0, again_bytes = 0, left_out = 0;
    char *merged = merge(first, second, &bytes, &left_out);
    assert(merged);
    char *again = merge(str_view_make(merged, bytes), (str_view){0}, &again_bytes, &left_out);
    assert(again && left_out == 0 && again_bytes == bytes && memcmp(merged, again, bytes) == 0);
    free(merged);
    free(again);
}

static void read_owner(str_view text) {
    bool bobs = body_names_user(text, "bob");
    json_t *json = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    const json_t *name = json_object_get(json, "username");
    /* Whatever takes a body's username after it takes the same one. */
    assert(!bobs || (json_is_string(name) && strcmp(json_string_value(name), "bob") == 0 &&
                     json_string_length(name) == 3));
    json_decref(json);
}

static void read_keys(str_view text) {
    static api_keys keys;
    const char *reason = NULL;
    size_t number = 0;
    keys.count = 0;
    if (api_keys_parse(&keys, text, '\n', &reason, &number) != ZP_OK) {
        assert(reason && number > 0);
        return;
    }
    for (size_t i = 0; i < keys.count; i++) {
        assert(keys.list[i].name[0] && keys.list[i].areas > 0 && keys.list[i].areas <= 7);
    }
    assert(!api_keys_find(&keys, text) || keys.count == 1);
}

static void read_networks(const char *text) {
    address_list list;
    if (address_list_parse(text, &list) == ZP_OK) {
        for (size_t i = 0; i < list.count; i++) {
            assert(list.networks[i].bits <= 8 * IP_BYTES);
            assert(address_list_has(&list, &list.networks[i].address));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    char *copy = fuzz_copy(data + 1, size - 1);
    char *text = str_view_dup(str_view_make(copy, size - 1));
    assert(text);
    switch (data[0]) {
    case 'f':
        read_forwarded(text);
        break;
    case 'm':
        read_metrics(str_view_make(copy, size - 1));
        break;
    case 'u':
        read_owner(str_view_make(copy, size - 1));
        break;
    case 'k':
        read_keys(str_view_make(copy, size - 1));
        break;
    case 'n':
        read_networks(text);
        break;
    default:
        break;
    }
    free(copy);
    free(text);
    return 0;
}
