#include "services/ws-edge/clients.h"

#include "common/base/random.h"
#include "common/log/log.h"
#include "common/wire/client_frame.h"
#include "services/ws-edge/client_log.h"
#include "services/ws-edge/clients_state.h"
#include "services/ws-edge/core/close_code.h"

#include <assert.h>
#include <stdlib.h>

enum {
    NUMBER_RANDOM_SHIFT = 16, /* 48 bits */
};

static void on_interest(void *context);
static void on_given_up(void *context, edge_client *client);
static void on_expired(void *context, edge_client *client);
static void on_token_expired(void *context, edge_client *client);

zp_error clients_new(clients_t **ret_clients, process_t *process, const clients_hooks *hooks, void *context) {
    clients_t *clients = calloc(1, sizeof *clients);
    if (!clients) {
        return ZP_NO_MEMORY;
    }
    clients->process = process;
    clients->hooks = *hooks;
    clients->context = context;
    const group_changes_hooks group_hooks = {.ask = hooks->change_group, .refused = clients_group_refused};
    group_changes_init(&clients->group_changes, process, &group_hooks, context, clients);
    clients->presence_enabled = config_bool(process->config, SETTING_PRESENCE_ENABLED);
    const char *audience = config_text(process->config, SETTING_PRESENCE_AUDIENCE);
    clients->everybody_watches = strcmp(audience, "all") == 0;
    clients->dashboards_watch = strcmp(audience, "role") == 0;
    clients->one_login = clients->presence_enabled &&
                         strcmp(config_text(process->config, SETTING_DUPLICATE_LOGIN), "kick") == 0;
    if (clients->one_login) { /* connections of two edges are compared by their numbers, where all else is
                                 equal */
        clients->sessions.connections_made = random_u64() >> NUMBER_RANDOM_SHIFT;
    }
    clients->garbage_max = config_integer(process->config, SETTING_GARBAGE_MAX);
    clients->sockets_per_user = (size_t)config_integer(process->config, SETTING_SOCKETS_PER_USER);
    assert(clients->sockets_per_user <= CONNECTIONS_PER_USER_MAX);
    uint32_t messages_per_second = (uint32_t)config_integer(process->config, SETTING_MESSAGES_PER_SECOND);
    clients->messages_dropped_max = messages_per_second * MESSAGE_BURST_SECONDS;
    clients->messages = rate_limit_of(messages_per_second, clients->messages_dropped_max);
    const audience_hooks listeners = {.interest_changed = on_interest, .given_up = on_given_up};
    zp_error error = audience_new(&clients->audience, process, &listeners, clients);
    if (error == ZP_OK) {
        error = liveness_new(&clients->liveness, process, on_expired, clients);
    }
    if (error == ZP_OK) {
        error = token_expiry_new(&clients->token_expiry, &process->loop, on_token_expired, clients);
    }
    if (error != ZP_OK) {
        clients_destroy(&clients);
        return error;
    }
    subscriptions_init(&clients->subscriptions, process, clients->audience);
    *ret_clients = clients;
    return ZP_OK;
}

void clients_destroy(clients_t **clients) {
    if (*clients) {
        token_expiry_destroy(&(*clients)->token_expiry);
        liveness_destroy(&(*clients)->liveness);
        audience_destroy(&(*clients)->audience);
        group_changes_clear(&(*clients)->group_changes);
        sessions_clear(&(*clients)->sessions);
        free(*clients);
        *clients = NULL;
    }
}

sessions_t *clients_sessions(clients_t *clients) {
    return &clients->sessions;
}

audience_t *clients_audience(clients_t *clients) {
    return clients->audience;
}

void clients_say_changed(clients_t *clients, edge_user *user, const char *reason) {
    if (clients->presence_enabled && !clients->silent) {
        clients->hooks.changed(clients->context, user, reason);
    }
}

static void on_interest(void *context) {
    clients_t *clients = context;
    clients->hooks.interest(clients->context);
}

void clients_drop_snapshot(clients_t *clients, edge_client *client) {
    if (client->snapshot) {
        clients->hooks.snapshot_void(clients->context, client);
    }
}

static void on_given_up(void *context, edge_client *client) {
    clients_drop_snapshot(context, client);
}

/* The connection counts no more, whatever its socket still does. */
static void leave(clients_t *clients, edge_client *client, const char *reason) {
    edge_user *user = client->user;
    if (!user) {
        return;
    }
    liveness_forget(clients->liveness, client);
    token_expiry_forget(clients->token_expiry, client);
    audience_remove(clients->audience, client);
    clients_drop_snapshot(clients, client);
    group_changes_forget(&clients->group_changes, client);
    sessions_leave(&clients->sessions, client);
    clients_say_changed(clients, user, reason);
    sessions_forget_if_idle(&clients->sessions, user);
}

/* The connection counts no more, and is closed once it has read why: at the latest when its silence is over.
 */
void clients_dismiss(clients_t *clients, edge_client *client, dismissal why) {
    leave(clients, client, dismissal_word(why));
    liveness_watch(clients->liveness, client);
    audience_close_after_answers(clients->audience, client, why);
}

static void on_expired(void *context, edge_client *client) {
    clients_t *clients = context;
    client_log_text text;
    log_info("edge.client.silent", "%s reason=pong-timeout", client_log(client, &text));
    leave(clients, client, "pong-timeout");
    ws_socket_close(client->socket, CLOSE_GOING_AWAY, "no sign of life");
}

static void kick(clients_t *clients, edge_client *client, metric_id found_by) {
    metrics_add(clients->process->metrics, found_by, 1);
    client_log_text text;
    log_info("edge.client.duplicated", "%s", client_log(client, &text));
    size_t len = client_frame_login_duplicated((wire_form)client->box.form, str_view_of(client->user->id),
                                               clients->answer);
    audience_answer(clients->audience, client, str_view_make(clients->answer, len));
    clients_dismiss(clients, client, DISMISSED_LOGIN_DUPLICATED);
}

/* What this edge knows itself need not wait for a core to say it. */
static void kick_older(clients_t *clients, const edge_client *newest) {
    edge_client *next = NULL;
    for (edge_client *client = newest->user->clients; client; client = next) {
        next = client->next_of_user;
        if (client != newest) {
            kick(clients, client, METRIC_EDGE_KICKED);
        }
    }
}

void clients_kick(clients_t *clients, str_view user_id, uint64_t connection) {
    const edge_user *user = sessions_find(&clients->sessions, user_id);
    for (edge_client *client = user ? user->clients : NULL; client; client = client->next_of_user) {
        if (client->number == connection) {
            kick(clients, client, METRIC_EDGE_KICKED_BY_CORE);
            return;
        }
    }
}

static zp_error open_session(clients_t *clients, const ws_identity *identity, edge_client **ret_client) {
    edge_client *client = NULL;
    zp_error error = sessions_open(&clients->sessions, identity->user_id, identity->device, identity->role,
                                   identity->opened_at_unix_ms, &client);
    if (error == ZP_OK && identity->expires_at_unix_ms > 0) {
        error = token_expiry_watch(clients->token_expiry, client, identity->expires_at_unix_ms);
        if (error != ZP_OK) {
            edge_user *user = client->user;
            sessions_leave(&clients->sessions, client);
            sessions_free_client(&client);
            sessions_forget_if_idle(&clients->sessions, user);
        }
    }
    if (error == ZP_OK) {
        *ret_client = client;
    }
    return error;
}

static void *on_open(void *context, ws_socket_t *socket, const ws_identity *identity) {
    clients_t *clients = context;
    edge_client *client = NULL;
    zp_error error = open_session(clients, identity, &client);
    if (error != ZP_OK) {
        log_warn("edge.client.refused", "reason=\"%s\"", zp_error_text(error));
        return NULL;
    }
    client->socket = socket;
    client->box.form = (uint8_t)identity->form;
    sessions_show_life(client, liveness_now(clients->liveness), uv_now(&clients->process->loop));
    liveness_watch(clients->liveness, client);
    if (clients->one_login) {
        kick_older(clients, client);
    }
    /* Before its own statement: a client hears of its own user like of any other. */
    bool watches =
        clients->everybody_watches || (clients->dashboards_watch && edge_client_is_dashboard(client));
    if (clients->presence_enabled && watches) {
        audience_add(clients->audience, client);
    }
    clients_say_changed(clients, client->user, "connected");
    if (clients->presence_enabled && (identity->snapshot || edge_client_is_dashboard(client))) {
        clients->hooks.snapshot_wanted(clients->context, client);
    }
    return client;
}

/* Where the newest login closes all others there is always room for it. */
static bool has_room_for(void *context, str_view user_id) {
    clients_t *clients = context;
    const edge_user *user = sessions_find(&clients->sessions, user_id);
    return !user || clients->one_login || user->clients_count < clients->sockets_per_user;
}

static bool is_congested(void *context) {
    clients_t *clients = context;
    return clients->presence_enabled && clients->hooks.is_congested(clients->context);
}

static void on_life(void *context, ws_socket_t *socket, bool pong) {
    clients_t *clients = context;
    edge_client *client = ws_socket_data(socket);
    if (!client->user) {
        return;
    }
    sessions_show_life(client, liveness_now(clients->liveness), uv_now(&clients->process->loop));
    if (pong) {
        metrics_add(clients->process->metrics, METRIC_EDGE_PONGS, 1);
        if (log_enabled(LOG_LEVEL_DEBUG)) {
            char escaped[ESCAPED_ID_BYTES];
            log_write(LOG_LEVEL_DEBUG, "edge.pong",
                      "[PONG DETECTED] User %s responded to PING - refreshing presence",
                      str_view_escape(str_view_of(client->user->id), escaped, sizeof escaped));
        }
    }
    if (clients->presence_enabled && !clients->silent) {
        clients->hooks.alive(clients->context, client->user);
    }
}

static void on_token_expired(void *context, edge_client *client) {
    clients_t *clients = context;
    metrics_add(clients->process->metrics, METRIC_EDGE_TOKENS_EXPIRED, 1);
    client_log_text text;
    log_info("edge.client.token_expired", "%s", client_log(client, &text));
    clients_answer_error(clients, client, "token_expired",
                         "the token has expired: connect again with a new one");
    clients_dismiss(clients, client, DISMISSED_TOKEN_EXPIRED);
}

static void on_failed(void *context, ws_socket_t *socket, uint16_t close_code) {
    client_log_text text;
    (void)context;
    log_info("edge.client.failed", "code=%u %s", (unsigned)close_code,
             client_log(ws_socket_data(socket), &text));
}

static void on_writable(void *context, ws_socket_t *socket) {
    clients_t *clients = context;
    edge_client *client = ws_socket_data(socket);
    audience_write(clients->audience, client);
    if (client->snapshot && audience_has_told(clients->audience, client)) {
        clients->hooks.snapshot_drained(clients->context, client);
    }
}

static void on_close(void *context, ws_socket_t *socket, ws_close_reason reason) {
    clients_t *clients = context;
    edge_client *client = ws_socket_data(socket);
    if (reason == WS_CLOSED_BY_CLIENT) { /* whoever says goodbye was there until now */
        sessions_show_life(client, liveness_now(clients->liveness), uv_now(&clients->process->loop));
    }
    leave(clients, client, "closed");
    liveness_forget(clients->liveness, client); /* one that was dismissed */
    sessions_free_client(&client);
}

const ws_server_events *clients_events(void) {
    static const ws_server_events events = {.on_open = on_open,
                                            .on_life = on_life,
                                            .on_message = clients_on_message,
                                            .on_failed = on_failed,
                                            .on_writable = on_writable,
                                            .on_close = on_close,
                                            .has_room_for = has_room_for,
                                            .is_congested = is_congested};
    return &events;
}

void clients_fall_silent(clients_t *clients) {
    clients->silent = true;
}

void clients_send_away(clients_t *clients) {
    uint64_t spread_ms = config_ms(clients->process->config, SETTING_RECONNECT_SPREAD_MS);
    edge_user *user = NULL;
    edge_user *next = NULL;
    HASH_ITER(hh, clients->sessions.users, user, next) {
        for (edge_client *client = user->clients; client; client = client->next_of_user) {
            int64_t reconnect_after_ms = (int64_t)(random_u64() % (spread_ms + 1));
            size_t len = client_frame_error((wire_form)client->box.form, str_view_of(user->id), "draining",
                                            "this server is stopping: connect again", reconnect_after_ms,
                                            clients->answer);
            audience_answer(clients->audience, client, str_view_make(clients->answer, len));
            audience_close_after_answers(clients->audience, client, DISMISSED_DRAINING);
        }
    }
}
