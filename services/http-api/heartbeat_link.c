#include "services/http-api/heartbeat_link.h"
#include "common/base/clock.h"
#include "common/base/hash_table.h"
#include <assert.h>
#include <stdlib.h>

enum { CHECK_FRACTION = 20 }; /* of the deadline: how often is looked for what is overdue */

typedef struct batch batch_t;

/* One heartbeat that waits, or is under way. */
typedef struct item {
    UT_hash_handle hh; /* by user: the first of a user in what is under way */
    batch_t *batch;    /* NULL: it waits */
    struct item *next;
    uint64_t said_at_ms;        /* monotonic */
    heartbeat_done_fn *on_done; /* NULL: it was told already that nothing is known of it */
    void *context;
    Zp__Heartbeat message;
    char texts[VALID_USER_ID_MAX_BYTES + 1 + VALID_NAME_MAX_BYTES + 1];
} item_t;

/* What left together. */
struct batch {
    batch_t *next;
    heartbeat_link_t *link;
    item_t *items[VALID_HEARTBEATS_MAX];
    size_t count;
};

struct heartbeat_link {
    const process_t *process;
    heartbeat_messages_t *messages;
    heard_sources_t *heard;
    uv_timer_t delay, check;
    unsigned timers_open;
    bool closed;
    size_t most, count;        /* waiting or under way */
    item_t *first, **last_ref; /* those that wait, in the order in which they were said */
    size_t waiting_count;
    batch_t *under_way;
    item_t *users; /* who has something under way */
};

static void flush(heartbeat_link_t *link);

static void count_waiting(heartbeat_link_t *link, int change) {
    link->waiting_count += (size_t)change;
    metrics_set(link->process->metrics, METRIC_HTTP_HEARTBEATS_WAITING, (int64_t)link->waiting_count);
}

static void tell(heartbeat_link_t *link, item_t *item, bool taken) {
    if (item->on_done) {
        heartbeat_done_fn *on_done = item->on_done;
        item->on_done = NULL;
        metrics_add(link->process->metrics, taken ? METRIC_HTTP_HEARTBEATS : METRIC_HTTP_HEARTBEATS_FAILED,
                    1);
        on_done(item->context, taken);
    }
}

static void end_item(heartbeat_link_t *link, item_t *item, bool taken) {
    tell(link, item, taken);
    free(item);
    link->count--;
}

/* -- batches -- */

/* Whether `item` may leave with `batch`: nothing of its user is under way, but what leaves with it. */
static bool may_leave(heartbeat_link_t *link, item_t *item, batch_t *batch) {
    item_t *before = NULL;
    HASH_FIND_STR(link->users, item->message.user_id, before);
    if (!before) {
        HASH_ADD_KEYPTR(hh, link->users, item->message.user_id, strlen(item->message.user_id), item);
        return item->hh.tbl != NULL; /* else memory is out: it waits */
    }
    return before->batch == batch;
}

/* Takes out of the waiting ones what may leave now. */
static void fill_batch(heartbeat_link_t *link, batch_t *batch) {
    item_t **at = &link->first;
    while (*at && batch->count < VALID_HEARTBEATS_MAX) {
        item_t *item = *at;
        if (!may_leave(link, item, batch)) {
            at = &item->next;
            continue;
        }
        *at = item->next;
        item->batch = batch;
        batch->items[batch->count++] = item;
        count_waiting(link, -1);
    }
    if (!*at) {
        link->last_ref = at;
    }
}

static void release_users(heartbeat_link_t *link, const batch_t *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->items[i]->hh.tbl) {
            HASH_DEL(link->users, batch->items[i]);
        }
    }
}

static void note_heard(heartbeat_link_t *link, const batch_t *batch, const Zp__HeartbeatsReply *reply) {
    heard_sources_note_clock(link->heard, reply->position->epoch, reply->clock_ms);
    for (size_t i = 0; i < batch->count; i++) {
        const Zp__Heartbeat *message = &batch->items[i]->message;
        heard_sources_note(link->heard, message->user_id, message->socket_id,
                           (presence_status)message->status, reply->at_ms);
    }
    metrics_set(link->process->metrics, METRIC_HTTP_CLIENTS_REMEMBERED,
                (int64_t)heard_sources_count(link->heard));
}

static void end_batch(batch_t *batch, const Zp__HeartbeatsReply *reply) {
    heartbeat_link_t *link = batch->link;
    batch_t **at = &link->under_way;
    while (*at != batch) {
        at = &(*at)->next;
    }
    *at = batch->next;
    release_users(link, batch);
    if (reply) {
        note_heard(link, batch, reply);
    }
    for (size_t i = 0; i < batch->count; i++) {
        end_item(link, batch->items[i], reply != NULL);
    }
    free(batch);
}

static void on_heard(void *context, const Zp__HeartbeatsReply *reply) {
    heartbeat_link_t *link = ((batch_t *)context)->link;
    end_batch(context, reply);
    flush(link);
}

static zp_error send_batch(heartbeat_link_t *link, batch_t *batch) {
    Zp__Heartbeat *messages[VALID_HEARTBEATS_MAX];
    for (size_t i = 0; i < batch->count; i++) {
        messages[i] = &batch->items[i]->message;
    }
    metrics_add(link->process->metrics, METRIC_HTTP_HEARTBEAT_MESSAGES, 1);
    return heartbeat_messages_send(link->messages, messages, batch->count, false, on_heard, batch);
}

static void flush(heartbeat_link_t *link) {
    while (link->first && !link->closed && !heartbeat_messages_is_full(link->messages)) {
        batch_t *batch = calloc(1, sizeof *batch);
        if (!batch) {
            return; /* they wait, or are given up in time */
        }
        batch->link = link;
        fill_batch(link, batch);
        if (batch->count == 0) {
            free(batch);
            return;
        }
        batch->next = link->under_way;
        link->under_way = batch;
        if (send_batch(link, batch) != ZP_OK) {
            end_batch(batch, NULL);
            return;
        }
    }
}

static void on_delay(uv_timer_t *timer) {
    flush(timer->data);
}

/* -- deadlines -- */

static void give_up_waiting(heartbeat_link_t *link, uint64_t said_before_ms) {
    while (link->first && link->first->said_at_ms <= said_before_ms) {
        item_t *item = link->first;
        link->first = item->next;
        if (!link->first) {
            link->last_ref = &link->first;
        }
        count_waiting(link, -1);
        end_item(link, item, false);
    }
}

static void on_check(uv_timer_t *timer) {
    heartbeat_link_t *link = timer->data;
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t deadline_ms = config_ms(link->process->config, SETTING_HTTP_DEADLINE_MS);
    uint64_t said_before_ms = now_ms > deadline_ms ? now_ms - deadline_ms : 0;
    give_up_waiting(link, said_before_ms);
    for (batch_t *batch = link->under_way; batch; batch = batch->next) {
        for (size_t i = 0; i < batch->count; i++) {
            if (batch->items[i]->said_at_ms <= said_before_ms) {
                tell(link, batch->items[i], false);
            }
        }
    }
    if (link->count == 0) {
        uv_timer_stop(&link->check);
    } else {
        flush(link); /* what could not leave for want of memory, or of room */
    }
}

/* -- */

static item_t *item_new(const heartbeat_t *heartbeat) {
    size_t user_bytes = strlen(heartbeat->user_id) + 1, socket_bytes = strlen(heartbeat->socket_id) + 1;
    item_t *item = calloc(1, sizeof *item);
    if (!item) {
        return NULL;
    }
    assert(user_bytes + socket_bytes <= sizeof item->texts);
    memcpy(item->texts, heartbeat->user_id, user_bytes);
    memcpy(item->texts + user_bytes, heartbeat->socket_id, socket_bytes);
    zp__heartbeat__init(&item->message);
    item->message.user_id = item->texts;
    item->message.socket_id = item->texts + user_bytes;
    item->message.status = (Zp__Status)heartbeat->status;
    item->said_at_ms = clock_monotonic_ms();
    return item;
}

zp_error heartbeat_link_say(heartbeat_link_t *link, const heartbeat_t *heartbeat, heartbeat_done_fn *on_done,
                            void *context) {
    if (link->count >= link->most || link->closed) {
        return ZP_FULL;
    }
    item_t *item = item_new(heartbeat);
    if (!item) {
        return ZP_NO_MEMORY;
    }
    item->on_done = on_done;
    item->context = context;
    *link->last_ref = item;
    link->last_ref = &item->next;
    count_waiting(link, 1);
    if (link->count++ == 0) {
        uint64_t interval_ms = config_ms(link->process->config, SETTING_HTTP_DEADLINE_MS) / CHECK_FRACTION;
        uv_timer_start(&link->check, on_check, interval_ms, interval_ms);
    }
    if (!uv_is_active((uv_handle_t *)&link->delay)) {
        uv_timer_start(&link->delay, on_delay, config_ms(link->process->config, SETTING_HEARTBEAT_DELAY_MS),
                       0);
    }
    return ZP_OK;
}

zp_error heartbeat_link_new(heartbeat_link_t **ret_link, const process_t *process,
                            heartbeat_messages_t *messages, heard_sources_t *heard, size_t most) {
    heartbeat_link_t *link = calloc(1, sizeof *link);
    if (!link) {
        return ZP_NO_MEMORY;
    }
    link->process = process;
    link->messages = messages;
    link->heard = heard;
    link->most = most;
    link->last_ref = &link->first;
    uv_timer_init(process->bus.loop, &link->delay);
    uv_timer_init(process->bus.loop, &link->check);
    link->timers_open = 2;
    link->delay.data = link;
    link->check.data = link;
    *ret_link = link;
    return ZP_OK;
}

void heartbeat_link_close(heartbeat_link_t *link) {
    if (link) {
        link->closed = true;
        give_up_waiting(link, UINT64_MAX);
    }
}

static void on_closed(uv_handle_t *handle) {
    heartbeat_link_t *link = handle->data;
    if (--link->timers_open == 0) {
        free(link);
    }
}

void heartbeat_link_destroy(heartbeat_link_t **self) {
    heartbeat_link_t *link = *self;
    if (!link) {
        return;
    }
    *self = NULL;
    assert(link->count == 0 && !link->under_way);
    uv_close((uv_handle_t *)&link->delay, on_closed);
    uv_close((uv_handle_t *)&link->check, on_closed);
}
