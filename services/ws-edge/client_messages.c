/* client_messages - what clients say: statuses, tests, what they watch, groups; and those who say too much,
 * or garbage. */
#include "common/log/log.h"
#include "services/ws-edge/client_log.h"
#include "services/ws-edge/clients_state.h"
#include "services/ws-edge/core/watch_rosters.h"

enum { USERS_PER_MESSAGE = 50 }; /* named: a message more */

void clients_answer_error(clients_t *clients, edge_client *client, const char *code, const char *message) {
    size_t len = client_frame_error((wire_form)client->box.form, str_view_of(client->user->id), code, message,
                                    -1, clients->answer);
    audience_answer(clients->audience, client, str_view_make(clients->answer, len));
}

static void take_garbage(clients_t *clients, edge_client *client) {
    metrics_add(clients->process->metrics, METRIC_EDGE_MESSAGES_GARBAGE, 1);
    if (++client->garbage_count == 1) {
        clients_answer_error(clients, client, "invalid_message",
                             "not a message of this protocol: not one MessagePack map or array of its "
                             "form, or a type or key of another kind");
    }
    if (client->garbage_count > clients->garbage_max) {
        client_log_text text;
        metrics_add(clients->process->metrics, METRIC_EDGE_DISMISSED_GARBAGE, 1);
        log_info("edge.client.garbage", "%s", client_log(client, &text));
        clients_dismiss(clients, client, DISMISSED_GARBAGE);
    }
}

/* False: one too many, and dropped. */
static bool keeps_rate(clients_t *clients, edge_client *client, uint32_t count) {
    message_verdict verdict = message_rate_take(&clients->messages, clients->messages_dropped_max,
                                                &client->messages, count, uv_now(&clients->process->loop));
    if (verdict == MESSAGE_TAKEN) {
        return true;
    }
    metrics_add(clients->process->metrics, METRIC_EDGE_MESSAGES_DROPPED, 1);
    if (verdict == MESSAGE_DROPPED_FIRST) {
        clients_answer_error(clients, client, "rate_limited",
                             "too many messages a second: this one was dropped");
    } else if (verdict == MESSAGE_FLOOD) {
        metrics_add(clients->process->metrics, METRIC_EDGE_DISMISSED_FLOOD, 1);
        client_log_text text;
        log_info("edge.client.flood", "%s", client_log(client, &text));
        clients_dismiss(clients, client, DISMISSED_FLOOD);
    }
    return false;
}

static void set_status(clients_t *clients, edge_client *client, str_view name) {
    presence_status status;
    if (!status_from_name(name, &status) || status == STATUS_OFFLINE) {
        clients_answer_error(clients, client, "invalid_status",
                             "status must be online, away, busy or invisible");
        return;
    }
    if (client->status != status) {
        client->status = (uint8_t)status;
        clients_say_changed(clients, client->user, "status-set");
    }
}

static void acknowledge_test(clients_t *clients, edge_client *client, str_view payload) {
    size_t len = 0;
    if (client_frame_connection_ack((wire_form)client->box.form, str_view_of(client->user->id), payload,
                                    clients->answer, sizeof clients->answer, &len) != ZP_OK) {
        clients_answer_error(clients, client, "too_large",
                             "the payload of a connection test is too large to echo");
        return;
    }
    audience_answer(clients->audience, client, str_view_make(clients->answer, len));
}

/* Answers a refusal. True: there was none. */
static bool is_taken(clients_t *clients, edge_client *client, subscription_result result) {
    if (result != SUBSCRIPTION_TAKEN) {
        clients_answer_error(clients, client, subscription_code(result), subscription_text(result));
    }
    return result == SUBSCRIPTION_TAKEN;
}

/* A snapshot that is under way goes on to whoever has come to stand on the list. */
void clients_list_grown(clients_t *clients, edge_client *client) {
    (void)is_taken(clients, client, subscriptions_take_left_out(&clients->subscriptions, client));
    if (client->watches && watch_list_take_snapshot_due(client->watches) && !client->snapshot) {
        clients->hooks.snapshot_wanted(clients->context, client);
    }
}

/* Each group that is named costs as much as a message: a look at each of its members; and so do a number of
 * users. But never more at once than a second's worth, so that it can be said at all. */
static bool keeps_rate_of_names(clients_t *clients, edge_client *client, const client_message *message) {
    size_t most = clients->messages_dropped_max / MESSAGE_BURST_SECONDS;
    size_t count =
        client_ids_count(message->group_ids) + client_ids_count(message->user_ids) / USERS_PER_MESSAGE;
    return count == 0 || keeps_rate(clients, client, (uint32_t)(count < most ? count : most));
}

static void subscribe(clients_t *clients, edge_client *client, const client_message *message) {
    if (!keeps_rate_of_names(clients, client, message) ||
        !is_taken(clients, client, subscriptions_begin(&clients->subscriptions, client, message))) {
        return;
    }
    clients_drop_snapshot(clients, client);
    if (client->watches) {
        clients_list_grown(clients, client);
        clients->hooks.rosters_held(clients->context);
    } else {
        clients->hooks.snapshot_wanted(clients->context, client);
    }
}

static void unsubscribe(clients_t *clients, edge_client *client, const client_message *message) {
    if (!keeps_rate_of_names(clients, client, message)) {
        return;
    }
    bool watched = client->watches || client->watching;
    bool taken = is_taken(clients, client, subscriptions_end(&clients->subscriptions, client, message));
    if (taken && watched && !client->watches && !client->watching) {
        clients_drop_snapshot(clients, client);
    } else if (taken && client->watches) {
        clients_list_grown(clients, client);           /* what it waited for may be what it has let go */
        clients->hooks.rosters_held(clients->context); /* there may be room for whom it left out */
    }
}

void clients_group_refused(void *context, edge_client *client, group_change_result result) {
    clients_answer_error(context, client, group_change_code(result), group_change_text(result));
}

static void change_group(clients_t *clients, edge_client *client, const client_message *message) {
    group_change_result result = group_changes_begin(&clients->group_changes, client, message);
    if (result != GROUP_CHANGE_DONE) {
        clients_group_refused(clients, client, result);
    }
}

void clients_group_changed(clients_t *clients, uint64_t request_id, Zp__GroupResult result) {
    group_changes_end(&clients->group_changes, request_id, result);
}

/* A client whose first message is an array reads arrays (CONTRACT A, "The array form"). */
static void learn_form(clients_t *clients, edge_client *client, bool array_form) {
    wire_form form = (wire_form)client->box.form;
    if (!client->spoken && array_form && !wire_form_is_array(form)) {
        audience_change_form(clients->audience, client, wire_form_of(true, wire_form_is_full(form)));
    }
    client->spoken = true;
}

void clients_on_message(void *context, ws_socket_t *socket, str_view bytes) {
    clients_t *clients = context;
    edge_client *client = ws_socket_data(socket);
    client_message message;
    if (!client->user || !keeps_rate(clients, client, 1)) {
        return;
    }
    if (client_message_parse(bytes, &message) != ZP_OK) {
        take_garbage(clients, client);
        return;
    }
    learn_form(clients, client, message.array_form);
    metric_id kind = METRIC_EDGE_MESSAGES;
    switch (message.type) {
    case MESSAGE_HEARTBEAT: /* a sign of life, as every message is: on_life has taken it */
        break;
    case MESSAGE_STATUS:
        set_status(clients, client, message.status);
        break;
    case MESSAGE_CONNECTION_TEST:
        acknowledge_test(clients, client, message.payload);
        break;
    case MESSAGE_PRESENCE_SUBSCRIBE:
        subscribe(clients, client, &message);
        break;
    case MESSAGE_PRESENCE_UNSUBSCRIBE:
        unsubscribe(clients, client, &message);
        break;
    case MESSAGE_USER_ADD:
    case MESSAGE_USER_REMOVE:
        change_group(clients, client, &message);
        break;
    default: /* another service's, or unknown: never an error */
        kind = METRIC_EDGE_MESSAGES_IGNORED;
        break;
    }
    metrics_add(clients->process->metrics, kind, 1);
}
