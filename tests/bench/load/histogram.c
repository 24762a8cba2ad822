#include "tests/bench/load/histogram.h"

enum { EXACT_BELOW = 64, STEPS = 32, STEPS_BITS = 5 };

static unsigned bucket_of(uint64_t ns) {
    if (ns < EXACT_BELOW) {
        return (unsigned)ns;
    }
    unsigned shift = 63U - (unsigned)__builtin_clzll(ns) - STEPS_BITS;
    return shift * STEPS + (unsigned)(ns >> shift);
}

static uint64_t middle_of(unsigned bucket) {
    if (bucket < EXACT_BELOW) {
        return bucket;
    }
    unsigned shift = bucket / STEPS - 1;
    return ((uint64_t)(bucket - shift * STEPS) << shift) + (1ULL << shift) / 2;
}

void histogram_add(histogram *h, uint64_t ns) {
    h->counts[bucket_of(ns)]++;
    h->total++;
    if (ns > h->max_ns) {
        h->max_ns = ns;
    }
}

uint64_t histogram_quantile(const histogram *h, double fraction) {
    if (fraction >= 1) {
        return h->max_ns;
    }
    uint64_t wanted = (uint64_t)(fraction * (double)h->total);
    uint64_t below = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && h->total > 0; i++) {
        below += h->counts[i];
        if (below >= wanted && below > 0) {
            uint64_t middle = middle_of(i);
            return middle < h->max_ns ? middle : h->max_ns;
        }
    }
    return h->max_ns;
}
