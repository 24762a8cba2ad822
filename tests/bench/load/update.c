#include "tests/bench/load/update.h"

#include <string.h>

const char *const seen_status_names[SEEN_STATUSES_COUNT] = {
#define X(id, name) [id] = name,
    SEEN_STATUSES(X)
#undef X
};

seen_status seen_status_of(const char *name, size_t len_bytes) {
    for (unsigned i = 0; i < SEEN_STATUSES_COUNT; i++) {
        if (strlen(seen_status_names[i]) == len_bytes && memcmp(seen_status_names[i], name, len_bytes) == 0) {
            return (seen_status)i;
        }
    }
    return SEEN_STATUSES_COUNT;
}

/* 0 where there are none. */
static uint64_t digits_at_end(const char *text, size_t len_bytes) {
    size_t first = len_bytes;
    while (first > 0 && text[first - 1] >= '0' && text[first - 1] <= '9') {
        first--;
    }
    uint64_t number = 0;
    for (size_t i = first; i < len_bytes; i++) {
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    return number;
}

/* ---- MessagePack ---- */

typedef struct scan {
    const uint8_t *at, *end;
} scan;

typedef struct text_view {
    const char *ptr;
    size_t len_bytes;
} text_view;

enum {
    FIXMAP = 0x80,
    FIXMAP_MAX = 0x8f,
    FIXSTR = 0xa0,
    FIXSTR_MAX = 0xbf,
    FIXSTR_LEN = 0x1f,
    FIXMAP_LEN = 0x0f,
    STR8 = 0xd9,
    UINT8 = 0xcc,
    UINT64 = 0xcf,
    NIL = 0xc0
};

static bool scan_text(scan *s, text_view *ret_text) {
    if (s->at == s->end) {
        return false;
    }
    uint8_t first = *s->at++;
    size_t len_bytes = first & FIXSTR_LEN;
    if (first == STR8) {
        if (s->at == s->end) {
            return false;
        }
        len_bytes = *s->at++;
    } else if (first < FIXSTR || first > FIXSTR_MAX) {
        return false;
    }
    if ((size_t)(s->end - s->at) < len_bytes) {
        return false;
    }
    *ret_text = (text_view){(const char *)s->at, len_bytes};
    s->at += len_bytes;
    return true;
}

static bool scan_number(scan *s, uint64_t *ret_number) {
    if (s->at == s->end) {
        return false;
    }
    uint8_t first = *s->at++;
    if (first < FIXMAP) {
        *ret_number = first;
        return true;
    }
    if (first < UINT8 || first > UINT64) {
        return false;
    }
    size_t bytes = (size_t)1 << (first - UINT8);
    if ((size_t)(s->end - s->at) < bytes) {
        return false;
    }
    *ret_number = 0;
    for (size_t i = 0; i < bytes; i++) {
        *ret_number = *ret_number << 8 | *s->at++;
    }
    return true;
}

static bool is(text_view text, const char *name) {
    return strlen(name) == text.len_bytes && memcmp(name, text.ptr, text.len_bytes) == 0;
}

/* The value behind `key`: a text or a number, as the values of a 31 and a 35 are. */
static bool scan_value(scan *s, text_view key, update *ret_update) {
    text_view text;
    uint64_t number = 0;
    if (s->at < s->end && *s->at == NIL) {
        s->at++;
        return true;
    }
    if (s->at < s->end && (*s->at < FIXMAP || (*s->at >= UINT8 && *s->at <= UINT64))) {
        bool taken = scan_number(s, &number);
        if (is(key, "messageType")) {
            ret_update->type = number;
        } else if (is(key, "reconnectAfterMs")) {
            ret_update->reconnect_after_ms = (int64_t)number;
        }
        return taken;
    }
    if (!scan_text(s, &text)) {
        return false;
    }
    if (is(key, "fromId")) {
        ret_update->user = digits_at_end(text.ptr, text.len_bytes);
    } else if (is(key, "status")) {
        ret_update->status = seen_status_of(text.ptr, text.len_bytes);
    }
    return true;
}

bool update_read_map(const uint8_t *bytes, size_t len_bytes, update *ret_update) {
    scan s = {bytes, bytes + len_bytes};
    *ret_update = (update){.status = SEEN_STATUSES_COUNT, .reconnect_after_ms = -1};
    if (len_bytes == 0 || *s.at < FIXMAP || *s.at > FIXMAP_MAX) {
        return false;
    }
    unsigned count = *s.at++ & FIXMAP_LEN;
    for (unsigned i = 0; i < count; i++) {
        text_view key;
        if (!scan_text(&s, &key) || !scan_value(&s, key, ret_update)) {
            return false;
        }
        if (ret_update->type != 0 && ret_update->type != UPDATE_MESSAGE &&
            ret_update->type != ERROR_MESSAGE) {
            return true;
        }
    }
    return ret_update->type != 0;
}

/* ---- Socket.IO ---- */

/* The text value of "name" in JSON without escapes. */
static bool json_text(const char *json, size_t len_bytes, const char *name, text_view *ret_text) {
    const char *end = json + len_bytes;
    const char *at = memmem(json, len_bytes, name, strlen(name));
    if (!at) {
        return false;
    }
    at += strlen(name);
    const char *quote = memchr(at, '"', (size_t)(end - at));
    if (!quote) {
        return false;
    }
    *ret_text = (text_view){at, (size_t)(quote - at)};
    return true;
}

bool update_read_event(const char *text, size_t len_bytes, update *ret_update) {
    text_view from;
    text_view status;
    *ret_update = (update){.status = SEEN_STATUSES_COUNT, .reconnect_after_ms = -1};
    if (!json_text(text, len_bytes, "\"fromId\":\"", &from) ||
        !json_text(text, len_bytes, "\"status\":\"", &status)) {
        return false;
    }
    ret_update->type = UPDATE_MESSAGE;
    ret_update->user = digits_at_end(from.ptr, from.len_bytes);
    ret_update->status = seen_status_of(status.ptr, status.len_bytes);
    return true;
}
