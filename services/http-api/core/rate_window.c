#include "services/http-api/core/rate_window.h"

enum { SAMPLE_EVERY_MS = RATE_WINDOW_MS / (RATE_SAMPLES / 2) };

void rate_window_clear(rate_window *window) {
    *window = (rate_window){0};
}

void rate_window_note(rate_window *window, uint64_t number, uint64_t now_ms) {
    const struct rate_sample *last = &window->samples[window->newest];
    if (window->count > 0 && number < last->number) {
        rate_window_clear(window);
    } else if (window->count > 0 && now_ms - last->at_ms < SAMPLE_EVERY_MS) {
        return; /* so that the samples reach over the whole window */
    }
    window->newest = window->count > 0 ? (window->newest + 1) % RATE_SAMPLES : 0;
    window->samples[window->newest] = (struct rate_sample){now_ms, number};
    window->count += window->count < RATE_SAMPLES;
}

double rate_window_per_second(const rate_window *window) {
    const struct rate_sample *newest = &window->samples[window->newest], *oldest = newest;
    for (size_t i = 1; i < window->count; i++) {
        const struct rate_sample *at = &window->samples[(window->newest + RATE_SAMPLES - i) % RATE_SAMPLES];
        if (newest->at_ms - at->at_ms > RATE_WINDOW_MS) {
            break;
        }
        oldest = at;
    }
    if (newest->at_ms == oldest->at_ms) {
        return 0;
    }
    return (double)(newest->number - oldest->number) * 1000 / (double)(newest->at_ms - oldest->at_ms);
}
