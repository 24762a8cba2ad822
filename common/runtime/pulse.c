#include "common/runtime/pulse.h"

static uint64_t until_next_ms(const uv_timer_t *timer, uint64_t interval_ms) {
    return interval_ms - uv_now(timer->loop) % interval_ms;
}

void pulse_start(uv_timer_t *timer, uv_timer_cb on_pulse, uint64_t interval_ms) {
    uv_timer_start(timer, on_pulse, until_next_ms(timer, interval_ms), interval_ms);
}

void pulse_keep(uv_timer_t *timer) {
    uint64_t interval_ms = uv_timer_get_repeat(timer);
    uv_timer_set_repeat(timer, until_next_ms(timer, interval_ms));
    uv_timer_again(timer);
    uv_timer_set_repeat(timer, interval_ms);
}
