/* pulse - timers that repeat, in step with those of all other processes of this machine: an interval begins
 * at its multiples on the monotonic clock, which they share. An idle system costs what its processes cost
 * that wake; in step, what one says finds the others awake, and is answered together with the rest.
 *
 * In one and the same moment, who asks would be told what was true an interval ago, each link of a chain of
 * askers. Where what is new is told unasked (beacons, a fanout that is ready) there is no such chain;
 * elsewhere there are phases: first who is to know something when it is asked, then the beats, then who needs
 * their answers.
 *
 * Owns: nothing; the handle is its owner's, to be initialised and closed as any uv_timer_t, `data` included.
 * Threads: the loop's. Time: milliseconds. */
#ifndef ZP_RUNTIME_PULSE_H
#define ZP_RUNTIME_PULSE_H

#include <uv.h>

typedef enum pulse_phase {
    PULSE_BEFORE, /* at the beginning of the interval */
    PULSE_BEAT,   /* and whatever is looked at without waiting for anybody */
    PULSE_AFTER,  /* once beats are answered, on a machine that is not overloaded */
} pulse_phase;

typedef struct pulse {
    uv_timer_t timer; /* first: what libuv calls back with is the pulse */
    uv_timer_cb on_pulse;
    uint64_t interval_ms;
    pulse_phase phase;
} pulse_t;

/* Calls `on_pulse` with pulse->timer for the first time within an interval (at least 1), then once in each
 * that the loop does not miss. Started again, it goes by what it was told last; uv_timer_stop stops it. */
void pulse_start(pulse_t *pulse, uv_timer_cb on_pulse, uint64_t interval_ms, pulse_phase phase);

/* How long after the beginning of an interval `phase` is: 20 ms from one to the next, and less where the
 * interval is short. */
uint64_t pulse_offset_ms(pulse_phase phase, uint64_t interval_ms);

/* From now_ms to the next pulse: 1 to interval_ms. */
uint64_t pulse_wait_ms(uint64_t now_ms, uint64_t interval_ms, uint64_t offset_ms);

#endif
