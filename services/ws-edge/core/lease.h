/* lease - under which incarnation this edge speaks, and whether it may (DESIGN section 2).
 *
 *     NONE ──ask──> JOINING ──granted──> HELD ──leave──> LEAVING ──left──> LEFT
 *      ^               │ no answer        │ fenced, or a new epoch
 *      └───────────────┴──────────────────┘
 *
 * Owns: its texts. Threads: none. Time: monotonic ms, passed in. */
#ifndef ZP_WS_EDGE_LEASE_H
#define ZP_WS_EDGE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

enum { INCARNATION_BYTES = 17 }; /* 16 hex digits and NUL */

typedef enum lease_state { LEASE_NONE, LEASE_JOINING, LEASE_HELD, LEASE_LEAVING, LEASE_LEFT } lease_state;

typedef struct lease {
    lease_state state;
    char incarnation[INCARNATION_BYTES]; /* asked for or held */
    char replaces[INCARNATION_BYTES];    /* held before; "" once everything it said is taken back */
    uint64_t epoch;                      /* of the data in which the lease was granted */
} lease_t;

/* NONE -> JOINING under `fresh`, an incarnation never used before. */
void lease_ask(lease_t *lease, const char fresh[INCARNATION_BYTES]);
/* JOINING -> HELD. */
void lease_granted(lease_t *lease, uint64_t epoch);
/* JOINING -> NONE: no answer. HELD -> NONE: fenced or a new epoch; what was held is what the next one
 * replaces. */
void lease_lost(lease_t *lease);
/* Any -> LEAVING, LEAVING -> LEFT. */
void lease_leave(lease_t *lease);
void lease_left(lease_t *lease);

/* Everything that the replaced incarnation said has been said again. */
void lease_announced(lease_t *lease);

/* Whether a reply that names `epoch` shows that the data in which the lease was granted is gone. */
bool lease_is_outdated(const lease_t *lease, uint64_t epoch);

#endif
