/* process_stats - what the kernel says of this process. Owns: nothing. Errors: what cannot be read is 0. */
#ifndef ZP_METRICS_PROCESS_STATS_H
#define ZP_METRICS_PROCESS_STATS_H

#include <stdint.h>

typedef struct process_stats {
    uint64_t resident_bytes;
    uint64_t open_fds;
    double cpu_seconds; /* user and system */
} process_stats;

process_stats process_stats_read(void);

/* Open descriptors by reading /proc/self/fd: right on every kernel, and slow (4 us each: 74 ms at 19,000). */
uint64_t process_stats_count_fds(void);

#endif
