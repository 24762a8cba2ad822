/* pulse - timers that repeat, in step with those of all other processes of this machine: an interval is over
 * at its multiples on the monotonic clock, which they share. What beats and ticks of an idle system cost is
 * that processes wake; in step, what one says finds the others awake, and is answered together with the rest.
 * Owns: nothing. Threads: the loop's. */
#ifndef ZP_RUNTIME_PULSE_H
#define ZP_RUNTIME_PULSE_H

#include <stdint.h>
#include <uv.h>

/* Starts `timer`: for the first time within an interval. */
void pulse_start(uv_timer_t *timer, uv_timer_cb on_pulse, uint64_t interval_ms);
/* To be called by on_pulse: libuv counts from when it came to call it, and would fall out of step. */
void pulse_keep(uv_timer_t *timer);

#endif
