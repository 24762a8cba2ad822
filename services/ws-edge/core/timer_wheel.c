#include "services/ws-edge/core/timer_wheel.h"

#include <assert.h>
#include <stdlib.h>

struct timer_wheel {
    uint64_t tick_ms;
    uint64_t tick; /* the last one that was advanced to */
    size_t slots_count;
    size_t entries_count;
    ring slots[];
};

timer_wheel_t *timer_wheel_new(uint64_t tick_ms, size_t slots_count, uint64_t now_ms) {
    assert(tick_ms > 0 && slots_count > 0);
    timer_wheel_t *wheel = calloc(1, sizeof *wheel + slots_count * sizeof wheel->slots[0]);
    if (!wheel) {
        return NULL;
    }
    wheel->tick_ms = tick_ms;
    wheel->tick = now_ms / tick_ms;
    wheel->slots_count = slots_count;
    for (size_t slot = 0; slot < slots_count; slot++) {
        ring_init(&wheel->slots[slot]);
    }
    return wheel;
}

void timer_wheel_destroy(timer_wheel_t **wheel) {
    free(*wheel);
    *wheel = NULL;
}

/* The slot of the entry's tick, or of the next tick where that one has passed. */
static void insert(timer_wheel_t *wheel, timer_wheel_entry *entry) {
    uint64_t tick = entry->due_tick > wheel->tick ? entry->due_tick : wheel->tick + 1;
    ring_append(&wheel->slots[tick % wheel->slots_count], &entry->link);
}

void timer_wheel_set(timer_wheel_t *wheel, timer_wheel_entry *entry, uint64_t due_ms) {
    if (timer_wheel_is_set(entry)) {
        ring_remove(&entry->link);
    } else {
        wheel->entries_count++;
    }
    entry->due_tick = due_ms / wheel->tick_ms + (due_ms % wheel->tick_ms != 0);
    insert(wheel, entry);
}

void timer_wheel_cancel(timer_wheel_t *wheel, timer_wheel_entry *entry) {
    if (!timer_wheel_is_set(entry)) {
        return;
    }
    ring_remove(&entry->link);
    wheel->entries_count--;
}

bool timer_wheel_is_set(const timer_wheel_entry *entry) {
    return ring_is_in_list(&entry->link);
}

size_t timer_wheel_count(const timer_wheel_t *wheel) {
    return wheel->entries_count;
}

/* The list is taken off the wheel first: what the callback sets lands in a slot, what it cancels leaves this
 * list. */
static size_t fire_slot(timer_wheel_t *wheel, size_t slot, timer_wheel_fn *fn, void *context) {
    ring due;
    ring_take_all(&due, &wheel->slots[slot]);
    size_t fired_count = 0;
    while (!ring_is_empty(&due)) {
        timer_wheel_entry *entry = RING_OWNER(due.next, timer_wheel_entry, link);
        ring_remove(&entry->link);
        if (entry->due_tick > wheel->tick) { /* beyond the horizon when it was set */
            insert(wheel, entry);
            continue;
        }
        wheel->entries_count--;
        fired_count++;
        fn(context, entry);
    }
    return fired_count;
}

size_t timer_wheel_advance(timer_wheel_t *wheel, uint64_t now_ms, timer_wheel_fn *fn, void *context) {
    uint64_t target = now_ms / wheel->tick_ms;
    if (target <= wheel->tick) {
        return 0;
    }
    size_t fired_count = 0;
    if (target - wheel->tick >= wheel->slots_count) {
        /* Every slot is passed at least once: look at each once, as of now. */
        wheel->tick = target;
        for (size_t ahead = 1; ahead <= wheel->slots_count; ahead++) {
            fired_count += fire_slot(wheel, (size_t)((target + ahead) % wheel->slots_count), fn, context);
        }
        return fired_count;
    }
    while (wheel->tick < target) {
        wheel->tick++;
        fired_count += fire_slot(wheel, (size_t)(wheel->tick % wheel->slots_count), fn, context);
    }
    return fired_count;
}
