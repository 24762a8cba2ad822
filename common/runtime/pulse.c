#include "common/runtime/pulse.h"

enum { PHASE_MS = 20, PHASES_AN_INTERVAL_MIN = 10 };

uint64_t pulse_offset_ms(pulse_phase phase, uint64_t interval_ms) {
    uint64_t most_ms = interval_ms / PHASES_AN_INTERVAL_MIN;
    return (uint64_t)phase * (most_ms < PHASE_MS ? most_ms : PHASE_MS);
}

uint64_t pulse_wait_ms(uint64_t now_ms, uint64_t interval_ms, uint64_t offset_ms) {
    return interval_ms - (now_ms + interval_ms - offset_ms) % interval_ms;
}

static void on_timer(uv_timer_t *timer);

/* Each time anew: libuv's own repetition counts from when it came to call, and would fall out of step. */
static void wait_for_next(pulse_t *pulse) {
    uint64_t offset_ms = pulse_offset_ms(pulse->phase, pulse->interval_ms);
    uint64_t wait_ms = pulse_wait_ms(uv_now(pulse->timer.loop), pulse->interval_ms, offset_ms);
    uv_timer_start(&pulse->timer, on_timer, wait_ms, 0);
}

static void on_timer(uv_timer_t *timer) {
    pulse_t *pulse = (pulse_t *)timer;
    wait_for_next(pulse); /* before its owner is called, who may stop it */
    pulse->on_pulse(timer);
}

void pulse_start(pulse_t *pulse, uv_timer_cb on_pulse, uint64_t interval_ms, pulse_phase phase) {
    pulse->on_pulse = on_pulse;
    pulse->interval_ms = interval_ms;
    pulse->phase = phase;
    wait_for_next(pulse);
}
