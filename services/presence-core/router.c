#include "services/presence-core/router.h"
#include "common/bus/bus_pack.h"
#include "common/log/log.h"
#include "common/log/log_limit.h"
#include "services/presence-core/core/arena.h"
#include <assert.h>
#include <stdlib.h>

/* Enough for the largest message that keeps its schema's limits, several times over. */
static const size_t MESSAGE_PARTS_BYTES = 8 << 20;

enum { ESCAPED_TAG_BYTES = 128 };

static const char *const TAGS[ARROWS_COUNT] = {
#define X(id, tag) tag,
    ARROWS(X)
#undef X
};

struct router {
    bus_context bus;
    bus_socket_t *socket;
    router_receive_fn *const *receivers;
    void *core;
    arena_t parts;
    ProtobufCAllocator allocator;
    bus_buffer buffer;
    request_t *requests, *free_requests;
    size_t requests_max, under_way_count;
    bool paused, silent;
    void (*on_drained)(void *context); /* set: no more reading */
    void *drain_context;
    log_limit refusals;
};

static void *take_part(void *context, size_t bytes) {
    return arena_take(context, bytes);
}

static void keep_part(void *context, void *part) {
    (void)context;
    (void)part;
}

static void on_message(void *context, str_view identity, str_view tag, str_view payload) {
    router_t *router = context;
    question_t question = {router->core, router, ARROWS_COUNT, identity, payload, false, 0};
    for (int i = 0; i < ARROWS_COUNT; i++) {
        if (str_view_equal(tag, str_view_of(TAGS[i]))) {
            question.arrow = (arrow_t)i;
            router->receivers[i](&question);
            return;
        }
    }
    metrics_add(router->bus.metrics, METRIC_BUS_INVALID, 1);
    uint64_t held_back = 0;
    if (log_limit_pass(&router->refusals, uv_now(router->bus.loop), &held_back)) {
        char text[ESCAPED_TAG_BYTES];
        log_warn("core.unknown_tag", "tag=\"%s\" held_back=%llu", str_view_escape(tag, text, sizeof text),
                 (unsigned long long)held_back);
    }
}

ProtobufCMessage *question_unpack(const question_t *question, const ProtobufCMessageDescriptor *descriptor) {
    router_t *router = question->router;
    arena_reset(&router->parts);
    ProtobufCMessage *message = protobuf_c_message_unpack(
        descriptor, &router->allocator, question->payload.len, (const uint8_t *)question->payload.ptr);
    if (!message) {
        question_refuse(question);
    }
    return message;
}

void question_refuse(const question_t *question) {
    router_t *router = question->router;
    metrics_add(router->bus.metrics, METRIC_BUS_INVALID, 1);
    uint64_t held_back = 0;
    if (log_limit_pass(&router->refusals, uv_now(router->bus.loop), &held_back)) {
        log_warn("core.invalid", "arrow=%s bytes=%zu held_back=%llu", TAGS[question->arrow],
                 question->payload.len, (unsigned long long)held_back);
    }
}

/* A peer that cannot be reached, or reads too slowly, asks again: what could not be sent is counted by the
 * socket. */
static void answer(router_t *router, str_view identity, arrow_t arrow, const ProtobufCMessage *message) {
    (void)!bus_socket_send(router->socket, identity, TAGS[arrow], bus_pack(&router->buffer, message));
}

void question_answer(const question_t *question, const ProtobufCMessage *message) {
    answer(question->router, question->identity, question->arrow, message);
}

void router_tell(router_t *router, str_view identity, arrow_t arrow, const ProtobufCMessage *message) {
    answer(router, identity, arrow, message);
}

/* -- requests -- */

static void set_paused(router_t *router, bool paused) {
    if (paused == router->paused) {
        return;
    }
    router->paused = paused;
    metrics_add(router->bus.metrics, METRIC_CORE_PAUSES, paused ? 1 : 0);
    bus_socket_pause(router->socket, paused);
}

static void count_under_way(router_t *router, size_t count) {
    router->under_way_count = count;
    metrics_set(router->bus.metrics, METRIC_CORE_REQUESTS_UNDER_WAY, (int64_t)count);
    if (router->on_drained) {
        if (count == 0) {
            router->on_drained(router->drain_context);
        }
    } else if (router->silent || count <= router->requests_max / 2) {
        set_paused(router, false);
    } else if (count >= router->requests_max) {
        set_paused(router, true);
    }
}

bool router_is_reading(const router_t *router) {
    return !router->paused;
}

request_t *request_begin(const question_t *question, uint64_t id) {
    router_t *router = question->router;
    request_t *request = router->free_requests;
    assert(request); /* a paused socket delivers nothing */
    assert(question->identity.len <= IDENTITY_MAX_BYTES);
    router->free_requests = request->next;
    request->router = router;
    request->core = router->core;
    request->arrow = question->arrow;
    request->id = id;
    request->identity_bytes = question->identity.len;
    memcpy(request->identity, question->identity.ptr, question->identity.len);
    count_under_way(router, router->under_way_count + 1);
    return request;
}

void request_answer(request_t *request, const ProtobufCMessage *message) {
    answer(request->router, str_view_make(request->identity, request->identity_bytes), request->arrow,
           message);
}

void request_end(request_t *request) {
    router_t *router = request->router;
    request->next = router->free_requests;
    router->free_requests = request;
    count_under_way(router, router->under_way_count - 1);
}

void router_set_silent(router_t *router, bool silent) {
    router->silent = silent;
    count_under_way(router, router->under_way_count);
}

void router_drain(router_t *router, void (*on_drained)(void *context), void *context) {
    set_paused(router, true);
    router->on_drained = on_drained;
    router->drain_context = context;
    count_under_way(router, router->under_way_count);
}

/* -- */

static void free_router(router_t *router) {
    arena_free(&router->parts);
    bus_buffer_free(&router->buffer);
    free(router->requests);
    free(router);
}

zp_error router_new(router_t **ret_router, const bus_context *bus,
                    router_receive_fn *const receivers[ARROWS_COUNT], void *core) {
    router_t *router = calloc(1, sizeof *router);
    if (!router) {
        return ZP_NO_MEMORY;
    }
    router->bus = *bus;
    router->receivers = receivers;
    router->core = core;
    router->allocator = (ProtobufCAllocator){take_part, keep_part, &router->parts};
    router->requests_max = (size_t)config_integer(bus->config, SETTING_REDIS_CALLS_MAX);
    size_t requests_count = router->requests_max + 1; /* one to say no with, where all others wait */
    router->requests = calloc(requests_count, sizeof *router->requests);
    zp_error error = ZP_NO_MEMORY;
    if (!router->requests || arena_init(&router->parts, MESSAGE_PARTS_BYTES) != ZP_OK) {
        goto failed;
    }
    for (size_t i = 0; i < requests_count; i++) {
        router->requests[i].next = router->free_requests;
        router->free_requests = &router->requests[i];
    }
    error = bus_socket_new(&router->socket, bus, BUS_ROUTER, CORE,
                           config_text(bus->config, SETTING_CORE_LISTEN), on_message, router);
    if (error) {
        goto failed;
    }
    *ret_router = router;
    return ZP_OK;
failed:
    free_router(router);
    return error;
}

void router_destroy(router_t **self) {
    router_t *router = *self;
    if (!router) {
        return;
    }
    *self = NULL;
    assert(router->under_way_count == 0);
    bus_socket_destroy(&router->socket);
    free_router(router);
}

const char *router_endpoint(const router_t *router) {
    return bus_socket_endpoint(router->socket);
}
