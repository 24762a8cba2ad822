#include "common/auth/base64url.h"

#include <stdint.h>

/* The six bits that a character stands for; -1: none. */
static int bits_of(char c) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

zp_error base64url_decode(str_view text, char *out, size_t *ret_len_bytes) {
    uint32_t held = 0;
    unsigned held_bits = 0;
    size_t len_bytes = 0;
    for (size_t i = 0; i < text.len; i++) {
        int bits = bits_of(text.ptr[i]);
        if (bits < 0) {
            return ZP_INVALID;
        }
        held = held << 6 | (uint32_t)bits;
        held_bits += 6;
        if (held_bits >= 8) {
            held_bits -= 8;
            out[len_bytes++] = (char)(held >> held_bits);
            held &= (1U << held_bits) - 1;
        }
    }
    if (held_bits == 6 || held != 0) {
        return ZP_INVALID;
    }
    *ret_len_bytes = len_bytes;
    return ZP_OK;
}
