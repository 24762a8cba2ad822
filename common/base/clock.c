#include "common/base/clock.h"
#include <stdio.h>
#include <time.h>

/* 9999-12-31T23:59:59.999Z: what four digits of year can still say. */
static const uint64_t latest_iso8601_ms = 253402300799999;

static uint64_t read_ms(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_monotonic_ms(void) {
    return read_ms(CLOCK_MONOTONIC);
}

uint64_t clock_unix_ms(void) {
    return read_ms(CLOCK_REALTIME);
}

const char *clock_iso8601(uint64_t unix_ms, char out[CLOCK_ISO8601_BYTES]) {
    if (unix_ms > latest_iso8601_ms) {
        unix_ms = latest_iso8601_ms;
    }
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);

    char text[CLOCK_ISO8601_BYTES];
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.", &utc);
    unsigned ms = (unsigned)(unix_ms % 1000);
    size_t at = sizeof "2025-12-12T10:30:45." - 1;
    text[at++] = (char)('0' + ms / 100);
    text[at++] = (char)('0' + ms / 10 % 10);
    text[at++] = (char)('0' + ms % 10);
    text[at++] = 'Z';
    text[at] = '\0';
    for (size_t i = 0; i < sizeof text; i++) {
        out[i] = text[i];
    }
    return out;
}
