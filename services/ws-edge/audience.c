#include "services/ws-edge/audience.h"

#include "common/log/log.h"
#include "services/ws-edge/core/close_code.h"
#include "services/ws-edge/ws_server.h"

#include <stdlib.h>

enum {
    FLUSH_MS = 3, /* FACTS: 2 to 5 ms of frames in one write cost 0.35 us a frame instead of 4 to 8 */
    WRITE_MAX_BYTES = 65536, /* one write; what the kernel does not take of it, lws keeps */
};

struct audience {
    process_t *process;
    update_log_t *log;
    edge_client *first; /* watchers */
    size_t count;
    uint32_t wire_forms;
    size_t coalesce_above, answers_max;
    uv_timer_t flush_timer;
    uint64_t flushed_at_ms;
    bool flush_scheduled;
    char write_buffer[WRITE_MAX_BYTES];
};

zp_error audience_new(audience_t **ret_audience, process_t *process) {
    audience_t *audience = calloc(1, sizeof *audience);
    if (!audience) {
        return ZP_NO_MEMORY;
    }
    audience->process = process;
    audience->coalesce_above = (size_t)config_integer(process->config, SETTING_COALESCE_ABOVE);
    audience->answers_max = (size_t)config_integer(process->config, SETTING_OUTBOX_BYTES_MAX);
    audience->log = update_log_new((size_t)config_integer(process->config, SETTING_OUTBOX_UPDATES_MAX));
    if (!audience->log || uv_timer_init(&process->loop, &audience->flush_timer) != 0) {
        update_log_destroy(&audience->log);
        free(audience);
        return ZP_NO_MEMORY;
    }
    audience->flush_timer.data = audience;
    *ret_audience = audience;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *timer) {
    free(timer->data);
}

void audience_destroy(audience_t **audience) {
    if (*audience) {
        update_log_destroy(&(*audience)->log);
        uv_close((uv_handle_t *)&(*audience)->flush_timer, on_timer_closed);
        *audience = NULL;
    }
}

void audience_add(audience_t *audience, edge_client *client) {
    audience->wire_forms |= WIRE_FORM_BIT(client->box.form);
    if (client->watching) {
        return;
    }
    client->watching = true;
    client->box.position = update_log_end(audience->log);
    client->previous_watcher = NULL;
    client->next_watcher = audience->first;
    if (audience->first) {
        audience->first->previous_watcher = client;
    }
    audience->first = client;
    audience->count++;
}

void audience_remove(audience_t *audience, edge_client *client) {
    if (!client->watching) {
        return;
    }
    client->watching = false;
    if (client->previous_watcher) {
        client->previous_watcher->next_watcher = client->next_watcher;
    } else {
        audience->first = client->next_watcher;
    }
    if (client->next_watcher) {
        client->next_watcher->previous_watcher = client->previous_watcher;
    }
    client->next_watcher = client->previous_watcher = NULL;
    audience->count--;
    if (audience->count == 0) {
        audience->wire_forms = 0;
    }
}

size_t audience_count(const audience_t *audience) {
    return audience->count;
}

uint32_t audience_wire_forms(const audience_t *audience) {
    return audience->wire_forms;
}

static void close_slow(audience_t *audience, edge_client *client) {
    metrics_add(audience->process->metrics, METRIC_EDGE_SLOW_CLOSED, 1);
    log_info("edge.client.slow", "connection=%llx", (unsigned long long)client->number);
    audience_remove(audience, client);
    outbox_clear(&client->box);
    ws_socket_close(client->socket, CLOSE_TRY_AGAIN_LATER, "too slow");
}

static void flush(uv_timer_t *timer) {
    audience_t *audience = timer->data;
    audience->flush_scheduled = false;
    audience->flushed_at_ms = uv_now(&audience->process->loop);
    edge_client *next = NULL;
    for (edge_client *client = audience->first; client; client = next) {
        next = client->next_watcher;
        if (outbox_has_overflowed(&client->box, audience->log)) {
            close_slow(audience, client);
        } else if (!outbox_is_empty(&client->box, audience->log, true)) {
            ws_socket_want_write(client->socket);
        }
    }
}

static void schedule_flush(audience_t *audience) {
    if (audience->flush_scheduled) {
        return;
    }
    uint64_t since_ms = uv_now(&audience->process->loop) - audience->flushed_at_ms;
    audience->flush_scheduled = true;
    uv_timer_start(&audience->flush_timer, flush, since_ms >= FLUSH_MS ? 0 : FLUSH_MS - since_ms, 0);
}

void audience_tell(audience_t *audience, str_view user_id, presence_status from, presence_status to,
                   const str_view payloads[WIRE_FORMS_COUNT]) {
    if (audience->count == 0) {
        return;
    }
    if (update_log_append(audience->log, user_id, from, to, payloads) != ZP_OK) {
        log_error("edge.update.lost", "reason=\"out of memory\"");
        return;
    }
    metrics_add(audience->process->metrics, METRIC_EDGE_UPDATES, 1);
    schedule_flush(audience);
}

void audience_answer(audience_t *audience, edge_client *client, str_view payload) {
    if (outbox_put(&client->box, payload, audience->answers_max) != ZP_OK) {
        close_slow(audience, client);
        return;
    }
    ws_socket_want_write(client->socket);
}

void audience_change_form(audience_t *audience, edge_client *client, wire_form form) {
    if (outbox_change_form(&client->box, audience->log, client->watching, form, audience->answers_max,
                           audience->write_buffer, sizeof audience->write_buffer) != ZP_OK) {
        close_slow(audience, client);
    } else if (client->watching) {
        audience->wire_forms |= WIRE_FORM_BIT(form);
        ws_socket_want_write(client->socket);
    }
}

void audience_close_after_answers(audience_t *audience, edge_client *client, uint16_t code) {
    audience_remove(audience, client);
    client->close_code = code;
    ws_socket_want_write(client->socket);
}

bool audience_has_told(const audience_t *audience, const edge_client *client) {
    return outbox_is_empty(&client->box, audience->log, client->watching);
}

void audience_write(audience_t *audience, edge_client *client) {
    if (client->watching && outbox_has_overflowed(&client->box, audience->log)) {
        close_slow(audience, client);
        return;
    }
    /* What comes to nothing for one who knew where it began is news to one whose snapshot fell in between. */
    size_t coalesce_above = client->snapshot ? SIZE_MAX : audience->coalesce_above;
    size_t coalesced = 0;
    size_t len = outbox_take(&client->box, audience->log, client->watching, coalesce_above,
                             audience->write_buffer, sizeof audience->write_buffer, &coalesced);
    metrics_add(audience->process->metrics, METRIC_EDGE_UPDATES_COALESCED, (int64_t)coalesced);
    if (len > 0) {
        metrics_add(audience->process->metrics, METRIC_EDGE_BYTES_SENT, (int64_t)len);
        if (ws_socket_write(client->socket, str_view_make(audience->write_buffer, len)) != ZP_OK) {
            return; /* on_close follows */
        }
    }
    if (!outbox_is_empty(&client->box, audience->log, client->watching)) {
        ws_socket_want_write(client->socket);
    } else if (client->close_code != 0) {
        ws_socket_close(client->socket, client->close_code, "");
    }
}
