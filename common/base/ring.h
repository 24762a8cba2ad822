/* ring - circular lists through the caller's structs: append, prepend, take out, each O(1), without knowing
 * where. Owns: nothing. A head is initialised by ring_init; an entry is zeroed before its first use. Threads:
 * none. */
#ifndef ZP_BASE_RING_H
#define ZP_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ring {
    struct ring *next, *previous; /* of an entry: NULL while it is in no list; of an empty head: itself */
} ring;

static inline void ring_init(ring *head) {
    head->next = head;
    head->previous = head;
}

static inline bool ring_is_empty(const ring *head) {
    return head->next == head;
}

static inline bool ring_is_in_list(const ring *entry) {
    return entry->next != NULL;
}

static inline void ring_insert_before(ring *at, ring *entry) {
    entry->next = at;
    entry->previous = at->previous;
    at->previous->next = entry;
    at->previous = entry;
}

static inline void ring_append(ring *head, ring *entry) {
    ring_insert_before(head, entry);
}

static inline void ring_prepend(ring *head, ring *entry) {
    ring_insert_before(head->next, entry);
}

/* Harmless where the entry is in no list. */
static inline void ring_remove(ring *entry) {
    if (ring_is_in_list(entry)) {
        entry->previous->next = entry->next;
        entry->next->previous = entry->previous;
        entry->next = NULL;
        entry->previous = NULL;
    }
}

/* Moves all entries of `from` to `to`, which is not initialised or empty. */
static inline void ring_take_all(ring *to, ring *from) {
    if (ring_is_empty(from)) {
        ring_init(to);
        return;
    }
    *to = *from;
    to->next->previous = to;
    to->previous->next = to;
    ring_init(from);
}

/* The struct that an entry is a member of. */
#define RING_OWNER(entry, type, member) ((type *)(void *)((char *)(entry)-offsetof(type, member)))

#endif
