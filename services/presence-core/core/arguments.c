#include "services/presence-core/core/arguments.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BYTES_AT_FIRST = 4096,
    BYTES_KEPT = 262144,
    COUNT_AT_FIRST = 64,
    NUMBER_BYTES = 24,
};

void arguments_clear(arguments_t *arguments) {
    if (arguments->capacity_bytes > BYTES_KEPT) {
        arguments_free(arguments);
    }
    arguments->len_bytes = 0;
    arguments->count = 0;
    arguments->out_of_memory = false;
}

void arguments_free(arguments_t *arguments) {
    free(arguments->bytes);
    free(arguments->ends);
    free(arguments->pointers);
    free(arguments->lengths);
    *arguments = (arguments_t){0};
}

static bool grow(void *table, size_t new_capacity, size_t element_bytes) {
    void **at = table;
    void *grown = realloc(*at, new_capacity * element_bytes);
    if (grown) {
        *at = grown;
    }
    return grown != NULL;
}

void arguments_append(arguments_t *arguments, str_view piece) {
    size_t need_bytes = arguments->len_bytes + piece.len;
    if (need_bytes > arguments->capacity_bytes) {
        size_t capacity_bytes = arguments->capacity_bytes ? arguments->capacity_bytes : BYTES_AT_FIRST;
        while (capacity_bytes < need_bytes) {
            capacity_bytes *= 2;
        }
        if (!grow(&arguments->bytes, capacity_bytes, 1)) {
            arguments->out_of_memory = true;
            return;
        }
        arguments->capacity_bytes = capacity_bytes;
    }
    if (piece.len > 0) {
        memcpy(arguments->bytes + arguments->len_bytes, piece.ptr, piece.len);
    }
    arguments->len_bytes = need_bytes;
}

void arguments_end(arguments_t *arguments) {
    if (arguments->count == arguments->capacity) {
        size_t capacity = arguments->capacity ? arguments->capacity * 2 : COUNT_AT_FIRST;
        if (!grow(&arguments->ends, capacity, sizeof *arguments->ends) ||
            !grow(&arguments->pointers, capacity, sizeof *arguments->pointers) ||
            !grow(&arguments->lengths, capacity, sizeof *arguments->lengths)) {
            arguments->out_of_memory = true;
            return;
        }
        arguments->capacity = capacity;
    }
    arguments->ends[arguments->count++] = arguments->len_bytes;
}

void arguments_append_number(arguments_t *arguments, uint64_t number) {
    char digits[NUMBER_BYTES];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    arguments_append(arguments, str_view_make(digits + at, sizeof digits - at));
}

void arguments_append_json(arguments_t *arguments, str_view text) {
    arguments_append(arguments, str_view_of("\""));
    size_t plain_from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        char escaped[8];
        int len = c < 0x20 ? snprintf(escaped, sizeof escaped, "\\u%04x", c)
                           : snprintf(escaped, sizeof escaped, "\\%c", c);
        arguments_append(arguments, str_view_make(text.ptr + plain_from, i - plain_from));
        arguments_append(arguments, str_view_make(escaped, (size_t)len));
        plain_from = i + 1;
    }
    arguments_append(arguments, str_view_make(text.ptr + plain_from, text.len - plain_from));
    arguments_append(arguments, str_view_of("\""));
}

void arguments_add(arguments_t *arguments, str_view text) {
    arguments_append(arguments, text);
    arguments_end(arguments);
}

void arguments_add_number(arguments_t *arguments, uint64_t number) {
    arguments_append_number(arguments, number);
    arguments_end(arguments);
}

void arguments_add_key(arguments_t *arguments, const char *prefix, str_view id) {
    arguments_append(arguments, str_view_of(prefix));
    arguments_append(arguments, id);
    arguments_end(arguments);
}

str_view arguments_get(const arguments_t *arguments, size_t index) {
    assert(index < arguments->count);
    size_t from = index == 0 ? 0 : arguments->ends[index - 1];
    return str_view_make(arguments->bytes + from, arguments->ends[index] - from);
}

zp_error arguments_ready(arguments_t *arguments) {
    if (arguments->out_of_memory) {
        return ZP_NO_MEMORY;
    }
    for (size_t i = 0; i < arguments->count; i++) {
        str_view argument = arguments_get(arguments, i);
        arguments->pointers[i] = argument.ptr;
        arguments->lengths[i] = argument.len;
    }
    return ZP_OK;
}
