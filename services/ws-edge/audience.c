#include "services/ws-edge/audience.h"

#include "common/base/clock.h"
#include "common/log/log.h"
#include "services/ws-edge/client_log.h"
#include "services/ws-edge/core/close_code.h"
#include "services/ws-edge/ws_server.h"

#include <stdlib.h>

enum {
    FLUSH_MS = 3, /* FACTS: 2 to 5 ms of frames in one write cost 0.35 us a frame instead of 4 to 8 */
    WRITE_MAX_BYTES = 65536, /* one write; what the kernel does not take of it, lws keeps */
};

struct audience {
    process_t *process;
    audience_hooks hooks;
    void *context;
    update_log_t *log;
    watch_lists_t *lists;
    edge_client *first; /* who watches everybody */
    size_t count;
    uint32_t wire_forms;
    size_t coalesce_above, answers_max;
    uv_timer_t flush_timer;
    uint64_t flushed_at_ms;
    bool flush_scheduled;
    char write_buffer[WRITE_MAX_BYTES];
};

zp_error audience_new(audience_t **ret_audience, process_t *process, const audience_hooks *hooks,
                      void *context) {
    audience_t *audience = calloc(1, sizeof *audience);
    if (!audience) {
        return ZP_NO_MEMORY;
    }
    audience->process = process;
    audience->hooks = *hooks;
    audience->context = context;
    audience->coalesce_above = (size_t)config_integer(process->config, SETTING_COALESCE_ABOVE);
    audience->answers_max = (size_t)config_integer(process->config, SETTING_OUTBOX_BYTES_MAX);
    audience->log = update_log_new((size_t)config_integer(process->config, SETTING_OUTBOX_UPDATES_MAX));
    audience->lists = watch_lists_new((size_t)config_integer(process->config, SETTING_WATCHES_MAX),
                                      (size_t)config_integer(process->config, SETTING_WATCHES_PER_CLIENT));
    if (!audience->log || !audience->lists || uv_timer_init(&process->loop, &audience->flush_timer) != 0) {
        update_log_destroy(&audience->log);
        watch_lists_destroy(&audience->lists);
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
        watch_lists_destroy(&(*audience)->lists);
        uv_close((uv_handle_t *)&(*audience)->flush_timer, on_timer_closed);
        *audience = NULL;
    }
}

/* -- who listens -- */

static void use_form(audience_t *audience, uint8_t form) {
    audience->wire_forms |= WIRE_FORM_BIT(form);
}

static void append(audience_t *audience, edge_client *client) {
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

static void take_out(audience_t *audience, edge_client *client) {
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

/* What the audience wants to hear. */
typedef struct wish {
    bool everybody, by_name;
    uint32_t wire_forms;
} wish;

static wish wish_of(const audience_t *audience) {
    return (wish){audience->count > 0, watch_lists_count(audience->lists) > 0, audience->wire_forms};
}

static void say_interest(audience_t *audience, wish before) {
    wish now = wish_of(audience);
    bool new_form = (now.wire_forms & ~before.wire_forms) != 0;
    /* Who hears of everybody hears of those on lists too. */
    bool new_lists = !now.everybody && now.by_name != before.by_name;
    if (now.everybody != before.everybody || new_lists || new_form) {
        audience->hooks.interest_changed(audience->context);
    }
}

void audience_add(audience_t *audience, edge_client *client) {
    wish before = wish_of(audience);
    watch_list_end(&client->watches);
    if (!client->watching) {
        append(audience, client);
    }
    use_form(audience, client->box.form);
    say_interest(audience, before);
}

void audience_remove(audience_t *audience, edge_client *client) {
    wish before = wish_of(audience);
    watch_list_end(&client->watches);
    if (client->watching) {
        take_out(audience, client);
    }
    say_interest(audience, before);
}

zp_error audience_new_list(audience_t *audience, edge_client *client, size_t room, watch_list_t **ret_list) {
    return watch_list_new(audience->lists, room, client->watches, client, ret_list);
}

void audience_watch(audience_t *audience, edge_client *client, watch_list_t *take_list) {
    wish before = wish_of(audience);
    before.by_name = watch_lists_count(audience->lists) > 1; /* this one is there already */
    if (client->watching) {
        take_out(audience, client);
    }
    watch_list_end(&client->watches);
    watch_list_has_replaced(take_list);
    client->watches = take_list;
    say_interest(audience, before);
}

size_t audience_everybody_count(const audience_t *audience) {
    return audience->count;
}

watch_lists_t *audience_lists(const audience_t *audience) {
    return audience->lists;
}

uint32_t audience_wire_forms(const audience_t *audience) {
    return audience->wire_forms;
}

/* -- telling -- */

/* Its socket may live on for a while. */
static void give_up(audience_t *audience, edge_client *client) {
    audience_remove(audience, client);
    audience->hooks.given_up(audience->context, client);
}

static void close_slow(audience_t *audience, edge_client *client) {
    metrics_add(audience->process->metrics, METRIC_EDGE_SLOW_CLOSED, 1);
    client_log_text text;
    log_info("edge.client.slow", "%s", client_log(client, &text));
    give_up(audience, client);
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
    while ((next = watch_lists_next_changed(audience->lists)) != NULL) {
        ws_socket_want_write(next->socket);
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

void audience_tell_lists(audience_t *audience, const watch_change *change) {
    metrics_add(audience->process->metrics, METRIC_EDGE_UPDATES_COALESCED,
                (int64_t)watch_lists_tell(audience->lists, change));
    if (watch_lists_have_changed(audience->lists)) {
        schedule_flush(audience);
    }
}

void audience_settle_lists(audience_t *audience, const watch_view_t *view) {
    watch_lists_settle(audience->lists, view, clock_unix_ms());
    if (watch_lists_have_changed(audience->lists)) {
        schedule_flush(audience);
    }
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
        wish before = wish_of(audience);
        use_form(audience, client->box.form);
        ws_socket_want_write(client->socket);
        say_interest(audience, before);
    }
}

void audience_close_after_answers(audience_t *audience, edge_client *client, dismissal why) {
    give_up(audience, client);
    client->dismissed = (uint8_t)why;
    ws_socket_want_write(client->socket);
}

bool audience_has_told(const audience_t *audience, const edge_client *client) {
    return outbox_is_empty(&client->box, audience->log, client->watching) &&
           (!client->watches || watch_list_is_told(client->watches));
}

/* Answers first, then what has changed. */
static size_t take(audience_t *audience, edge_client *client) {
    /* What comes to nothing for one who knew where it began is news to one whose snapshot fell in between. */
    size_t coalesce_above = client->snapshot ? SIZE_MAX : audience->coalesce_above;
    size_t coalesced = 0;
    size_t coalesced_on_list = 0;
    size_t len = outbox_take(&client->box, audience->log, client->watching, coalesce_above,
                             audience->write_buffer, sizeof audience->write_buffer, &coalesced);
    if (client->watches && !outbox_has_answers(&client->box)) {
        len += watch_list_take(client->watches, (wire_form)client->box.form, audience->write_buffer + len,
                               sizeof audience->write_buffer - len, &coalesced_on_list);
    }
    metrics_add(audience->process->metrics, METRIC_EDGE_UPDATES_COALESCED,
                (int64_t)(coalesced + coalesced_on_list));
    return len;
}

void audience_write(audience_t *audience, edge_client *client) {
    if (client->watching && outbox_has_overflowed(&client->box, audience->log)) {
        close_slow(audience, client);
        return;
    }
    size_t len = take(audience, client);
    if (len > 0) {
        metrics_add(audience->process->metrics, METRIC_EDGE_BYTES_SENT, (int64_t)len);
        if (ws_socket_write(client->socket, str_view_make(audience->write_buffer, len)) != ZP_OK) {
            return; /* on_close follows */
        }
    }
    if (!audience_has_told(audience, client)) {
        ws_socket_want_write(client->socket);
    } else if (client->dismissed != NOT_DISMISSED) {
        dismissal why = (dismissal)client->dismissed;
        ws_socket_close(client->socket, dismissal_close_code(why), dismissal_text(why));
    }
}
