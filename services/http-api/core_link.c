#include "services/http-api/core_link.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/bus/bus_pack.h"
#include "common/bus/peer_set.h"
#include "common/log/log.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CORE_LINK_TAG "api-core/1"

enum {
    ATTEMPTS_MAX = 2,
    RETRY_FRACTION = 3,  /* of the deadline */
    CHECK_FRACTION = 20, /* likewise: how often questions are looked at */
};

typedef struct question {
    uint64_t request_id; /* 0: this slot is free */
    struct question *older, *newer;
    core_answer_fn *on_answer;
    void *context;
    Zp__CoreToApi__BodyCase wanted;
    uint64_t asked_at_ms; /* monotonic */
    unsigned attempts;
    peer_t *core;  /* that it went to last; NULL where it went nowhere, or that core is gone */
    char *payload; /* packed, to be sent again */
    size_t payload_bytes;
} question;

struct core_link {
    const process_t *process;
    char incarnation[RANDOM_HEX_BYTES];
    peer_set_t *cores;
    uv_timer_t timer; /* runs while a question is under way */
    Zp__Position seen;
    uint64_t clock_epoch, clock_ms; /* the newest service time that was told */
    bus_buffer buffer;
    question *slots; /* request_id % slots_count is the slot */
    size_t slots_count, under_way_count, next_slot;
    uint64_t generation;
    question *oldest, *newest; /* by asked_at_ms */
};

static void on_timer(uv_timer_t *timer);

static uint64_t deadline_ms(const core_link_t *link) {
    return config_ms(link->process->config, SETTING_HTTP_DEADLINE_MS);
}

static void count_under_way(core_link_t *link) {
    metrics_set(link->process->metrics, METRIC_HTTP_QUERIES_WAITING, (int64_t)link->under_way_count);
}

static question *take_slot(core_link_t *link) {
    if (link->under_way_count == link->slots_count) {
        return NULL;
    }
    while (link->slots[link->next_slot].request_id != 0) {
        link->next_slot = (link->next_slot + 1) % link->slots_count;
    }
    question *taken = &link->slots[link->next_slot];
    taken->request_id = ++link->generation * link->slots_count + link->next_slot;
    taken->older = link->newest;
    *(link->newest ? &link->newest->newer : &link->oldest) = taken;
    link->newest = taken;
    if (link->under_way_count++ == 0) {
        uint64_t interval_ms = deadline_ms(link) / CHECK_FRACTION;
        uv_timer_start(&link->timer, on_timer, interval_ms, interval_ms);
    }
    count_under_way(link);
    return taken;
}

static void release_slot(core_link_t *link, question *done) {
    *(done->older ? &done->older->newer : &link->oldest) = done->newer;
    *(done->newer ? &done->newer->older : &link->newest) = done->older;
    free(done->payload);
    *done = (question){0};
    if (--link->under_way_count == 0) {
        uv_timer_stop(&link->timer);
    }
    count_under_way(link);
}

static void finish(core_link_t *link, question *asked, const Zp__CoreToApi *answer) {
    core_answer_fn *on_answer = asked->on_answer;
    void *context = asked->context;
    metrics_t *metrics = link->process->metrics;
    if (answer) {
        metrics_add(metrics, METRIC_HTTP_QUERIES, 1);
        metrics_add(metrics, METRIC_HTTP_QUERY_MS, (int64_t)(clock_monotonic_ms() - asked->asked_at_ms));
    } else {
        metrics_add(metrics, METRIC_HTTP_QUERIES_UNANSWERED, 1);
    }
    release_slot(link, asked);
    on_answer(context, answer);
}

static bool send_to(peer_t *core, question *asked) {
    if (peer_send(core, str_view_make(asked->payload, asked->payload_bytes)) != ZP_OK) {
        return false;
    }
    asked->core = core;
    return true;
}

/* To a core that has not been asked yet where one takes it, else to the one that has. One that died a moment
 * ago still counts as live, and takes nothing. False: no core takes it now. */
static bool attempt(core_link_t *link, question *asked) {
    char key[32];
    snprintf(key, sizeof key, "%" PRIu64, asked->request_id);
    asked->attempts++;
    peer_t *asked_before = asked->core, *core = NULL;
    while ((core = peer_set_choose_after(link->cores, str_view_of(key), core)) != NULL) {
        if (core != asked_before && send_to(core, asked)) {
            return true;
        }
    }
    return asked_before && send_to(asked_before, asked);
}

/* Given up at once where no core has the question: nothing more would come. */
static void attempt_again(core_link_t *link, question *asked) {
    metrics_add(link->process->metrics, METRIC_HTTP_QUERIES_RETRIED, 1);
    if (!attempt(link, asked) && !asked->core) {
        finish(link, asked, NULL);
    }
}

static void on_timer(uv_timer_t *timer) {
    core_link_t *link = timer->data;
    uint64_t now_ms = clock_monotonic_ms(), most_ms = deadline_ms(link);
    for (question *at = link->oldest, *newer; at; at = newer) {
        newer = at->newer;
        uint64_t age_ms = now_ms - at->asked_at_ms;
        if (age_ms < most_ms / RETRY_FRACTION) {
            break; /* those that follow are younger */
        }
        if (age_ms >= most_ms) {
            finish(link, at, NULL);
        } else if (at->attempts < ATTEMPTS_MAX) {
            attempt_again(link, at);
        }
    }
}

static void on_liveness(void *context, peer_t *peer, bool live) {
    core_link_t *link = context;
    if (live) {
        return;
    }
    for (question *at = link->oldest, *newer; at; at = newer) {
        newer = at->newer;
        if (at->core != peer) {
            continue;
        }
        at->core = NULL;
        if (at->attempts >= ATTEMPTS_MAX) {
            finish(link, at, NULL);
        } else if (peer_set_live_count(link->cores) > 0) {
            attempt_again(link, at);
        } /* else a core may still come up in time: the timer tries again */
    }
}

static void note_position(core_link_t *link, const Zp__Position *position) {
    if (position && (position->epoch > link->seen.epoch ||
                     (position->epoch == link->seen.epoch && position->seq > link->seen.seq))) {
        link->seen.epoch = position->epoch;
        link->seen.seq = position->seq;
    }
}

static void note_clock(core_link_t *link, Zp__Outcome outcome, const Zp__Position *position,
                       uint64_t clock_ms) {
    if (outcome == ZP__OUTCOME__OUTCOME_OK && position &&
        (position->epoch > link->clock_epoch ||
         (position->epoch == link->clock_epoch && clock_ms > link->clock_ms))) {
        link->clock_epoch = position->epoch;
        link->clock_ms = clock_ms;
    }
}

static void on_answer(core_link_t *link, uint64_t request_id, const Zp__CoreToApi *message) {
    question *asked = &link->slots[request_id % link->slots_count];
    if (request_id == 0 || asked->request_id != request_id || asked->wanted != message->body_case) {
        return; /* answered before, or given up */
    }
    finish(link, asked, message);
}

static void take_message(core_link_t *link, const Zp__CoreToApi *message) {
    switch (message->body_case) {
    case ZP__CORE_TO_API__BODY_BEAT_REPLY:
        note_position(link, message->beat_reply->position);
        break;
    case ZP__CORE_TO_API__BODY_STATUS_REPLY:
        on_answer(link, message->status_reply->request_id, message);
        break;
    case ZP__CORE_TO_API__BODY_SERVICES_REPLY:
        note_position(link, message->services_reply->position);
        note_clock(link, message->services_reply->outcome, message->services_reply->position,
                   message->services_reply->clock_ms);
        on_answer(link, message->services_reply->request_id, message);
        break;
    case ZP__CORE_TO_API__BODY_EXPLAIN_REPLY:
        note_position(link, message->explain_reply->position);
        on_answer(link, message->explain_reply->request_id, message);
        break;
    case ZP__CORE_TO_API__BODY_HEARTBEATS_REPLY:
        note_position(link, message->heartbeats_reply->position);
        on_answer(link, message->heartbeats_reply->request_id, message);
        break;
    case ZP__CORE_TO_API__BODY_DIRECTORY_REPLY:
        note_position(link, message->directory_reply->position);
        on_answer(link, message->directory_reply->request_id, message);
        break;
    case ZP__CORE_TO_API__BODY_ACCOUNT_REPLY:
        note_position(link, message->account_reply->position);
        on_answer(link, message->account_reply->request_id, message);
        break;
    case ZP__CORE_TO_API__BODY_ONLINE_REPLY:
        note_position(link, message->online_reply->position);
        on_answer(link, message->online_reply->request_id, message);
        break;
    case ZP__CORE_TO_API__BODY_REPLAY_REPLY:
        note_position(link, message->replay_reply->position);
        on_answer(link, message->replay_reply->request_id, message);
        break;
    case ZP__CORE_TO_API__BODY__NOT_SET:
    case _ZP__CORE_TO_API__BODY__CASE_IS_INT_SIZE:
        assert(false); /* a valid message has a body */
        break;
    }
}

static void on_message(void *context, peer_t *peer, str_view payload) {
    core_link_t *link = context;
    Zp__CoreToApi *message = zp__core_to_api__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    if (message && core_to_api_valid(message)) {
        take_message(link, message);
    } else {
        metrics_add(link->process->metrics, METRIC_BUS_INVALID, 1);
        log_debug("core.invalid", "endpoint=%s", peer_endpoint(peer));
    }
    zp__core_to_api__free_unpacked(message, NULL);
}

static void on_beat(void *context, peer_t *peer, str_view *ret_payload) {
    (void)peer;
    core_link_t *link = context;
    Zp__ProcessInfo info;
    process_info(link->process, &info);
    Zp__Beat beat = ZP__BEAT__INIT;
    beat.process = &info;
    beat.seen = &link->seen;
    beat.last = link->process->served;
    if (!beat.last) {
        beat.incarnation = link->incarnation;
    }
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_BEAT;
    message.beat = &beat;
    *ret_payload = bus_pack(&link->buffer, &message.base);
}

zp_error core_link_ask(core_link_t *link, const Zp__ApiToCore *message, uint64_t *request_id,
                       Zp__CoreToApi__BodyCase wanted, core_answer_fn *on_question_answered, void *context) {
    question *asked = take_slot(link);
    if (!asked) {
        return ZP_FULL;
    }
    *request_id = asked->request_id;
    str_view packed = bus_pack(&link->buffer, &message->base);
    asked->payload = packed.len > 0 ? malloc(packed.len) : NULL;
    if (!asked->payload) {
        release_slot(link, asked);
        return ZP_NO_MEMORY;
    }
    memcpy(asked->payload, packed.ptr, packed.len);
    asked->payload_bytes = packed.len;
    asked->asked_at_ms = clock_monotonic_ms();
    asked->wanted = wanted;
    asked->on_answer = on_question_answered;
    asked->context = context;
    (void)attempt(link, asked); /* where no core takes it, the timer tries once more */
    return ZP_OK;
}

const char *core_link_incarnation(const core_link_t *link) {
    return link->incarnation;
}

uint64_t core_link_clock(const core_link_t *link, uint64_t *ret_epoch) {
    *ret_epoch = link->clock_epoch;
    return link->clock_ms;
}

log_position core_link_position(const core_link_t *link) {
    return (log_position){link->seen.epoch, link->seen.seq};
}

size_t core_link_live_count(const core_link_t *link) {
    return peer_set_live_count(link->cores);
}

void core_link_tell_end(core_link_t *link) {
    peer_set_beat_now(link->cores);
}

zp_error core_link_new(core_link_t **ret_link, const process_t *process, size_t questions_max) {
    core_link_t *link = calloc(1, sizeof *link);
    question *slots = calloc(questions_max, sizeof *slots);
    if (!link || !slots) {
        free(link);
        free(slots);
        return ZP_NO_MEMORY;
    }
    link->process = process;
    link->slots = slots;
    link->slots_count = questions_max;
    zp__position__init(&link->seen);
    random_hex(link->incarnation);
    const peer_set_events of_cores = {on_message, on_beat, on_liveness};
    zp_error error =
        peer_set_new(&link->cores, &process->bus, config_text(process->config, SETTING_CORE_ENDPOINTS),
                     CORE_LINK_TAG, &of_cores, link);
    if (error != ZP_OK) {
        free(slots);
        free(link);
        return error;
    }
    uv_timer_init(process->bus.loop, &link->timer);
    link->timer.data = link;
    *ret_link = link;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void core_link_destroy(core_link_t **self) {
    core_link_t *link = *self;
    if (!link) {
        return;
    }
    *self = NULL;
    for (question *at = link->oldest, *newer; at; at = newer) {
        newer = at->newer;
        finish(link, at, NULL);
    }
    peer_set_destroy(&link->cores);
    bus_buffer_free(&link->buffer);
    free(link->slots);
    uv_close((uv_handle_t *)&link->timer, on_closed);
}
