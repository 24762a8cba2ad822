/* clients_state - what clients.c (sessions, and the events of sockets) and client_messages.c (what clients
 * say) share. For these two only. */
#ifndef ZP_WS_EDGE_CLIENTS_STATE_H
#define ZP_WS_EDGE_CLIENTS_STATE_H

#include "common/wire/client_frame.h"
#include "services/ws-edge/clients.h"
#include "services/ws-edge/group_changes.h"
#include "services/ws-edge/liveness.h"
#include "services/ws-edge/subscriptions.h"
#include "services/ws-edge/token_expiry.h"

struct clients {
    process_t *process;
    clients_hooks hooks;
    void *context;
    sessions_t sessions;
    audience_t *audience;
    subscriptions subscriptions;
    group_changes group_changes;
    liveness_t *liveness;
    token_expiry_t *token_expiry;
    bool presence_enabled, everybody_watches, dashboards_watch, one_login, silent;
    int64_t garbage_max;
    size_t sockets_per_user;
    rate_limit messages; /* of each client */
    uint32_t messages_dropped_max;
    char answer[CLIENT_ERROR_MAX_BYTES]; /* of the message at hand */
};

/* What is to be said of `user` has changed. */
void clients_say_changed(clients_t *clients, edge_user *user, const char *reason);

/* The snapshot that is under way, if there is one, is not wanted any more. */
void clients_drop_snapshot(clients_t *clients, edge_client *client);

/* The connection counts no more, and is closed once it has read why: at the latest when its silence is over.
 */
void clients_dismiss(clients_t *clients, edge_client *client, dismissal why);

/* A 35. */
void clients_answer_error(clients_t *clients, edge_client *client, const char *code, const char *message);

/* A change of a group is refused (group_changes_hooks). */
void clients_group_refused(void *context, edge_client *client, group_change_result result);

/* A message has come (ws_server_events). */
void clients_on_message(void *context, ws_socket_t *socket, str_view bytes);

#endif
