/* clock - the only place that reads a clock. Pure cores take `now_ms` as an argument instead. */
#ifndef ZP_BASE_CLOCK_H
#define ZP_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Monotonic milliseconds: for deadlines and ages. */
uint64_t clock_monotonic_ms(void);

/* Unix milliseconds: for times shown to people. */
uint64_t clock_unix_ms(void);

/* "2025-12-12T10:30:45.123Z": 24 characters and NUL. Returns `out`. */
enum { CLOCK_ISO8601_BYTES = 25 };
const char *clock_iso8601(uint64_t unix_ms, char out[CLOCK_ISO8601_BYTES]);

#endif
