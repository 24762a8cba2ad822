/* endpoint_item: any bytes as an endpoint list. The items of a list are the same however they are written
 * down again, and what is taken for an endpoint keeps its limits and means the same when it is put together
 * again.
 */
#include "common/bus/endpoint_item.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>

static const char *prefix_of(endpoint_item_kind kind) {
    switch (kind) {
    case ENDPOINT_TCP:
        return "tcp://";
    case ENDPOINT_DNS:
        return "dns+tcp://";
    case ENDPOINT_FILE:
        return "file:";
    }
    return "";
}

static void check_limits(const endpoint_item *item, str_view text) {
    assert(fuzz_is_within(item->host, text) && fuzz_is_within(item->port, text) &&
           fuzz_is_within(item->path, text));
    if (item->kind == ENDPOINT_FILE) {
        assert(item->path.len > 0 && str_view_is_clean_text(item->path));
        return;
    }
    assert(item->host.len > 0 && item->host.len <= ENDPOINT_HOST_MAX_BYTES);
    assert(item->port.len > 0 && item->port.len <= 5 && item->port.ptr[0] != '0');
    char port[6] = {0};
    memcpy(port, item->port.ptr, item->port.len);
    long number = strtol(port, NULL, 10);
    assert(number >= 1 && number <= 65535);
}

static void check_item(str_view text) {
    endpoint_item item, again;
    if (endpoint_item_parse(&item, text) != ZP_OK) {
        return;
    }
    check_limits(&item, text);
    char written[2048];
    int len = item.kind == ENDPOINT_FILE
                  ? snprintf(written, sizeof written, "%s%.*s", prefix_of(item.kind), (int)item.path.len,
                             item.path.ptr)
                  : snprintf(written, sizeof written, "%s%.*s:%.*s", prefix_of(item.kind), (int)item.host.len,
                             item.host.ptr, (int)item.port.len, item.port.ptr);
    assert(len > 0 && (size_t)len < sizeof written);
    assert(item.kind == ENDPOINT_FILE || item.kind == ENDPOINT_DNS || len < ENDPOINT_TEXT_BYTES);
    assert(endpoint_item_parse(&again, str_view_make(written, (size_t)len)) == ZP_OK);
    assert(again.kind == item.kind && str_view_equal(again.host, item.host) &&
           str_view_equal(again.port, item.port) && str_view_equal(again.path, item.path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str_view whole = str_view_make(data, size), rest = whole, text;
    char *rewritten = malloc(size + 1);
    assert(rewritten);
    size_t used = 0, count = 0;
    while (endpoint_item_next(&rest, &text)) {
        assert(text.len > 0 && fuzz_is_within(text, whole) && str_view_equal(str_view_trim(text), text));
        check_item(text);
        memcpy(rewritten + used, text.ptr, text.len);
        used += text.len;
        rewritten[used++] = ',';
        count++;
    }
    assert(used <= size + 1);
    str_view again = str_view_make(rewritten, used), item;
    for (rest = whole; endpoint_item_next(&rest, &text); count--) {
        assert(endpoint_item_next(&again, &item) && str_view_equal(item, text));
    }
    assert(count == 0 && !endpoint_item_next(&again, &item));
    free(rewritten);
    return 0;
}
