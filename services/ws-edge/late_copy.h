/* late_copy - for the fault "dup-batch": a message that will be sent a second time, later. One at a time.
 * Owns: the copy. Threads: none. Time: monotonic ms, passed in. */
#ifndef ZP_WS_EDGE_LATE_COPY_H
#define ZP_WS_EDGE_LATE_COPY_H

#include "common/base/str_view.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct late_copy {
    char *bytes;
    size_t len_bytes;
    uint64_t due_ms;
} late_copy_t;

static inline bool late_copy_is_free(const late_copy_t *copy) {
    return !copy->bytes;
}

/* Copies `message`; where memory is out nothing is sent twice. */
void late_copy_keep(late_copy_t *copy, str_view message, uint64_t due_ms);
/* The message where it is due, else an empty one. It is good until late_copy_forget. */
str_view late_copy_due(const late_copy_t *copy, uint64_t now_ms);
void late_copy_forget(late_copy_t *copy);

#endif
