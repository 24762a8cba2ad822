#include "services/expiry-watcher/hint_queue.h"
#include <stdlib.h>

/* For company; also the pace of further messages, so that a wave of expiry stays bounded. */
enum { HINT_DELAY_MS = 5 };

struct hint_queue {
    const bus_context *bus;
    core_link_t *cores;
    uv_timer_t timer;
    char **ids; /* a ring of capacity entries */
    size_t capacity, first, count;
};

static void send_some(hint_queue_t *queue) {
    char *batch[CORE_LINK_HINT_MAX];
    size_t batch_count = 0;
    while (batch_count < CORE_LINK_HINT_MAX && queue->count > 0) {
        batch[batch_count++] = queue->ids[queue->first];
        queue->first = (queue->first + 1) % queue->capacity;
        queue->count--;
    }
    bool sent = core_link_hint(queue->cores, batch, batch_count) == ZP_OK;
    metrics_add(queue->bus->metrics, sent ? METRIC_WATCHER_HINTS : METRIC_WATCHER_HINTS_DROPPED,
                (int64_t)batch_count);
    for (size_t i = 0; i < batch_count; i++) {
        free(batch[i]);
    }
}

static void on_timer(uv_timer_t *timer) {
    hint_queue_t *queue = timer->data;
    send_some(queue);
    if (queue->count > 0) {
        uv_timer_start(timer, on_timer, HINT_DELAY_MS, 0);
    }
}

void hint_queue_add(hint_queue_t *queue, str_view user_id) {
    if (user_id.len < 1 || user_id.len > VALID_USER_ID_MAX_BYTES || !str_view_is_clean_text(user_id)) {
        metrics_add(queue->bus->metrics, METRIC_WATCHER_HINTS_INVALID, 1);
        return;
    }
    char *id = queue->count < queue->capacity ? str_view_dup(user_id) : NULL;
    if (!id) {
        metrics_add(queue->bus->metrics, METRIC_WATCHER_HINTS_DROPPED, 1);
        return;
    }
    queue->ids[(queue->first + queue->count) % queue->capacity] = id;
    queue->count++;
    if (queue->count == 1) {
        uv_timer_start(&queue->timer, on_timer, HINT_DELAY_MS, 0);
    }
}

zp_error hint_queue_new(hint_queue_t **ret_queue, const bus_context *bus, core_link_t *cores) {
    hint_queue_t *queue = calloc(1, sizeof *queue);
    size_t capacity = (size_t)config_integer(bus->config, SETTING_HINTS_MAX);
    char **ids = calloc(capacity, sizeof *ids);
    if (!queue || !ids) {
        free(queue);
        free(ids);
        return ZP_NO_MEMORY;
    }
    queue->bus = bus;
    queue->cores = cores;
    queue->ids = ids;
    queue->capacity = capacity;
    uv_timer_init(bus->loop, &queue->timer);
    queue->timer.data = queue;
    *ret_queue = queue;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void hint_queue_destroy(hint_queue_t **self) {
    hint_queue_t *queue = *self;
    if (!queue) {
        return;
    }
    *self = NULL;
    for (; queue->count > 0; queue->count--) {
        free(queue->ids[queue->first]);
        queue->first = (queue->first + 1) % queue->capacity;
    }
    free(queue->ids);
    uv_close((uv_handle_t *)&queue->timer, on_closed);
}
