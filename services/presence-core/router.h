/* router - the one ROUTER of this core: what peers of every kind ask, who asked it, and the answers.
 * With REDIS_CALLS_MAX requests under way it stops reading until half of them are answered: back-pressure.
 * But while Redis is silent it reads on, so that it can say so. Owns: the socket, the requests (used again
 * and again). Borrows: bus context. Threads: the loop's. */
#ifndef ZP_PRESENCE_CORE_ROUTER_H
#define ZP_PRESENCE_CORE_ROUTER_H

#include "common/bus/bus_socket.h"
#include <protobuf-c/protobuf-c.h>

typedef struct router router_t;

/* Which kind of peer asks. X(id, tag) */
#define ARROWS(X)                                                                                            \
    X(ARROW_EDGE, "edge-core/1")                                                                             \
    X(ARROW_WATCHER, "watcher-core/1")                                                                       \
    X(ARROW_FANOUT, "fanout-core/1")                                                                         \
    X(ARROW_API, "api-core/1")

typedef enum arrow {
#define X(id, tag) id,
    ARROWS(X)
#undef X
        ARROWS_COUNT
} arrow_t;

enum {
    IDENTITY_MAX_BYTES = 255, /* ZeroMQ's limit */
    ECHO_BYTES = 17,
};

/* One question that waits for Redis. */
typedef struct request {
    router_t *router;
    struct request *next;
    void *core; /* the context of router_new */
    arrow_t arrow;
    uint64_t id;           /* request_id of the question, 0 where it has none */
    uint64_t epoch;        /* that the script call was made for */
    uint64_t from_seq;     /* of a Replay */
    uint32_t most;         /* of an OnlineQuery */
    char echo[ECHO_BYTES]; /* the incarnation that a Beat named */
    size_t identity_bytes;
    char identity[IDENTITY_MAX_BYTES];
} request_t;

/* Who asks what; lives until the callback returns. */
typedef struct question {
    void *core;
    router_t *router;
    arrow_t arrow;
    str_view identity;
    str_view payload;
    bool has_waited;    /* it was postponed (postponed.h), */
    uint64_t waited_ms; /* for so long */
} question_t;

typedef void router_receive_fn(const question_t *question);

/* Binds CORE_LISTEN. `receivers` has one for each arrow. ZP_SYSTEM: cannot bind (logged). */
ZP_MUST_CHECK zp_error router_new(router_t **ret_router, const bus_context *bus,
                                  router_receive_fn *const receivers[ARROWS_COUNT], void *core);
/* No request may be under way. */
void router_destroy(router_t **router);
const char *router_endpoint(const router_t *router);

/* While `silent`, nothing is begun that waits: every question is read and answered at once, however many
 * wait already. The caller sees to it that none is begun but what ends before the next one is read. */
void router_set_silent(router_t *router, bool silent);

/* Stops reading for good; calls `on_drained` when no request is under way (at once, where none is). */
void router_drain(router_t *router, void (*on_drained)(void *context), void *context);

/* Whether it takes questions now: neither paused nor draining. */
bool router_is_reading(const router_t *router);

/* The question's message, or NULL: it is none (counted). Good until the next question. */
ProtobufCMessage *question_unpack(const question_t *question, const ProtobufCMessageDescriptor *descriptor);
/* The message breaks its limits: counted, and logged once a second at most. */
void question_refuse(const question_t *question);
/* Answers without a request. */
void question_answer(const question_t *question, const ProtobufCMessage *message);

/* Keeps who asked until request_end. */
request_t *request_begin(const question_t *question, uint64_t id);
void request_answer(request_t *request, const ProtobufCMessage *message);
void request_end(request_t *request);

/* Says something to a peer that has not asked. One who is not there any more hears nothing. */
void router_tell(router_t *router, str_view identity, arrow_t arrow, const ProtobufCMessage *message);

#endif
