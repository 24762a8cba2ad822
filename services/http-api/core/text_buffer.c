#include "services/http-api/core/text_buffer.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY_BYTES = 512 };

static bool make_room(text_buffer *text, size_t more_bytes) {
    if (text->failed) {
        return false;
    }
    if (text->capacity_bytes - text->len_bytes >= more_bytes) {
        return true;
    }
    size_t capacity = text->capacity_bytes ? text->capacity_bytes : FIRST_CAPACITY_BYTES;
    while (capacity - text->len_bytes < more_bytes) {
        capacity *= 2;
    }
    char *bytes = realloc(text->bytes, capacity);
    if (!bytes) {
        text->failed = true;
        return false;
    }
    text->bytes = bytes;
    text->capacity_bytes = capacity;
    return true;
}

void text_add_view(text_buffer *text, str_view piece) {
    if (piece.len > 0 && make_room(text, piece.len)) {
        memcpy(text->bytes + text->len_bytes, piece.ptr, piece.len);
        text->len_bytes += piece.len;
    }
}

void text_add(text_buffer *text, const char *piece) {
    text_add_view(text, str_view_of(piece));
}

void text_add_format(text_buffer *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char piece[512];
    int len = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof piece) {
        text->failed = true; /* no format of ours is that long */
        return;
    }
    text_add_view(text, str_view_make(piece, (size_t)len));
}

void text_add_json(text_buffer *text, str_view piece) {
    text_add(text, "\"");
    size_t plain_from = 0;
    for (size_t i = 0; i < piece.len; i++) {
        unsigned char byte = (unsigned char)piece.ptr[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        text_add_view(text, str_view_make(piece.ptr + plain_from, i - plain_from));
        if (byte < 0x20) {
            text_add_format(text, "\\u%04x", byte);
        } else {
            text_add_format(text, "\\%c", byte);
        }
        plain_from = i + 1;
    }
    text_add_view(text, str_view_make(piece.ptr + plain_from, piece.len - plain_from));
    text_add(text, "\"");
}

static const char *html_entity(char byte) {
    switch (byte) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void text_add_html(text_buffer *text, const char *piece) {
    const char *plain_from = piece;
    for (const char *at = piece; *at; at++) {
        const char *entity = html_entity(*at);
        if (entity) {
            text_add_view(text, str_view_make(plain_from, (size_t)(at - plain_from)));
            text_add(text, entity);
            plain_from = at + 1;
        }
    }
    text_add(text, plain_from);
}

void text_drop_front(text_buffer *text, size_t bytes) {
    text->len_bytes -= bytes;
    memmove(text->bytes, text->bytes + bytes, text->len_bytes);
}

char *text_take(text_buffer *text, size_t *ret_len_bytes) {
    char *bytes = text->failed ? NULL : text->bytes;
    if (!bytes) {
        text_free(text);
        return NULL;
    }
    *ret_len_bytes = text->len_bytes;
    *text = (text_buffer){0};
    return bytes;
}

void text_free(text_buffer *text) {
    free(text->bytes);
    *text = (text_buffer){0};
}
