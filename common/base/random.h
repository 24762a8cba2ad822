/* random - unpredictable ids from the kernel. */
#ifndef ZP_BASE_RANDOM_H
#define ZP_BASE_RANDOM_H

#include <stdint.h>

/* Aborts where the kernel has no randomness to give: nothing may run with predictable ids. */
uint64_t random_u64(void);

/* 16 lower-case hex digits and NUL. Returns `out`. */
enum { RANDOM_HEX_BYTES = 17 };
const char *random_hex(char out[RANDOM_HEX_BYTES]);

#endif
