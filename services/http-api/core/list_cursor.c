#include "services/http-api/core/list_cursor.h"

/* The user id in hex: that it is opaque lets another version go on by something else. */
static const char digits[] = "0123456789abcdef";

void list_cursor_add(text_buffer *out, str_view user_id) {
    text_add(out, "\"");
    for (size_t i = 0; i < user_id.len; i++) {
        unsigned char byte = (unsigned char)user_id.ptr[i];
        text_add_format(out, "%02x", byte);
    }
    text_add(out, "\"");
}

static int digit_value(char digit) {
    const char *at = digit == '\0' ? NULL : strchr(digits, digit);
    return at ? (int)(at - digits) : -1;
}

bool list_cursor_read(str_view text, char ret_user_id[LIST_CURSOR_USER_BYTES]) {
    size_t len = text.len / 2;
    if (len == 0 || text.len % 2 != 0 || len >= LIST_CURSOR_USER_BYTES) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int high = digit_value(text.ptr[2 * i]), low = digit_value(text.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        ret_user_id[i] = (char)(high << 4 | low);
    }
    ret_user_id[len] = '\0';
    return str_view_is_clean_text(str_view_make(ret_user_id, len));
}
