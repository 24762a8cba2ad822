/* log_limit - lets one line through a second, and counts what it held back. For what a stranger could make us
 * log as often as he likes. Pure. Threads: none. Time: monotonic ms, passed in. */
#ifndef ZP_LOG_LOG_LIMIT_H
#define ZP_LOG_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: nothing was logged yet. */
typedef struct log_limit {
    uint64_t next_ms;
    uint64_t held_back;
} log_limit;

/* True: log now; *ret_held_back is how many were held back since the line before. */
static inline bool log_limit_pass(log_limit *limit, uint64_t now_ms, uint64_t *ret_held_back) {
    if (now_ms < limit->next_ms) {
        limit->held_back++;
        return false;
    }
    *ret_held_back = limit->held_back;
    limit->held_back = 0;
    limit->next_ms = now_ms + 1000;
    return true;
}

#endif
