/* rate_window - how fast a number rises, over the last seconds. Owns: its samples. Threads: none. Time:
 * monotonic ms, always passed in. */
#ifndef ZP_HTTP_API_RATE_WINDOW_H
#define ZP_HTTP_API_RATE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

enum { RATE_SAMPLES = 64, RATE_WINDOW_MS = 10000 };

/* Zeroed: empty. */
typedef struct rate_window {
    struct rate_sample {
        uint64_t at_ms, number;
    } samples[RATE_SAMPLES];
    size_t count, newest;
} rate_window;

/* A number that is lower than the last, or of another series, begins anew. */
void rate_window_note(rate_window *window, uint64_t number, uint64_t now_ms);
void rate_window_clear(rate_window *window);

/* Per second, over what is known of the last RATE_WINDOW_MS; 0 where too little is. */
double rate_window_per_second(const rate_window *window);

#endif
