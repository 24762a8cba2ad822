#include "common/base/random.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

uint64_t random_u64(void) {
    uint64_t value = 0;
    ssize_t got = 0;
    do {
        got = getrandom(&value, sizeof value, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof value) {
        abort();
    }
    return value;
}

const char *random_hex(char out[RANDOM_HEX_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    uint64_t value = random_u64();
    for (int i = 0; i < RANDOM_HEX_BYTES - 1; i++) {
        out[i] = digits[value & 0xf];
        value >>= 4;
    }
    out[RANDOM_HEX_BYTES - 1] = '\0';
    return out;
}
