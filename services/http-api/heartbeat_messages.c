#include "services/http-api/heartbeat_messages.h"
#include "services/http-api/core_questions.h"
#include <stdlib.h>

typedef struct under_way {
    uint64_t number; /* 0: this slot is free */
    heartbeats_heard_fn *on_heard;
    void *context;
} under_way_t;

struct heartbeat_messages {
    core_link_t *cores;
    uint64_t last_number;
    under_way_t slots[HEARTBEAT_MESSAGES_MAX];
};

static under_way_t *free_slot(heartbeat_messages_t *messages) {
    for (size_t i = 0; i < HEARTBEAT_MESSAGES_MAX; i++) {
        if (messages->slots[i].number == 0) {
            return &messages->slots[i];
        }
    }
    return NULL;
}

bool heartbeat_messages_is_full(const heartbeat_messages_t *messages) {
    for (size_t i = 0; i < HEARTBEAT_MESSAGES_MAX; i++) {
        if (messages->slots[i].number == 0) {
            return false;
        }
    }
    return true;
}

/* Nothing up to here is under way. */
static uint64_t floor_of(const heartbeat_messages_t *messages) {
    uint64_t floor = messages->last_number;
    for (size_t i = 0; i < HEARTBEAT_MESSAGES_MAX; i++) {
        uint64_t number = messages->slots[i].number;
        if (number > 0 && number <= floor) {
            floor = number - 1;
        }
    }
    return floor;
}

static void on_answer(void *context, const Zp__CoreToApi *answer) {
    under_way_t done = *(under_way_t *)context;
    *(under_way_t *)context = (under_way_t){0};
    const Zp__HeartbeatsReply *reply = answer ? answer->heartbeats_reply : NULL;
    done.on_heard(done.context, reply && reply->outcome == ZP__OUTCOME__OUTCOME_OK ? reply : NULL);
}

zp_error heartbeat_messages_send(heartbeat_messages_t *messages, Zp__Heartbeat **heartbeats, size_t count,
                                 bool complete, heartbeats_heard_fn *on_heard, void *context) {
    under_way_t *slot = free_slot(messages);
    if (!slot) {
        return ZP_FULL;
    }
    Zp__Heartbeats body = ZP__HEARTBEATS__INIT;
    body.api = (char *)core_link_incarnation(messages->cores);
    body.floor = floor_of(messages);
    body.number = messages->last_number + 1;
    body.heartbeats = heartbeats;
    body.n_heartbeats = count;
    body.complete = complete;
    zp_error error = ask_heartbeats(messages->cores, &body, on_answer, slot);
    if (error == ZP_OK) {
        *slot = (under_way_t){++messages->last_number, on_heard, context};
    }
    return error;
}

zp_error heartbeat_messages_new(heartbeat_messages_t **ret_messages, core_link_t *cores) {
    heartbeat_messages_t *messages = calloc(1, sizeof *messages);
    if (!messages) {
        return ZP_NO_MEMORY;
    }
    messages->cores = cores;
    *ret_messages = messages;
    return ZP_OK;
}

void heartbeat_messages_destroy(heartbeat_messages_t **messages) {
    free(*messages);
    *messages = NULL;
}
