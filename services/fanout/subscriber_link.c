#include "services/fanout/subscriber_link.h"
#include "common/bus/bus_pack.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "common/runtime/pulse.h"
#include "proto/valid.h"
#include "services/fanout/core/interest.h"
#include "services/fanout/core/update_batch.h"
#include "services/fanout/updates_message.h"
#include "services/fanout/view_message.h"
#include "services/fanout/watched_message.h"
#include <assert.h>
#include <stdlib.h>

static const char TAG[] = "subscriber-fanout/1";

static_assert((int)WATCH_SET_NOTES_MAX == (int)UPDATE_BATCH_MAX, "a set has notes for a whole batch");

struct subscriber_link {
    process_t *process;
    const feed_t *feed;
    bus_socket_t *router;
    interest_t *interest;
    update_batch *batch;
    updates_message_t *updates;
    view_message_t *views;
    watched_message_t *watched;
    bus_buffer beat;
    uint64_t silence_ms, look_ms, looked_at_ms;
    uint64_t noted_snapshots; /* of the feed */
    bool told_ready;          /* all subscribers, since the view became complete */
    uv_prepare_t turn;        /* runs at the end of each turn, before the loop waits */
    pulse_t look;
    int open_handles_count;
};

static uint64_t now_ms(const subscriber_link_t *link) {
    return uv_now(&link->process->loop);
}

/* -- what goes out -- */

static void cut(subscriber_link_t *link, subscriber_t *subscriber, const char *reason) {
    if (interest_cut(link->interest, subscriber)) {
        metrics_add(link->process->metrics, METRIC_FANOUT_SUBSCRIBERS_CUT, 1);
        log_warn("subscriber.cut", "name=%s generation=%llu reason=\"%s\"", subscriber_name(subscriber),
                 (unsigned long long)subscriber_generation(subscriber), reason);
    }
}

static bool send_to(subscriber_link_t *link, subscriber_t *subscriber, str_view payload) {
    zp_error error = bus_socket_send(link->router, subscriber_identity(subscriber), TAG, payload);
    if (error != ZP_OK) {
        cut(link, subscriber, zp_error_text(error));
    }
    return error == ZP_OK;
}

/* What of the batch is for that listener. */
static void send_batch(subscriber_link_t *link, subscriber_t *listener) {
    watch_set_t *set = subscriber_watch_set(listener);
    size_t count = link->batch->count;
    const size_t *places = NULL;
    if (set) {
        places = watch_set_notes(set, &count);
        watch_set_forget_notes(set); /* they stay until the next one is made */
    }
    if (count == 0) {
        return;
    }
    uint64_t generation = subscriber_attached_generation(listener);
    uint64_t number = subscriber_take_number(listener);
    str_view message =
        set ? updates_message_pack_some(link->updates, places, count, generation, number)
            : updates_message_pack(link->updates, subscriber_wire_forms(listener), generation, number);
    if (!FAULT(DROP_UPDATES) && send_to(link, listener, message)) {
        metrics_add(link->process->metrics, METRIC_FANOUT_UPDATES_SENT, (int64_t)count);
    }
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
        send_batch(link, each);
    }
    link->batch->count = 0;
}

void subscriber_link_tell(subscriber_link_t *link, const feed_change *change) {
    if (!update_batch_takes(link->batch, change->position)) {
        subscriber_link_flush(link);
    }
    if (!interest_note(link->interest, change->user_id, link->batch->count)) {
        return;
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
    beat.last_watch = subscriber_last_watch(subscriber);
    beat.by_user = subscriber_may_name_users(subscriber);
    envelope.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT;
    envelope.beat = &beat;
    (void)send_to(link, subscriber, bus_pack(&link->beat, &envelope.base));
}

/* Who left and came back before a snapshot is no difference, and was told of to nobody; a page that was read
 * in between has them as offline. So who has named users is told how those are, and who hears of everybody is
 * to ask for the view. */
static void note_snapshot(subscriber_link_t *link) {
    uint64_t snapshots = feed_counted(link->feed)->snapshots;
    if (!feed_is_current(link->feed) || snapshots == link->noted_snapshots) {
        return;
    }
    link->noted_snapshots = snapshots;
    interest_unanswer(link->interest);
    subscriber_t *each = NULL;
    while ((each = interest_next_listener(link->interest, each))) {
        if (!subscriber_watch_set(each)) {
            cut(link, each, "the view was made anew");
            send_beat(link, each);
        }
    }
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

/* Whoever has named users is told how they are, once the view is whole: what it holds of them before may be
 * newer than the position up to which it holds everything. */
static void answer_watches(subscriber_link_t *link) {
    if (!feed_is_current(link->feed)) {
        return;
    }
    subscriber_t *subscriber;
    while ((subscriber = interest_next_unanswered(link->interest))) {
        (void)send_to(link, subscriber,
                      watched_message_pack(link->watched, subscriber_watch_set(subscriber),
                                           feed_view(link->feed), feed_position(link->feed),
                                           subscriber_attached_generation(subscriber),
                                           subscriber_take_number(subscriber)));
    }
}

/* Who waits for a fanout that is ready need not ask again to hear of it. */
static void tell_ready(subscriber_link_t *link) {
    bool ready = feed_is_complete(link->feed);
    bool became_ready = ready && !link->told_ready;
    link->told_ready = ready;
    subscriber_t *each = NULL;
    while (became_ready && (each = interest_next(link->interest, each))) {
        send_beat(link, each);
    }
}

static void end_turn(uv_prepare_t *handle) {
    subscriber_link_t *link = handle->data;
    subscriber_link_flush(link);
    note_snapshot(link);
    attach_awaiting(link);
    answer_watches(link);
    tell_ready(link);
}

/* -- what comes in -- */

static interest_kind kind_of(const Zp__Interest *said) {
    return said->all ? INTEREST_ALL : said->by_user ? INTEREST_BY_USER : INTEREST_NONE;
}

static void on_interest(subscriber_link_t *link, subscriber_t *subscriber, const Zp__Interest *said) {
    static const char *const kinds[] = {
        [INTEREST_NONE] = "none", [INTEREST_BY_USER] = "by-user", [INTEREST_ALL] = "all"};
    log_position seen = {0};
    if (said->seen) {
        seen = (log_position){said->seen->epoch, said->seen->seq};
    }
    if (!interest_set(link->interest, subscriber, said->generation, kind_of(said), said->wire_forms, seen)) {
        log_debug("subscriber.interest.late", "name=%s generation=%llu", subscriber_name(subscriber),
                  (unsigned long long)said->generation);
        return;
    }
    log_debug("subscriber.interest", "name=%s generation=%llu kind=%s wire_forms=%u",
              subscriber_name(subscriber), (unsigned long long)said->generation, kinds[kind_of(said)],
              said->wire_forms);
    attach_awaiting(link);
}

static zp_error change_set(watch_set_t *set, const Zp__Watch *said) {
    zp_error error = ZP_OK;
    for (size_t i = 0; i < said->n_remove; i++) {
        watch_set_remove(set, str_view_of(said->remove[i]));
    }
    for (size_t i = 0; i < said->n_add && error == ZP_OK; i++) {
        error = watch_set_add(set, str_view_of(said->add[i]));
    }
    return error;
}

/* Its next beat is not waited for: until it has said everything again it is told nothing. */
static void on_watch(subscriber_link_t *link, subscriber_t *subscriber, const Zp__Watch *said) {
    switch (interest_take_watch(subscriber, said->generation, said->number)) {
    case WATCH_STALE:
        return;
    case WATCH_GAP:
        cut(link, subscriber, "what it said was lost");
        send_beat(link, subscriber);
        return;
    case WATCH_NEXT:
        break;
    }
    zp_error error = change_set(subscriber_watch_set(subscriber), said);
    if (error != ZP_OK) {
        interest_refuse_users(link->interest, subscriber);
        metrics_add(link->process->metrics, METRIC_FANOUT_SETS_REFUSED, 1);
        log_warn("subscriber.users_refused", "name=%s generation=%llu reason=\"%s\" users=%zu",
                 subscriber_name(subscriber), (unsigned long long)said->generation, zp_error_text(error),
                 interest_watched_count(link->interest));
        send_beat(link, subscriber);
    }
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
    case ZP__SUBSCRIBER_TO_FANOUT__BODY_WATCH:
        on_watch(link, subscriber, message->watch);
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
    note_snapshot(link); /* whom that cuts off is not to be answered that he has heard all */
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
    uv_timer_init(loop, &link->look.timer);
    link->look.timer.data = link;
    link->looked_at_ms = now_ms(link);
    pulse_start(&link->look, forget_silent, link->look_ms, PULSE_BEAT);
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
    link->interest = interest_new((size_t)config_integer(process->config, SETTING_SUBSCRIBERS_MAX),
                                  (size_t)config_integer(process->config, SETTING_WATCHED_USERS_MAX));
    link->batch = update_batch_new();
    link->updates = updates_message_new();
    link->views = view_message_new();
    link->watched = watched_message_new();
    zp_error error = ZP_NO_MEMORY;
    if (link->interest && link->batch && link->updates && link->views && link->watched) {
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
    uv_timer_stop(&link->look.timer);
    bus_socket_destroy(&link->router);
    interest_destroy(&link->interest);
    free(link->batch);
    updates_message_destroy(&link->updates);
    view_message_destroy(&link->views);
    watched_message_destroy(&link->watched);
    bus_buffer_free(&link->beat);
    uv_close((uv_handle_t *)&link->turn, on_handle_closed);
    uv_close((uv_handle_t *)&link->look.timer, on_handle_closed);
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
    metrics_set(metrics, METRIC_FANOUT_WATCHED_USERS, (int64_t)interest_watched_count(link->interest));
    metrics_set(metrics, METRIC_FANOUT_FRAMES_ENCODED, (int64_t)link->batch->frames_encoded);
}
