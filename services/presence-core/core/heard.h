/* heard - which incarnations have beaten within the last lease: after data loss, these are to announce again.
 * Owns: a table of HEARD_MAX; when it is full, the one silent for longest makes room. Threads: none.
 * Time: monotonic ms, passed in. */
#ifndef ZP_PRESENCE_CORE_HEARD_H
#define ZP_PRESENCE_CORE_HEARD_H

#include "common/base/str_view.h"
#include <stdint.h>

enum {
    HEARD_MAX = 1000,
    INCARNATION_BYTES = 17, /* 16 hex digits and NUL */
};

/* Zeroed: nobody. */
typedef struct heard {
    struct heard_incarnation {
        char incarnation[INCARNATION_BYTES];
        uint64_t at_ms;
    } list[HEARD_MAX];
    size_t count;
} heard_t;

/* `incarnation` fits INCARNATION_BYTES; a longer one is not of this house and is passed over. */
void heard_note(heard_t *heard, str_view incarnation, uint64_t now_ms);

/* Forgets who has been silent for longer than `lease_ms`; returns how many are left in `list`. */
size_t heard_lately(heard_t *heard, uint64_t now_ms, uint64_t lease_ms);

#endif
