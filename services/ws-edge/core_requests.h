/* core_requests - what has been sent to the cores and is not answered yet, oldest first.
 * Owns: the requests. Borrows: the users in them, which hold them by their references. Threads: none.
 * Time: monotonic ms, passed in. */
#ifndef ZP_WS_EDGE_CORE_REQUESTS_H
#define ZP_WS_EDGE_CORE_REQUESTS_H

#include "common/bus/peer_set.h"
#include "services/ws-edge/core/statement_queue.h"

typedef enum core_request_kind {
    REQUEST_JOIN,
    REQUEST_STATEMENTS,
    REQUEST_TOUCHES,
    REQUEST_ANNOUNCED,
    REQUEST_LEAVE,
    REQUEST_ONLINE, /* from here on: questions */
    REQUEST_STATUSES,
    REQUEST_ROSTERS,
    REQUEST_GROUP
} core_request_kind;

typedef struct core_request {
    struct core_request *next, *previous;
    uint64_t id, sent_at_ms;
    core_request_kind kind;
    peer_t
        *peer; /* gone with on_liveness(false), and the request with it, but for a REQUEST_GROUP: then NULL */
    user_batch batch; /* REQUEST_STATEMENTS, REQUEST_TOUCHES */
} core_request;

typedef struct core_requests {
    core_request *oldest, *newest;
    uint64_t last_id;
    size_t batches_count; /* of statements and touches */
} core_requests_t;

/* It is answered by what was asked for, not by an Ack. */
static inline bool core_request_is_question(const core_request *request) {
    return request->kind >= REQUEST_ONLINE;
}

/* NULL: out of memory. */
core_request *core_requests_add(core_requests_t *requests, core_request_kind kind, peer_t *peer,
                                uint64_t now_ms);
core_request *core_requests_find(const core_requests_t *requests, uint64_t id);
/* Takes it out and frees it; its batch must be empty. */
void core_requests_end(core_requests_t *requests, core_request *request);

#endif
