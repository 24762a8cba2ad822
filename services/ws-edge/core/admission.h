/* admission - how fast the door lets people in (HANDSHAKE_RATE), and for how long one waits before it who
 * cannot be let in yet (HANDSHAKE_WAIT_MS). Who waits is in the kernel's backlog, which does not tell since
 * when. But it gives them in the order in which they came: of those n who waited at some moment everybody has
 * come before it, and they are the next n. A few such moments are remembered. So it is known of the next one
 * that he has waited for that long, and a quarter more at most before it is. Owns: nothing. Time: monotonic
 * ms, always passed in. Threads: none. Cost: O(1). */
#ifndef ZP_WS_EDGE_ADMISSION_H
#define ZP_WS_EDGE_ADMISSION_H

#include "common/limits/rate_limit.h"
#include <stddef.h>

enum { ADMISSION_MARKS = 8, ADMISSION_MARKS_PER_WAIT = 4 };

typedef struct admission {
    rate_limit rate;
    rate_bucket bucket;
    uint64_t wait_ms;
    uint64_t taken_count; /* connections taken out of the backlog so far */
    struct {
        uint64_t at_ms;
        uint64_t come_count;  /* so many had come by then, taken or waiting */
    } marks[ADMISSION_MARKS]; /* oldest first */
    size_t marks_count;
} admission;

/* per_second 0: no limit. */
void admission_init(admission *self, uint32_t per_second, uint64_t wait_ms);

/* Whether the rate has room for one more. */
bool admission_has_room(const admission *self, uint64_t now_ms);
/* One more is let in. */
void admission_enter(admission *self, uint64_t now_ms);

/* One was taken out of the backlog, whatever comes of it. */
void admission_take(admission *self);
/* So many are left in it. */
void admission_note_waiting(admission *self, size_t waiting_count, uint64_t now_ms);

/* Whether the next one has waited for too long. */
bool admission_next_is_late(const admission *self, uint64_t now_ms);

#endif
