/* sessions - who is connected here: users, and the connections of each. The edge's ground truth.
 * Owns: edge_user and edge_client structs. A user lives while it has connections or the core has not yet
 * acknowledged what was last said of it (statement_queue holds it then). Threads: none.
 * Time, always passed in: listened ms (liveness.h) for silence, monotonic ms for ages, unix ms for times
 * shown. Cost: O(1) but for a user's connections. */
#ifndef ZP_WS_EDGE_SESSIONS_H
#define ZP_WS_EDGE_SESSIONS_H

#include "common/base/error.h"
#include "common/base/hash_table.h"
#include "common/base/str_view.h"
#include "common/limits/rate_limit.h"
#include "common/presence/status.h"
#include "services/ws-edge/core/outbox.h"
#include "services/ws-edge/core/timer_wheel.h"
#include <stdbool.h>
#include <stdint.h>

enum { CONNECTIONS_PER_USER_MAX = 64 };

typedef struct edge_user edge_user;

/* One connection: what a statement says of it, when it must show life, what it watches. */
typedef struct edge_client {
    edge_user *user; /* NULL once it has left */
    struct edge_client *next_of_user;
    struct edge_client *next_watcher, *previous_watcher; /* audience */
    void *socket;                                        /* ws_socket_t, for the adapters */
    timer_wheel_entry timer;
    uint64_t number; /* connection id, unique in this process */
    uint64_t opened_at_unix_ms;
    uint64_t last_life_ms, next_ping_ms; /* listened */
    outbox box;
    struct watch_list *watches;  /* what it asked to hear (watch_lists.h); NULL: it did not */
    struct snapshot *snapshot;   /* under way (snapshots.h), or NULL */
    struct token_deadline *ends; /* its token does (token_expiry.h); NULL: never */
    message_rate messages;
    uint16_t garbage_count; /* messages that could not be read */
    uint8_t dismissed;      /* enum dismissal: to be closed for it once its answers are out */
    uint8_t status;         /* enum presence_status */
    bool watching, spoken;  /* spoken: its first message has come */
    char device[];          /* NUL-terminated; its token's role is behind it (edge_client_role) */
} edge_client;

/* Where a user's statement stands. Made and changed by statement_queue only. */
typedef struct statement_state {
    struct edge_user *next_waiting, *previous_waiting;
    struct user_list *waiting_in; /* NULL: in none */
    struct edge_user *next_unacked, *previous_unacked;
    uint64_t last_number;     /* of the newest statement sent, 0: none in this incarnation */
    uint64_t first_unacked;   /* number from which on nothing is acknowledged, 0: all is */
    uint64_t leaves_at_ms;    /* of one that waits among those who left: not said before */
    const char *reason;       /* of the newest change, a static text */
    uint32_t in_flight_count; /* batches that carry a statement of this user */
} statement_state;

/* There are as many of both as clients, and nearly all are idle: what is needed for a moment only is not in
 * them, and small things are small. */
struct edge_user {
    UT_hash_handle hh;
    edge_client *clients;
    uint64_t last_life_ms;         /* monotonic */
    statement_state *statement;    /* NULL: nothing about it is waiting or unacknowledged */
    edge_user *next_touched;       /* touch_queue */
    uint32_t references;           /* from batches in flight */
    uint8_t clients_count;         /* up to CONNECTIONS_PER_USER_MAX */
    uint8_t id_len_bytes;          /* up to USER_ID_MAX_BYTES */
    bool touched : 1;              /* in touch_queue */
    bool announcing : 1, lost : 1; /* statement_queue */
    char id[];                     /* NUL-terminated */
};

/* Users that one message in flight speaks of; it holds them by their references. */
enum { USER_BATCH_MAX = 100 };
typedef struct user_batch {
    size_t count;
    edge_user *users[USER_BATCH_MAX];
    uint64_t numbers[USER_BATCH_MAX]; /* of the statements; unused for touches */
} user_batch;

typedef struct sessions {
    edge_user *users; /* uthash by id */
    uint64_t connections_made;
    size_t clients_count;
} sessions_t;

/* A new connection, `online`. ZP_FULL: the user has CONNECTIONS_PER_USER_MAX already. The id has up to
 * USER_ID_MAX_BYTES. */
ZP_MUST_CHECK zp_error sessions_open(sessions_t *sessions, str_view user_id, str_view device, str_view role,
                                     uint64_t unix_ms, edge_client **ret_client);

/* Of its token; empty: none. */
const char *edge_client_role(const edge_client *client);

/* Of the user's newest connection that has one; empty: none has. */
const char *edge_user_role(const edge_user *user);

/* Its role is one of those that hear everybody without asking: web, dashboard, admin (CONTRACT A). */
bool edge_client_is_dashboard(const edge_client *client);

/* Takes the connection from its user, which stays (see edge_user_is_idle). Repeating it is harmless. */
void sessions_leave(sessions_t *sessions, edge_client *client);

/* Frees a connection that has left. */
void sessions_free_client(edge_client **client);

/* Nothing is connected, and nothing about it is waiting or unacknowledged: it can be forgotten. */
bool edge_user_is_idle(const edge_user *user);
void sessions_forget_if_idle(sessions_t *sessions, edge_user *user);

void sessions_show_life(edge_client *client, uint64_t listened_ms, uint64_t now_ms);

edge_user *sessions_find(sessions_t *sessions, str_view user_id);
size_t sessions_users_count(const sessions_t *sessions);

/* Frees every user; their connections must have been freed. */
void sessions_clear(sessions_t *sessions);

#endif
