/* rate_limit - at most so many a second on average, and so many at once: a token bucket in one number (the
 * virtual scheduling of ITU-T I.371), and what to do with a client whose messages go over it. Owns: nothing;
 * zeroed is a full bucket. Time: monotonic ms, always passed in. Cost: O(1). Threads: none. */
#ifndef ZP_LIMITS_RATE_LIMIT_H
#define ZP_LIMITS_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rate_limit {
    uint64_t interval_us; /* between two, on average; 0: no limit */
    uint64_t burst_us;    /* how far ahead of that one may be */
} rate_limit;

typedef struct rate_bucket {
    uint64_t full_at_us; /* when nothing will be owed any more */
} rate_bucket;

/* per_second up to a million, 0: no limit; `burst`, at least 1, at once. */
rate_limit rate_limit_of(uint32_t per_second, uint32_t burst);

/* Whether `count` more keep the limit; if not, nothing is taken. */
bool rate_limit_take(const rate_limit *limit, rate_bucket *bucket, uint32_t count, uint64_t now_ms);

/* As good as never used. */
bool rate_bucket_is_full(const rate_bucket *bucket, uint64_t now_ms);

/* One client's messages: so many seconds' worth of them may come at once. */
enum { MESSAGE_BURST_SECONDS = 2 };
typedef struct message_rate {
    rate_bucket bucket;
    uint32_t dropped_count; /* since its bucket was full */
} message_rate;

typedef enum message_verdict {
    MESSAGE_TAKEN,
    MESSAGE_DROPPED_FIRST, /* since its bucket was full: the client is to be told */
    MESSAGE_DROPPED,
    MESSAGE_FLOOD, /* more than dropped_max were dropped: the client does not listen */
} message_verdict;

/* One message, which counts as `count`. */
message_verdict message_rate_take(const rate_limit *limit, uint32_t dropped_max, message_rate *rate,
                                  uint32_t count, uint64_t now_ms);

#endif
