/* counters - what a generator has seen since they were last cleared, and how it is told: one JSON object a
 * line. Owns: nothing but itself. Threads: none. */
#ifndef ZP_BENCH_COUNTERS_H
#define ZP_BENCH_COUNTERS_H

#include "tests/bench/load/histogram.h"
#include "tests/bench/load/update.h"

#include <stdbool.h>
#include <stddef.h>

#define COUNTERS(X)                                                                                          \
    X(opened)        /* handshakes that were accepted */                                                     \
    X(failed)        /* connections that came to nothing before that */                                      \
    X(ended)         /* open clients whose connection ended, whoever did it */                               \
    X(told_to_move)  /* 35 with reconnectAfterMs */                                                          \
    X(moved)         /* clients that were sent away and are open again */                                    \
    X(last_moved_ns) /* when the last of them was, by CLOCK_MONOTONIC */                                     \
    X(retried)       /* attempts of those that were refused */                                               \
    X(frames)        /* WebSocket frames */                                                                  \
    X(bytes)                                                                                                 \
    X(updates) /* messages 31 */                                                                             \
    X(others)  /* messages of other types */                                                                 \
    X(pings)                                                                                                 \
    X(changes)       /* statuses sent */                                                                     \
    X(invalid)       /* frames and messages that could not be read */                                        \
    X(write_blocked) /* frames of ours that the kernel did not take: that client is closed */

enum { FAILURES_MAX = 16, FAILURE_BYTES = 32 };

typedef struct failure {
    char reason[FAILURE_BYTES];
    uint64_t count;
} failure;

typedef struct counters {
#define X(name) uint64_t name;
    COUNTERS(X)
#undef X
    uint64_t statuses[SEEN_STATUSES_COUNT + 1]; /* of the 31s */
    failure failures[FAILURES_MAX]; /* reasons of `failed` and `ended`; those beyond have the last one */
    histogram connecting;           /* from connect() to the accepted handshake */
    histogram seen;                 /* from a change to a 31 that shows it: one sample a watcher */
} counters;

void counters_fail(counters *c, const char *reason);

/* The counter of that name; NULL: there is none. */
const uint64_t *counters_find(const counters *c, const char *name);

/* The fields, without the braces around them. */
void counters_print(const counters *c);

#endif
