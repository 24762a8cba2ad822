#include "services/ws-edge/core_requests.h"

#include <assert.h>
#include <stdlib.h>

static bool carries_batch(core_request_kind kind) {
    return kind == REQUEST_STATEMENTS || kind == REQUEST_TOUCHES;
}

core_request *core_requests_add(core_requests_t *requests, core_request_kind kind, peer_t *peer,
                                uint64_t now_ms) {
    core_request *request = calloc(1, sizeof *request);
    if (!request) {
        return NULL;
    }
    request->id = ++requests->last_id;
    request->kind = kind;
    request->peer = peer;
    request->sent_at_ms = now_ms;
    request->previous = requests->newest;
    if (requests->newest) {
        requests->newest->next = request;
    } else {
        requests->oldest = request;
    }
    requests->newest = request;
    requests->batches_count += carries_batch(kind);
    return request;
}

core_request *core_requests_find(const core_requests_t *requests, uint64_t id) {
    /* Answers come nearly in order, so the one sought stands near the oldest. */
    core_request *request = requests->oldest;
    while (request && request->id != id) {
        request = request->next;
    }
    return request;
}

void core_requests_end(core_requests_t *requests, core_request *request) {
    assert(request->batch.count == 0);
    if (request->previous) {
        request->previous->next = request->next;
    } else {
        requests->oldest = request->next;
    }
    if (request->next) {
        request->next->previous = request->previous;
    } else {
        requests->newest = request->previous;
    }
    requests->batches_count -= carries_batch(request->kind);
    free(request);
}
