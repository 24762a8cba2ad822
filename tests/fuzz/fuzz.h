/* fuzz - what the targets share. A target is one function: bytes in, and an assert on every promise that the
 * code under test makes about them. Asserts and sanitizer reports are findings; a return is none. */
#ifndef ZP_TESTS_FUZZ_H
#define ZP_TESTS_FUZZ_H

#include "common/base/str_view.h"
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer calls it with bytes in a block of exactly that size: reading beyond it is a finding. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a row of small choices, for targets that are driven rather than fed. */
typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;

/* 0 where the input is at its end. */
static inline uint8_t fuzz_byte(fuzz_input *input) {
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

static inline uint64_t fuzz_number(fuzz_input *input) {
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | fuzz_byte(input);
    }
    return number;
}

static inline str_view fuzz_take(fuzz_input *input, size_t most_bytes) {
    size_t len = input->left < most_bytes ? input->left : most_bytes;
    str_view taken = str_view_make(input->at, len);
    input->at += len;
    input->left -= len;
    return taken;
}

/* A heap copy of exactly that size, for code that writes into what it is given. The caller frees it. */
static inline char *fuzz_copy(const void *bytes, size_t len_bytes) {
    char *copy = malloc(len_bytes ? len_bytes : 1);
    assert(copy);
    if (len_bytes > 0) {
        memcpy(copy, bytes, len_bytes);
    }
    return copy;
}

static inline bool fuzz_is_within(str_view part, str_view whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

#endif
