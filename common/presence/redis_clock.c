#include "common/presence/redis_clock.h"

void redis_clock_note(redis_clock_t *clock, uint64_t redis_ms, uint64_t asked_ms, uint64_t heard_ms) {
    if (heard_ms - asked_ms > REDIS_CLOCK_SLOW_MS) {
        return;
    }
    clock->ahead_ms[clock->next] = (int64_t)redis_ms - (int64_t)heard_ms;
    clock->next = (clock->next + 1) % REDIS_CLOCK_SAMPLES;
    clock->count += clock->count < REDIS_CLOCK_SAMPLES;
}

void redis_clock_forget(redis_clock_t *clock) {
    *clock = (redis_clock_t){0};
}

uint64_t redis_clock_at(const redis_clock_t *clock, uint64_t now_ms, uint64_t in_ms, uint64_t unknown) {
    if (clock->count == 0) {
        return unknown;
    }
    int64_t best_ms = clock->ahead_ms[0];
    for (size_t i = 1; i < clock->count; i++) {
        best_ms = clock->ahead_ms[i] > best_ms ? clock->ahead_ms[i] : best_ms;
    }
    return (uint64_t)((int64_t)(now_ms + in_ms) + best_ms);
}
