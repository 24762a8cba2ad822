/* redis_clock - what TIME Redis has, as far as this process can tell: from how long ago it was said, by our
 * own clock. What is heard was true when it was said, so each sample shows Redis' clock too early, by as much
 * as it was under way; of the last ones the best counts, and those that took long do not. Owns: nothing.
 * Threads: none. Time: `now_ms` monotonic, Redis' in unix ms. */
#ifndef ZP_PRESENCE_REDIS_CLOCK_H
#define ZP_PRESENCE_REDIS_CLOCK_H

#include <stddef.h>
#include <stdint.h>

enum {
    REDIS_CLOCK_SAMPLES = 8,
    REDIS_CLOCK_SLOW_MS = 200, /* an answer that took longer says too little */
};

/* Zeroed: not known. */
typedef struct redis_clock {
    int64_t ahead_ms[REDIS_CLOCK_SAMPLES]; /* of our clock */
    size_t count, next;
} redis_clock_t;

void redis_clock_note(redis_clock_t *clock, uint64_t redis_ms, uint64_t asked_ms, uint64_t heard_ms);
/* Another Redis may have another clock. */
void redis_clock_forget(redis_clock_t *clock);

/* A time in Redis' clock that is not before `now_ms` + `in_ms` by more than a fast answer takes; `unknown`
 * where nothing is known. */
uint64_t redis_clock_at(const redis_clock_t *clock, uint64_t now_ms, uint64_t in_ms, uint64_t unknown);

#endif
