/* clients - from WebSocket events to presence: opens and closes sessions, takes signs of life, answers
 * messages, and says what the core must hear of. Owns: the sessions, the audience, the liveness wheel.
 * Borrows: the ws_server that it is given. Threads: the loop's. */
#ifndef ZP_WS_EDGE_CLIENTS_H
#define ZP_WS_EDGE_CLIENTS_H

#include "common/base/error.h"
#include "common/runtime/process.h"
#include "services/ws-edge/audience.h"
#include "services/ws-edge/core/sessions.h"
#include "services/ws-edge/group_changes.h"
#include "services/ws-edge/ws_server.h"

typedef struct clients clients_t;

typedef struct clients_hooks {
    /* What is to be said of `user` has changed; `reason` is a static text of the log's vocabulary. */
    void (*changed)(void *context, edge_user *user, const char *reason);
    /* `user` showed life. */
    void (*alive)(void *context, edge_user *user);
    /* Whether the cores are so far behind that nobody else should come. */
    bool (*is_congested)(void *context);
    /* The first listener came, the last one left, or a new wire form is in use. */
    void (*interest)(void *context);
    /* `client` is to have a snapshot; the outbox of one that has it under way is empty; it has left. */
    void (*snapshot_wanted)(void *context, edge_client *client);
    void (*snapshot_drained)(void *context, edge_client *client);
    void (*snapshot_void)(void *context, edge_client *client);
    /* A list may hold groups of which nothing is known yet, or have room for whom it left out. */
    void (*rosters_held)(void *context);
    /* As core_link_change_group. */
    bool (*change_group)(void *context, const char *user_id, str_view group_id, bool joins,
                         uint64_t *ret_request_id);
} clients_hooks;

ZP_MUST_CHECK zp_error clients_new(clients_t **ret_clients, process_t *process, const clients_hooks *hooks,
                                   void *context);
/* After the ws_server is destroyed. */
void clients_destroy(clients_t **clients);

/* For ws_server_new. */
const ws_server_events *clients_events(void);

sessions_t *clients_sessions(clients_t *clients);
audience_t *clients_audience(clients_t *clients);

/* A core says that this connection of the user has to go: the user has logged in again, elsewhere. Where it
 * has gone already, nothing happens. */
void clients_kick(clients_t *clients, str_view user_id, uint64_t connection);

/* The client's list is new or has grown (roster_refresh.h): it is told who found no room, and has a snapshot.
 */
void clients_list_grown(clients_t *clients, edge_client *client);

/* What came of a change of a group (core_link_hooks). */
void clients_group_changed(clients_t *clients, uint64_t request_id, Zp__GroupResult result);

/* From now on nothing is said of anybody: the edge is leaving, and its users are on their grace. */
void clients_fall_silent(clients_t *clients);

/* Tells every client to reconnect after a time of its own within RECONNECT_SPREAD_MS, and closes with 1001.
 */
void clients_send_away(clients_t *clients);

#endif
