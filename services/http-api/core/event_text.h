/* event_text - what stands in an event stream (text/event-stream, HTML standard 9.2), block by block.
 *
 *     retry: 2000
 *
 *     event: reset                       forget what you know: the present state follows
 *     id:
 *     data: {"reason":"new"}
 *
 *     event: presence                    one for each user of the state, without an id
 *     data: {"userId":"123","status":"online","timestamp":"2025-12-12T10:30:45.123Z","seq":41}
 *
 *     event: ready                       that was all of it
 *     id: 1765535000000-41
 *     data: {"users":1}
 *
 *     id: 1765535000000-42               a change
 *     event: presence
 *     data: {"userId":"123","status":"offline","from":"online","timestamp":"...","seq":42}
 *
 *     :                                  a comment; an id beside it says that all up to there has been told
 *     id: 1765535000000-57
 *
 * An id is given only where everything up to it has been told, so that a client that names it as
 * Last-Event-ID misses nothing; `reset` takes it back, for whoever is cut off in the middle of a state has to
 * begin again. Owns: nothing. Threads: none. Times: unix ms. */
#ifndef ZP_HTTP_API_EVENT_TEXT_H
#define ZP_HTTP_API_EVENT_TEXT_H

#include "common/presence/log_position.h"
#include "common/presence/status.h"
#include "services/http-api/core/text_buffer.h"

/* X(id, name): why a stream begins with the whole state. */
#define RESET_REASONS(X)                                                                                     \
    X(RESET_NEW, "new")             /* the client named no position */                                       \
    X(RESET_LOG, "log-trimmed")     /* the log does not reach back to it */                                  \
    X(RESET_EPOCH, "data-lost")     /* it is of an older life of the data */                                 \
    X(RESET_UNKNOWN, "unavailable") /* the log cannot be asked now, or does not know that position */

typedef enum reset_reason {
#define X(id, name) id,
    RESET_REASONS(X)
#undef X
} reset_reason;

void event_text_add_retry(text_buffer *out, uint64_t retry_ms);
void event_text_add_reset(text_buffer *out, reset_reason reason);
void event_text_add_ready(text_buffer *out, const log_position *id, uint64_t users_count);
void event_text_add_comment(text_buffer *out, const log_position *id);
/* Nothing but the id: it moves what a browser will name, and is no event. */
void event_text_add_id(text_buffer *out, log_position id);

typedef struct event_presence {
    str_view user_id;
    presence_status status;
    const presence_status *from; /* NULL: a state, no change */
    uint64_t at_ms;              /* 0: not known */
    uint64_t seq;
} event_presence;

/* `id` NULL: none; a change then takes back the one before. */
void event_text_add_presence(text_buffer *out, const log_position *id, const event_presence *presence);

/* "<epoch>-<seq>"; false: none of ours. */
bool event_id_parse(str_view text, log_position *ret_position);

#endif
