/* histogram - how often which duration came, within 3 %, in constant space.
 * Owns: its counts. Units: ns. Threads: none. Cost: O(1) to add. */
#ifndef ZP_BENCH_HISTOGRAM_H
#define ZP_BENCH_HISTOGRAM_H

#include <stdint.h>

/* 32 steps for every power of two; below 64 every value has its own. */
enum { HISTOGRAM_BUCKETS = 1920 };

typedef struct histogram {
    uint64_t total, max_ns;
    uint64_t counts[HISTOGRAM_BUCKETS];
} histogram;

void histogram_add(histogram *h, uint64_t ns);

/* The duration that `fraction` (0 to 1) of all do not exceed; 0 where there are none. */
uint64_t histogram_quantile(const histogram *h, double fraction);

#endif
