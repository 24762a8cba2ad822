/* text_buffer - text that is put together piece by piece, escaped for where it will stand.
 * Owns: its bytes. Errors: out of memory is remembered and shows at text_take; nothing in between needs a
 * check. What is added is the caller's to bound. Threads: none. */
#ifndef ZP_HTTP_API_TEXT_BUFFER_H
#define ZP_HTTP_API_TEXT_BUFFER_H

#include "common/base/str_view.h"
#include <stdbool.h>
#include <stddef.h>

/* Zeroed: empty. */
typedef struct text_buffer {
    char *bytes;
    size_t len_bytes, capacity_bytes;
    bool failed;
} text_buffer;

void text_add(text_buffer *text, const char *piece);
void text_add_view(text_buffer *text, str_view piece);
void text_add_format(text_buffer *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As a JSON string, quotes included (RFC 8259). `piece` is UTF-8. */
void text_add_json(text_buffer *text, str_view piece);

/* As HTML text or a quoted attribute value. */
void text_add_html(text_buffer *text, const char *piece);

/* Takes the first `bytes` away; what is left moves to the front. */
void text_drop_front(text_buffer *text, size_t bytes);

/* Hands the bytes over, to be freed by the caller, and leaves `text` empty. NULL: memory was out. */
char *text_take(text_buffer *text, size_t *ret_len_bytes);
void text_free(text_buffer *text);

#endif
