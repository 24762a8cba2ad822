/* log_position - a point in the log of transitions (proto: Position). */
#ifndef ZP_PRESENCE_LOG_POSITION_H
#define ZP_PRESENCE_LOG_POSITION_H

#include <stdbool.h>
#include <stdint.h>

typedef struct log_position {
    uint64_t epoch; /* unix ms at which this life of the data began; 0: no position is known */
    uint64_t seq;   /* of the last transition, within the epoch */
} log_position;

static inline bool log_position_before(log_position a, log_position b) {
    return a.epoch != b.epoch ? a.epoch < b.epoch : a.seq < b.seq;
}

#endif
