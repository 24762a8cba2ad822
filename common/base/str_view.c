#include "common/base/str_view.h"
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

static unsigned char lower(unsigned char byte) {
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte - 'A' + 'a') : byte;
}

bool str_view_equal_ignoring_case(str_view a, const char *b) {
    size_t len = strlen(b);
    if (a.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (lower((unsigned char)a.ptr[i]) != lower((unsigned char)b[i])) {
            return false;
        }
    }
    return true;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

str_view str_view_trim(str_view view) {
    while (view.len > 0 && is_blank(view.ptr[0])) {
        view.ptr++;
        view.len--;
    }
    while (view.len > 0 && is_blank(view.ptr[view.len - 1])) {
        view.len--;
    }
    return view;
}

char *str_view_dup(str_view view) {
    char *copy = malloc(view.len + 1);
    if (!copy) {
        return NULL;
    }
    if (view.len > 0) {
        memcpy(copy, view.ptr, view.len);
    }
    copy[view.len] = '\0';
    return copy;
}

/* Bytes of the well-formed UTF-8 sequence at `at` (RFC 3629, section 4), or 0. */
static size_t utf8_sequence(const unsigned char *at, size_t left) {
    unsigned char first = at[0];
    if (first < 0x80) {
        return 1;
    }
    size_t len = 0;
    unsigned char least = 0x80; /* of the second byte: refuses overlong forms, surrogates, beyond U+10FFFF */
    unsigned char most = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) {
        len = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        len = 3;
        least = first == 0xe0 ? 0xa0 : 0x80;
        most = first == 0xed ? 0x9f : 0xbf;
    } else if (first >= 0xf0 && first <= 0xf4) {
        len = 4;
        least = first == 0xf0 ? 0x90 : 0x80;
        most = first == 0xf4 ? 0x8f : 0xbf;
    }
    if (len == 0 || len > left || at[1] < least || at[1] > most) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf) {
            return 0;
        }
    }
    return len;
}

bool str_view_is_clean_text(str_view view) {
    const unsigned char *bytes = (const unsigned char *)view.ptr;
    for (size_t i = 0; i < view.len;) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f) {
            return false;
        }
        size_t len = utf8_sequence(bytes + i, view.len - i);
        bool c1_control = len == 2 && bytes[i] == 0xc2 && bytes[i + 1] < 0xa0;
        if (len == 0 || c1_control) {
            return false;
        }
        i += len;
    }
    return true;
}

const char *str_view_escape(str_view view, char *out, size_t out_bytes) {
    static const char digits[] = "0123456789abcdef";
    assert(out_bytes > 0);
    size_t used = 0;
    for (size_t i = 0; i < view.len; i++) {
        unsigned char byte = (unsigned char)view.ptr[i];
        bool plain = byte > 0x20 && byte < 0x7f && byte != '"' && byte != '\'' && byte != '\\';
        size_t need = plain ? 1 : 4;
        if (used + need + 1 > out_bytes) {
            break;
        }
        if (plain) {
            out[used++] = (char)byte;
        } else {
            out[used++] = '\\';
            out[used++] = 'x';
            out[used++] = digits[byte >> 4];
            out[used++] = digits[byte & 0xf];
        }
    }
    out[used] = '\0';
    return out;
}

bool str_view_consists_of(str_view view, const char *accepted) {
    for (size_t i = 0; i < view.len; i++) {
        if (view.ptr[i] == '\0' || !strchr(accepted, view.ptr[i])) {
            return false;
        }
    }
    return view.len > 0;
}
