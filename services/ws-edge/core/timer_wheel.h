/* timer_wheel - which entries are due, in buckets of tick_ms.
 * Owns: its buckets; entries live inside the caller's structs (zeroed before their first use, cancelled
 * before their memory goes). Threads: none. Time: monotonic ms, always passed in. Cost: O(1) set, move,
 * cancel; an entry further away than tick_ms * slots_count is touched once per turn of the wheel until it is
 * due. Precision: an entry fires never before due_ms, and in the first advance that reaches due_ms rounded up
 * to a tick. */
#ifndef ZP_WS_EDGE_TIMER_WHEEL_H
#define ZP_WS_EDGE_TIMER_WHEEL_H

#include "common/base/ring.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct timer_wheel timer_wheel_t;

typedef struct timer_wheel_entry {
    ring link; /* first: a link is its entry */
    uint64_t due_tick;
} timer_wheel_entry;

/* `entry` is due: it is no longer set, so it may be set again, and its memory may go. The callback may also
 * set and cancel any other entry; one that it sets fires in a later tick, even if its time has passed. */
typedef void timer_wheel_fn(void *context, timer_wheel_entry *entry);

/* NULL: out of memory. */
timer_wheel_t *timer_wheel_new(uint64_t tick_ms, size_t slots_count, uint64_t now_ms);
/* Entries that are still set are forgotten, not called. */
void timer_wheel_destroy(timer_wheel_t **wheel);

/* Sets the entry, or moves it where it was set. */
void timer_wheel_set(timer_wheel_t *wheel, timer_wheel_entry *entry, uint64_t due_ms);
void timer_wheel_cancel(timer_wheel_t *wheel, timer_wheel_entry *entry); /* harmless where it is not set */
bool timer_wheel_is_set(const timer_wheel_entry *entry);
size_t timer_wheel_count(const timer_wheel_t *wheel); /* entries that are set */

/* Calls `fn` for every entry that became due; returns how many. Tick by tick in order, except after a pause
 * longer than the whole wheel. A clock that stands still or goes back makes nothing due. Not to be called
 * from `fn`. */
size_t timer_wheel_advance(timer_wheel_t *wheel, uint64_t now_ms, timer_wheel_fn *fn, void *context);

#endif
