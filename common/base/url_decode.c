#include "common/base/url_decode.h"

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool url_decode(char *text, size_t len_bytes, url_part part, str_view *ret_value) {
    size_t written = 0;
    for (size_t i = 0; i < len_bytes; i++) {
        char c = text[i];
        if (c == '+' && part == URL_QUERY) {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < len_bytes ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < len_bytes ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return false;
            }
            c = (char)(high << 4 | low);
            i += 2;
        }
        text[written++] = c;
    }
    *ret_value = str_view_make(text, written);
    return true;
}
