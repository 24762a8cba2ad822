/* explain_json - the answer of GET /api/presence/explain/<userId>: begin, each connection, then each
 * transition, end. Units: unix ms, 0 for "not known", shown as null. Texts are borrowed. Threads: none. */
#ifndef ZP_HTTP_API_EXPLAIN_JSON_H
#define ZP_HTTP_API_EXPLAIN_JSON_H

#include "common/presence/status.h"
#include "services/http-api/core/text_buffer.h"
#include <stdint.h>

typedef struct explained_user {
    const char *user_id;
    presence_status status;
    uint64_t last_seen_ms, since_ms, seq, epoch;
} explained_user;

/* X(id, name, what it means) */
#define EXPLAINED_STATES(X)                                                                                  \
    X(EXPLAINED_LEASED, "leased", "an open socket at an edge that lives")                                    \
    X(EXPLAINED_LEASE_OVER, "lease-over", "its edge was lost just now")                                      \
    X(EXPLAINED_ENDS, "ends", "ends unless something is heard of it")                                        \
    X(EXPLAINED_LINGERS, "lingers", "closed, and shown a little longer (OFFLINE_DEBOUNCE_MS)")

typedef enum explained_state {
#define X(id, name, meaning) id,
    EXPLAINED_STATES(X)
#undef X
} explained_state;

typedef struct explained_connection {
    const char *source, *edge, *connection_id, *device; /* "": not known, shown as null */
    explained_state state;
    presence_status status;
    uint64_t ends_in_ms; /* service time; 0: nothing says when */
    uint64_t opened_at_ms;
} explained_connection;

typedef struct explained_transition {
    uint64_t seq, at_ms, last_seen_ms;
    presence_status from, to;
    const char *reason, *edge;
} explained_transition;

void explain_json_begin(text_buffer *out, const explained_user *user);
void explain_json_add_connection(text_buffer *out, const explained_connection *connection);
void explain_json_begin_transitions(text_buffer *out);
void explain_json_add_transition(text_buffer *out, const explained_transition *transition);

/* `log_from_ms`: the oldest transition that the log still has; `complete`: before the last one added there
 * was none. */
void explain_json_end(text_buffer *out, uint64_t log_from_ms, bool complete);

#endif
