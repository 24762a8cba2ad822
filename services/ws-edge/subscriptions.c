#include "services/ws-edge/subscriptions.h"

#include "common/log/log.h"
#include "services/ws-edge/client_log.h"
#include "services/ws-edge/core/watch_rosters.h"

#include <string.h>

void subscriptions_init(subscriptions *self, process_t *process, audience_t *audience) {
    const config_t *config = process->config;
    *self = (subscriptions){.process = process,
                            .audience = audience,
                            .presence_enabled = config_bool(config, SETTING_PRESENCE_ENABLED),
                            .everybody_may_watch_all =
                                strcmp(config_text(config, SETTING_PRESENCE_AUDIENCE), "all") == 0,
                            .watches_per_client = (size_t)config_integer(config, SETTING_WATCHES_PER_CLIENT),
                            .groups_per_client = (size_t)config_integer(config, SETTING_GROUPS_PER_CLIENT)};
}

/* -- what was asked -- */

/* Groups are named as users are. */
static bool are_ids(str_view array) {
    client_ids ids = {.array = array};
    str_view id;
    while (client_ids_next(&ids, &id)) {
        if (!user_id_is_valid(id)) {
            return false;
        }
    }
    return true;
}

/* Of a list that is too long nothing is read. */
static subscription_result check(const subscriptions *self, const client_message *message) {
    if (!self->presence_enabled) {
        return SUBSCRIPTION_DISABLED;
    }
    if (client_ids_count(message->user_ids) > self->watches_per_client) {
        return SUBSCRIPTION_TOO_MANY;
    }
    if (client_ids_count(message->group_ids) > self->groups_per_client) {
        return SUBSCRIPTION_TOO_MANY_GROUPS;
    }
    if (!are_ids(message->user_ids)) {
        return SUBSCRIPTION_INVALID_ID;
    }
    return are_ids(message->group_ids) ? SUBSCRIPTION_TAKEN : SUBSCRIPTION_INVALID_GROUP;
}

/* Whether a list is named, if an empty one. */
static bool names_a_list(const client_message *message) {
    return message->user_ids.len > 0 || message->group_ids.len > 0 || message->contacts;
}

/* -- 33 -- */

static void read_all_statuses(subscriptions *self, edge_client *client) {
    bool is_array = wire_form_is_array((wire_form)client->box.form);
    audience_change_form(self->audience, client, wire_form_of(is_array, true));
}

/* The users who are named come first: watch_list_add. */
static zp_error fill(watch_list_t *list, const edge_client *client, const client_message *message) {
    client_ids users = {.array = message->user_ids};
    client_ids groups = {.array = message->group_ids};
    zp_error error = ZP_OK;
    str_view id;
    while (error == ZP_OK && client_ids_next(&users, &id)) {
        error = watch_list_add(list, id);
    }
    while (error == ZP_OK && client_ids_next(&groups, &id)) {
        error = watch_list_hold(list, ROSTER_GROUP, id);
    }
    return error == ZP_OK && message->contacts
               ? watch_list_hold(list, ROSTER_CONTACTS, str_view_of(client->user->id))
               : error;
}

static subscription_result watch_list(subscriptions *self, edge_client *client,
                                      const client_message *message) {
    watch_list_t *list = NULL;
    zp_error error = audience_new_list(self->audience, client, client_ids_count(message->user_ids), &list);
    if (error == ZP_OK) {
        error = fill(list, client, message);
    }
    if (error != ZP_OK) {
        watch_list_end(&list);
        return SUBSCRIPTION_FULL;
    }
    audience_watch(self->audience, client, list);
    read_all_statuses(self, client);
    return SUBSCRIPTION_TAKEN;
}

static subscription_result watch_everybody(subscriptions *self, edge_client *client) {
    if (!self->everybody_may_watch_all && !edge_client_is_dashboard(client)) {
        return SUBSCRIPTION_FORBIDDEN;
    }
    read_all_statuses(self, client);
    audience_add(self->audience, client);
    return SUBSCRIPTION_TAKEN;
}

static subscription_result begin(subscriptions *self, edge_client *client, const client_message *message) {
    subscription_result result = check(self, message);
    if (result != SUBSCRIPTION_TAKEN) {
        return result;
    }
    if (message->all) {
        return watch_everybody(self, client);
    }
    return names_a_list(message) ? watch_list(self, client, message) : SUBSCRIPTION_EMPTY;
}

/* -- what became of it -- */

/* Limits are said in the log, once a second at most: who floods does not fill it too. */
static subscription_result note(subscriptions *self, const edge_client *client, subscription_result result) {
    static const metric_id metrics[] = {
#define X(id, code, text) [id] = METRIC_EDGE_##id,
        SUBSCRIPTION_RESULTS(X)
#undef X
    };
    uint64_t held_back = 0;
    bool limited = result == SUBSCRIPTION_TOO_MANY || result == SUBSCRIPTION_TOO_MANY_GROUPS ||
                   result == SUBSCRIPTION_FULL || result == SUBSCRIPTION_LEFT_OUT;
    metrics_add(self->process->metrics, metrics[result], 1);
    if (limited && log_limit_pass(&self->limit_lines, uv_now(&self->process->loop), &held_back)) {
        client_log_text text;
        log_warn("edge.subscription.limited", "code=%s %s held_back=%llu", subscription_code(result),
                 client_log(client, &text), (unsigned long long)held_back);
    } else if (result != SUBSCRIPTION_TAKEN) {
        log_debug("edge.subscription.refused", "code=%s connection=%llx", subscription_code(result),
                  (unsigned long long)client->number);
    }
    return result;
}

subscription_result subscriptions_begin(subscriptions *self, edge_client *client,
                                        const client_message *message) {
    return note(self, client, begin(self, client, message));
}

/* -- 34 -- */

static void take_from(watch_list_t *list, const edge_client *client, const client_message *message) {
    client_ids users = {.array = message->user_ids};
    client_ids groups = {.array = message->group_ids};
    str_view id;
    watch_list_begin_removal(list);
    while (client_ids_next(&users, &id)) {
        watch_list_remove(list, id);
    }
    while (client_ids_next(&groups, &id)) {
        watch_list_let_go(list, ROSTER_GROUP, id);
    }
    if (message->contacts) {
        watch_list_let_go(list, ROSTER_CONTACTS, str_view_of(client->user->id));
    }
    watch_list_end_removal(list);
}

subscription_result subscriptions_end(subscriptions *self, edge_client *client,
                                      const client_message *message) {
    subscription_result result = check(self, message);
    if (result == SUBSCRIPTION_TAKEN && !names_a_list(message)) {
        audience_remove(self->audience, client);
    } else if (result == SUBSCRIPTION_TAKEN && client->watches) {
        take_from(client->watches, client, message);
    }
    return note(self, client, result);
}

subscription_result subscriptions_take_left_out(subscriptions *self, const edge_client *client) {
    return watch_list_take_left_out(client->watches) ? note(self, client, SUBSCRIPTION_LEFT_OUT)
                                                     : SUBSCRIPTION_TAKEN;
}

const char *subscription_code(subscription_result result) {
    static const char *const codes[] = {
#define X(id, code, text) [id] = (code),
        SUBSCRIPTION_RESULTS(X)
#undef X
    };
    return codes[result];
}

const char *subscription_text(subscription_result result) {
    static const char *const texts[] = {
#define X(id, code, text) [id] = (text),
        SUBSCRIPTION_RESULTS(X)
#undef X
    };
    return texts[result];
}
