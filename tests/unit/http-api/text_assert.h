/* text_assert - what was put together, to the byte. */
#ifndef ZP_TESTS_TEXT_ASSERT_H
#define ZP_TESTS_TEXT_ASSERT_H

#include "services/http-api/core/text_buffer.h"
#include <stdlib.h>

/* Empties `out`. */
#define assert_text(out, expected)                                                                           \
    do {                                                                                                     \
        size_t text_len_bytes = 0;                                                                           \
        text_add((out), "");                                                                                 \
        char *text_taken = text_take((out), &text_len_bytes);                                                \
        assert_non_null(text_taken);                                                                         \
        text_taken = realloc(text_taken, text_len_bytes + 1);                                                \
        text_taken[text_len_bytes] = '\0';                                                                   \
        assert_string_equal(text_taken, (expected));                                                         \
        free(text_taken);                                                                                    \
    } while (0)

#endif
