/* job - what a generator is doing for its driver: one thing at a time, a step whenever something happened, an
 * answer when it is done or its time is up. Owns: nothing but its progress. Borrows: the fleet. Threads:
 * none. Units: ns of CLOCK_MONOTONIC. */
#ifndef ZP_BENCH_JOB_H
#define ZP_BENCH_JOB_H

#include "tests/bench/load/client.h"

typedef enum job_kind {
    JOB_NONE,
    JOB_OPEN,   /* connect a range of clients */
    JOB_CLOSE,  /* close a range, as a well-behaved client does */
    JOB_DROP,   /* close the sockets of a range without a word */
    JOB_CHANGE, /* change the statuses of a range in turn, `per_second` for `for_ns` */
    JOB_FLOOD,  /* one change of each client of a range; with fleet.flooding it goes on by itself */
    JOB_SAY,    /* each client of a range sends the same message, `per_second` */
    JOB_WAIT,   /* until a counter has reached a number, or for a while */
} job_kind;

typedef struct job {
    job_kind kind;
    size_t first, count, done;
    size_t window;          /* handshakes or closings under way at once */
    double per_second;      /* 0: as fast as the window allows */
    const uint8_t *message; /* of JOB_SAY */
    size_t message_bytes;
    const uint64_t *counter;
    uint64_t counter_wanted;
    uint64_t began_ns, for_ns, deadline_ns;
} job;

typedef enum job_progress { JOB_GOES_ON, JOB_DONE, JOB_TIMED_OUT } job_progress;

/* Does what is due. After JOB_GOES_ON: `ret_wake_ns` is when it must be called again at the latest. */
job_progress job_step(job *j, fleet *f, uint64_t now_ns, uint64_t *ret_wake_ns);

#endif
