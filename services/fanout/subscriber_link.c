#include "services/fanout/subscriber_link.h"
#include "common/bus/bus_pack.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "proto/valid.h"
#include "services/fanout/core/interest.h"
#include "services/fanout/core/update_batch.h"
#include "services/fanout/updates_message.h"
#include "services/fanout/view_message.h"
#include <stdlib.h>

static const char TAG[] = "subscriber-fanout/1";

struct subscriber_link {
    process_t *process;
    const feed_t *feed;
    bus_socket_t *router;
    interest_t *interest;
    update_batch *batch;
    updates_message_t *updates;
    view_message_t *views;
    bus_buffer beat;
    uint64_t silence_ms, look_ms, looked_at_ms;
    uv_prepare_t turn; /* runs at the end of each turn, before the loop waits */
    uv_timer_t look;
    int open_handles_count;
};

static uint64_t now_ms(const subscriber_link_t *link) {
    return uv_now(&link->process->loop);
}

/* -- what goes out -- */

static bool send_to(subscriber_link_t *link, subscriber_t *subscriber, str_view payload) {
    zp_error error = bus_socket_send(link->router, subscriber_identity(subscriber), TAG, payload);
    if (error == ZP_OK) {
        return true;
    }
    if (interest_cut(link->interest, subscriber)) {
        metrics_add(link->process->metrics, METRIC_FANOUT_SUBSCRIBERS_CUT, 1);
        log_warn("subscriber.cut", "name=%s generation=%llu reason=\"%s\"", subscriber_name(subscriber),
                 (unsigned long long)subscriber_generation(subscriber), zp_error_text(error));
    }
    return false;
}

void subscriber_link_flush(subscriber_link_t *link) {
    if (link->batch->count == 0) {
        return;
    }
    if (FAULT(BEFORE_UPDATES)) {
        abort();
    }
    updates_message_begin(link->updates, link->batch);
    subscriber_t *each = NULL;
    while ((each = interest_next_listener(link->interest, each))) {
        str_view message =
            updates_message_pack(link->updates, subscriber_wire_forms(each),
                                 subscriber_attached_generation(each), subscriber_take_number(each));
        if (FAULT(DROP_UPDATES)) {
            continue;
        }
        if (send_to(link, each, message)) {
            metrics_add(link->process->metrics, METRIC_FANOUT_UPDATES_SENT, (int64_t)link->batch->count);
        }
    }
    link->batch->count = 0;
}

void subscriber_link_tell(subscriber_link_t *link, const feed_change *change) {
    if (interest_listeners_count(link->interest) == 0) {
        return;
    }
    if (!update_batch_takes(link->batch, change->position)) {
        subscriber_link_flush(link);
    }
    update_batch_add(link->batch, interest_wire_forms(link->interest), change->user_id, change->position,
                     change->from, change->to, change->at_ms);
}

typedef struct view_target {
    subscriber_link_t *link;
    subscriber_t *subscriber;
} view_target;

static bool send_view_piece(void *context, str_view payload) {
    view_target *target = context;
    return send_to(target->link, target->subscriber, payload);
}

/* Whoever waits for a view that is there now gets it. */
static void attach_awaiting(subscriber_link_t *link) {
    if (!feed_is_complete(link->feed)) {
        return;
    }
    log_position position = feed_position(link->feed);
    subscriber_t *subscriber;
    while ((subscriber = interest_next_awaiting(link->interest, position))) {
        interest_attach(link->interest, subscriber);
        view_target target = {link, subscriber};
        if (view_message_send(link->views, feed_view(link->feed), position, subscriber_generation(subscriber),
                              send_view_piece, &target)) {
            metrics_add(link->process->metrics, METRIC_FANOUT_VIEWS_SENT, 1);
            log_info("subscriber.attached", "name=%s generation=%llu epoch=%llu seq=%llu users=%zu",
                     subscriber_name(subscriber), (unsigned long long)subscriber_generation(subscriber),
                     (unsigned long long)position.epoch, (unsigned long long)position.seq,
                     view_users_count(feed_view(link->feed)));
        }
    }
}

static void end_turn(uv_prepare_t *handle) {
    subscriber_link_t *link = handle->data;
    subscriber_link_flush(link);
    attach_awaiting(link);
}

static void send_beat(subscriber_link_t *link, subscriber_t *subscriber) {
    Zp__FanoutToSubscriber envelope = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__FanoutBeat beat = ZP__FANOUT_BEAT__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    log_position at = feed_position(link->feed);
    position.epoch = at.epoch;
    position.seq = at.seq;
    beat.ready = feed_is_complete(link->feed);
    beat.position = &position;
    beat.generation = subscriber_attached_generation(subscriber);
    beat.last_number = subscriber_last_number(subscriber);
    envelope.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT;
    envelope.beat = &beat;
    (void)send_to(link, subscriber, bus_pack(&link->beat, &envelope.base));
}

/* -- what comes in -- */

static void on_interest(subscriber_link_t *link, subscriber_t *subscriber, const Zp__Interest *said) {
    log_position seen = {0};
    if (said->seen) {
        seen = (log_position){said->seen->epoch, said->seen->seq};
    }
    if (!interest_set(link->interest, subscriber, said->generation, said->all, said->wire_forms, seen)) {
        log_debug("subscriber.interest.late", "name=%s generation=%llu", subscriber_name(subscriber),
                  (unsigned long long)said->generation);
        return;
    }
    log_debug("subscriber.interest", "name=%s generation=%llu all=%s wire_forms=%u",
              subscriber_name(subscriber), (unsigned long long)said->generation, said->all ? "true" : "false",
              said->wire_forms);
    attach_awaiting(link);
}

static void on_subscriber_said(subscriber_link_t *link, subscriber_t *subscriber,
                               const Zp__SubscriberToFanout *message) {
    switch (message->body_case) {
    case ZP__SUBSCRIBER_TO_FANOUT__BODY_BEAT:
        subscriber_set_name(subscriber, str_view_of(message->beat->process->name));
        send_beat(link, subscriber);
        break;
    case ZP__SUBSCRIBER_TO_FANOUT__BODY_INTEREST:
        on_interest(link, subscriber, message->interest);
        break;
    case ZP__SUBSCRIBER_TO_FANOUT__BODY_DETACH:
        interest_clear(link->interest, subscriber, message->detach->generation);
        break;
    case ZP__SUBSCRIBER_TO_FANOUT__BODY__NOT_SET:
    case _ZP__SUBSCRIBER_TO_FANOUT__BODY__CASE_IS_INT_SIZE:
        break;
    }
}

static void on_message(void *context, str_view identity, str_view tag, str_view payload) {
    subscriber_link_t *link = context;
    Zp__SubscriberToFanout *message = NULL;
    if (str_view_equal(tag, str_view_of(TAG))) {
        message = zp__subscriber_to_fanout__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    }
    if (!message || !subscriber_to_fanout_valid(message)) {
        metrics_add(link->process->metrics, METRIC_BUS_INVALID, 1);
        goto done;
    }
    subscriber_t *subscriber = interest_hear(link->interest, identity, now_ms(link));
    if (!subscriber) {
        metrics_add(link->process->metrics, METRIC_FANOUT_SUBSCRIBERS_REFUSED, 1);
        goto done;
    }
    /* What was told so far is older than any answer, and belongs to those who listened so far. */
    subscriber_link_flush(link);
    on_subscriber_said(link, subscriber, message);
done:
    if (message) {
        zp__subscriber_to_fanout__free_unpacked(message, NULL);
    }
}

static void forget_silent(uv_timer_t *timer) {
    subscriber_link_t *link = timer->data;
    /* While this loop stood still, their beats piled up unread: that is no silence of theirs. */
    bool stood_still = now_ms(link) - link->looked_at_ms > 2 * link->look_ms;
    link->looked_at_ms = now_ms(link);
    size_t forgotten_count =
        stood_still ? 0 : interest_forget_silent(link->interest, now_ms(link), link->silence_ms);
    if (forgotten_count > 0) {
        log_info("subscriber.forgotten", "count=%zu silence_ms=%llu", forgotten_count,
                 (unsigned long long)link->silence_ms);
    }
}

/* -- making and ending -- */

static void start_handles(subscriber_link_t *link) {
    uv_loop_t *loop = &link->process->loop;
    uv_prepare_init(loop, &link->turn);
    link->turn.data = link;
    uv_prepare_start(&link->turn, end_turn);
    uv_timer_init(loop, &link->look);
    link->look.data = link;
    link->looked_at_ms = now_ms(link);
    uv_timer_start(&link->look, forget_silent, link->look_ms, link->look_ms);
    link->open_handles_count = 2;
}

zp_error subscriber_link_new(subscriber_link_t **ret_link, process_t *process, const feed_t *feed) {
    subscriber_link_t *link = calloc(1, sizeof(*link));
    if (!link) {
        return ZP_NO_MEMORY;
    }
    link->process = process;
    link->feed = feed;
    link->silence_ms = 2 * config_ms(process->config, SETTING_PEER_TIMEOUT_MS);
    link->look_ms = config_ms(process->config, SETTING_BEAT_INTERVAL_MS);
    start_handles(link);
    link->interest = interest_new((size_t)config_integer(process->config, SETTING_SUBSCRIBERS_MAX));
    link->batch = update_batch_new();
    link->updates = updates_message_new();
    link->views = view_message_new();
    zp_error error = ZP_NO_MEMORY;
    if (link->interest && link->batch && link->updates && link->views) {
        error = bus_socket_new(&link->router, &process->bus, BUS_ROUTER, FANOUT,
                               config_text(process->config, SETTING_FANOUT_LISTEN), on_message, link);
    }
    if (error != ZP_OK) {
        subscriber_link_destroy(&link);
        return error;
    }
    *ret_link = link;
    return ZP_OK;
}

static void on_handle_closed(uv_handle_t *handle) {
    subscriber_link_t *link = handle->data;
    if (--link->open_handles_count == 0) {
        free(link);
    }
}

void subscriber_link_destroy(subscriber_link_t **link_ref) {
    subscriber_link_t *link = *link_ref;
    if (!link) {
        return;
    }
    *link_ref = NULL;
    uv_prepare_stop(&link->turn);
    uv_timer_stop(&link->look);
    bus_socket_destroy(&link->router);
    interest_destroy(&link->interest);
    free(link->batch);
    updates_message_destroy(&link->updates);
    view_message_destroy(&link->views);
    bus_buffer_free(&link->beat);
    uv_close((uv_handle_t *)&link->turn, on_handle_closed);
    uv_close((uv_handle_t *)&link->look, on_handle_closed);
}

const char *subscriber_link_address(const subscriber_link_t *link) {
    const char *endpoint = bus_socket_endpoint(link->router);
    const char *after_scheme = strstr(endpoint, "://");
    return after_scheme ? after_scheme + strlen("://") : endpoint;
}

void subscriber_link_measure(const subscriber_link_t *link) {
    metrics_t *metrics = link->process->metrics;
    metrics_set(metrics, METRIC_FANOUT_SUBSCRIBERS, (int64_t)interest_subscribers_count(link->interest));
    metrics_set(metrics, METRIC_FANOUT_LISTENERS, (int64_t)interest_listeners_count(link->interest));
    metrics_set(metrics, METRIC_FANOUT_FRAMES_ENCODED, (int64_t)link->batch->frames_encoded);
}
