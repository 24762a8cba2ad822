#include "common/limits/rate_limit.h"

#include <assert.h>

enum { US_PER_MS = 1000, US_PER_S = 1000000 };

rate_limit rate_limit_of(uint32_t per_second, uint32_t burst) {
    assert(per_second <= US_PER_S && (per_second == 0 || burst > 0));
    uint64_t interval_us = per_second > 0 ? US_PER_S / per_second : 0;
    return (rate_limit){.interval_us = interval_us, .burst_us = interval_us * burst};
}

bool rate_limit_take(const rate_limit *limit, rate_bucket *bucket, uint32_t count, uint64_t now_ms) {
    uint64_t now_us = now_ms * US_PER_MS;
    uint64_t from_us = bucket->full_at_us > now_us ? bucket->full_at_us : now_us;
    uint64_t full_at_us = from_us + limit->interval_us * count;
    if (full_at_us - now_us > limit->burst_us) {
        return false;
    }
    bucket->full_at_us = full_at_us;
    return true;
}

bool rate_bucket_is_full(const rate_bucket *bucket, uint64_t now_ms) {
    return bucket->full_at_us <= now_ms * US_PER_MS;
}

message_verdict message_rate_take(const rate_limit *limit, uint32_t dropped_max, message_rate *rate,
                                  uint32_t count, uint64_t now_ms) {
    if (rate_bucket_is_full(&rate->bucket, now_ms)) {
        rate->dropped_count = 0;
    }
    if (rate_limit_take(limit, &rate->bucket, count, now_ms)) {
        return MESSAGE_TAKEN;
    }
    rate->dropped_count++;
    if (rate->dropped_count > dropped_max) {
        return MESSAGE_FLOOD;
    }
    return rate->dropped_count == 1 ? MESSAGE_DROPPED_FIRST : MESSAGE_DROPPED;
}
