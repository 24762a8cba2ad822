/* str_view - a borrowed piece of bytes; never NUL-terminated by right.
 * Owns: nothing. Units: bytes. Threads: none. */
#ifndef ZP_BASE_STR_VIEW_H
#define ZP_BASE_STR_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct str_view {
    const char *ptr;
    size_t len;
} str_view;

static inline str_view str_view_of(const char *text) {
    return (str_view){text, text ? strlen(text) : 0};
}

static inline str_view str_view_make(const void *ptr, size_t len_bytes) {
    return (str_view){ptr, len_bytes};
}

static inline bool str_view_equal(str_view a, str_view b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII only, as HTTP header names need it. */
bool str_view_equal_ignoring_case(str_view a, const char *b);

/* Without spaces and tabs at both ends. */
str_view str_view_trim(str_view view);

/* A NUL-terminated heap copy, or NULL where memory is out. The caller frees it. */
char *str_view_dup(str_view view);

/* Whether the bytes are well-formed UTF-8 (RFC 3629) without control characters (C0, DEL, C1). */
bool str_view_is_clean_text(str_view view);

/* Whether there are bytes, and all of them are among the characters of `accepted`. */
bool str_view_consists_of(str_view view, const char *accepted);

/* Writes `view` into `out` so that it can stand in a log line: printable ASCII as it is; spaces, quotes,
 * backslashes and everything else as \xHH, so that no value passes for another key=value pair; cut to fit,
 * always NUL-terminated. Returns `out`. */
#define STR_VIEW_ESCAPED_BYTES(bytes) (4 * (bytes) + 1) /* room for so many of them */
const char *str_view_escape(str_view view, char *out, size_t out_bytes);

#endif
