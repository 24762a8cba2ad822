/* update_batch - the changes of one turn of the loop, with the client frame of each in the wire forms in
 * use: encoded here once, however many subscribers hear it.
 *
 * Owns: its updates and their frames, UPDATE_BATCH_MAX at most. Threads: none. */
#ifndef ZP_FANOUT_UPDATE_BATCH_H
#define ZP_FANOUT_UPDATE_BATCH_H

#include "common/presence/log_position.h"
#include "common/wire/client_frame.h"
#include <stddef.h>

/* Longest batch; a longer turn makes several. */
enum { UPDATE_BATCH_MAX = 256 };

typedef struct update {
    char user_id[USER_ID_MAX_BYTES + 1]; /* NUL-terminated */
    log_position position;
    presence_status from, to;
    uint64_t at_ms;
    size_t frame_bytes[WIRE_FORMS_COUNT]; /* 0: not in use, or that form shows no change */
    char frames[WIRE_FORMS_COUNT][CLIENT_UPDATE_MAX_BYTES];
} update;

typedef struct update_batch {
    size_t count;
    uint64_t frames_encoded; /* since it was made */
    update updates[UPDATE_BATCH_MAX];
} update_batch;

/* NULL: out of memory. Free with free(). */
update_batch *update_batch_new(void);

/* There must be room. `wire_forms`: bits of those to encode. */
void update_batch_add(update_batch *batch, uint32_t wire_forms, str_view user_id, log_position position,
                      presence_status from, presence_status to, uint64_t at_ms);

/* Whether an update of `position` can join: there is room, and one message tells one epoch. */
bool update_batch_takes(const update_batch *batch, log_position position);

#endif
