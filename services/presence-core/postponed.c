#include "services/presence-core/postponed.h"
#include "common/runtime/fault.h"
#include <stdlib.h>

enum {
    MESSAGES_MAX = 1000,
    LOOK_AGAIN_MS = 1, /* where the router is paused: it still has to read what had arrived */
};

typedef struct waiting {
    struct waiting *next;
    uint64_t came_ms, due_ms; /* loop time */
    uint64_t after;           /* the answer of Redis that it waits for */
    void *core;
    router_t *router;
    arrow_t arrow;
    size_t identity_bytes, payload_bytes;
    char bytes[]; /* identity, payload */
} waiting_t;

struct postponed {
    bus_context bus;
    epoch_keeper_t *keeper;
    router_receive_fn *receive;
    uv_timer_t timer;
    uint64_t asked, answered; /* PINGs to Redis, one under way at a time */
    uint64_t delay_ms;
    waiting_t *first, *last;
    size_t count;
};

static void on_timer(uv_timer_t *timer);

static void wait_for(postponed_t *postponed, uint64_t due_ms) {
    uint64_t now_ms = uv_now(postponed->bus.loop);
    uv_timer_start(&postponed->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : LOOK_AGAIN_MS, 0);
}

static waiting_t *take_first(postponed_t *postponed) {
    waiting_t *first = postponed->first;
    postponed->first = first->next;
    if (!postponed->first) {
        postponed->last = NULL;
    }
    postponed->count--;
    return first;
}

/* -- Redis' word -- */

static void apply_due(postponed_t *postponed);

static void on_pong(void *context, const redisReply *reply);

/* Where Redis cannot be asked, what waits is refused when its turn comes, and its edge says it again. */
static void ask(postponed_t *postponed) {
    static const char *const ping[] = {"PING"};
    static const size_t ping_bytes[] = {4};
    redis_connection_t *redis = script_caller_connection(epoch_keeper_scripts(postponed->keeper));
    postponed->asked++;
    if (redis_connection_send(redis, on_pong, postponed, 1, ping, ping_bytes) != ZP_OK) {
        postponed->answered = postponed->asked;
    }
}

static void on_pong(void *context, const redisReply *reply) {
    (void)reply;
    postponed_t *postponed = context;
    postponed->answered = postponed->asked;
    if (postponed->last && postponed->last->after > postponed->answered) {
        ask(postponed);
    }
    apply_due(postponed);
}

/* -- */

static bool is_due(const postponed_t *postponed, const waiting_t *waiting) {
    return waiting->due_ms <= uv_now(postponed->bus.loop) && waiting->after <= postponed->answered;
}

static void apply_due(postponed_t *postponed) {
    while (postponed->first && is_due(postponed, postponed->first) &&
           router_is_reading(postponed->first->router)) {
        waiting_t *due = take_first(postponed);
        const question_t question = {
            .core = due->core,
            .router = due->router,
            .arrow = due->arrow,
            .identity = str_view_make(due->bytes, due->identity_bytes),
            .payload = str_view_make(due->bytes + due->identity_bytes, due->payload_bytes),
            .has_waited = true,
            .waited_ms = uv_now(postponed->bus.loop) - due->came_ms,
        };
        postponed->receive(&question);
        free(due);
    }
    /* Else Redis' answer applies it. */
    if (postponed->first && postponed->first->after <= postponed->answered) {
        wait_for(postponed, postponed->first->due_ms);
    }
}

static void on_timer(uv_timer_t *timer) {
    apply_due(timer->data);
}

bool postponed_take(postponed_t *postponed, const question_t *question) {
    if (question->has_waited || postponed->delay_ms == 0 || postponed->count == MESSAGES_MAX ||
        FAULT(NO_SETTLING)) {
        return false;
    }
    waiting_t *waiting = malloc(sizeof *waiting + question->identity.len + question->payload.len);
    if (!waiting) {
        return false;
    }
    *waiting = (waiting_t){
        .came_ms = uv_now(postponed->bus.loop),
        .due_ms = uv_now(postponed->bus.loop) + postponed->delay_ms,
        .core = question->core,
        .router = question->router,
        .arrow = question->arrow,
        .identity_bytes = question->identity.len,
        .payload_bytes = question->payload.len,
    };
    /* A PING that is under way already was sent before this came. */
    waiting->after = postponed->asked + 1;
    memcpy(waiting->bytes, question->identity.ptr, question->identity.len);
    memcpy(waiting->bytes + question->identity.len, question->payload.ptr, question->payload.len);
    *(postponed->last ? &postponed->last->next : &postponed->first) = waiting;
    postponed->last = waiting;
    postponed->count++;
    if (postponed->asked == postponed->answered) {
        ask(postponed);
    }
    if (postponed->first == waiting) {
        wait_for(postponed, waiting->due_ms);
    }
    return true;
}

zp_error postponed_new(postponed_t **ret_postponed, const bus_context *bus, epoch_keeper_t *keeper,
                       router_receive_fn *receive) {
    postponed_t *postponed = calloc(1, sizeof *postponed);
    if (!postponed) {
        return ZP_NO_MEMORY;
    }
    postponed->bus = *bus;
    postponed->keeper = keeper;
    postponed->receive = receive;
    postponed->delay_ms = config_ms(bus->config, SETTING_LEAVE_SETTLE_MS);
    uv_timer_init(bus->loop, &postponed->timer);
    postponed->timer.data = postponed;
    *ret_postponed = postponed;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void postponed_destroy(postponed_t **self) {
    postponed_t *postponed = *self;
    if (!postponed) {
        return;
    }
    *self = NULL;
    while (postponed->first) {
        free(take_first(postponed));
    }
    uv_close((uv_handle_t *)&postponed->timer, on_closed);
}
