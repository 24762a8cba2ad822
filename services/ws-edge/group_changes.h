/* group_changes - types 15 and 16: a client's user joins a group, or leaves it. A core stores it; what is
 * refused, or of what it is not known whether it was stored, is answered with a 35, what is stored with
 * nothing. Of one user one is under way at a time, and the others wait: a core that stood still would else
 * carry out an older one after a newer. Of all users GROUP_CHANGES_UNDER_WAY_MAX are: each is a script call,
 * and what edges say of who comes and goes stands behind them. Bounded: GROUP_CHANGES_MAX, of one user
 * GROUP_CHANGES_OF_USER_MAX.
 * Owns: what is under way or waits. Threads: the loop's. */
#ifndef ZP_WS_EDGE_GROUP_CHANGES_H
#define ZP_WS_EDGE_GROUP_CHANGES_H

#include "common/base/hash_table.h"
#include "common/base/ring.h"
#include "common/log/log_limit.h"
#include "common/runtime/process.h"
#include "common/wire/client_frame.h"
#include "proto/edge_core.pb-c.h"
#include "services/ws-edge/core/sessions.h"

enum { GROUP_CHANGES_MAX = 10000, GROUP_CHANGES_OF_USER_MAX = 200, GROUP_CHANGES_UNDER_WAY_MAX = 32 };

/* What became of a message: the code and text of the 35 that answers it. X(id, code, text) */
#define GROUP_CHANGE_RESULTS(X)                                                                              \
    X(GROUP_CHANGE_DONE, "", "")                                                                             \
    X(GROUP_CHANGE_DISABLED, "presence_disabled", "presence is disabled here")                               \
    X(GROUP_CHANGE_INVALID_ID, "invalid_group",                                                              \
      "toId must be a group: an integer, or 1 to 128 bytes of text")                                         \
    X(GROUP_CHANGE_TOO_MANY, "too_many_groups", "more groups than one user may be in")                       \
    X(GROUP_CHANGE_FULL, "group_full", "this group has as many members as it may")                           \
    X(GROUP_CHANGE_NO_ROOM, "server_full", "all groups together have as many members as they may")           \
    X(GROUP_CHANGE_WAITING, "too_many_waiting", "so many changes wait already: try again later")             \
    X(GROUP_CHANGE_UNAVAILABLE, "unavailable", "this may not have been stored: try again later")

typedef enum group_change_result {
#define X(id, code, text) id,
    GROUP_CHANGE_RESULTS(X)
#undef X
} group_change_result;

typedef struct group_changes_hooks {
    /* core_link_change_group. */
    bool (*ask)(void *context, const char *user_id, str_view group_id, bool joins, uint64_t *ret_request_id);
    /* The client is to be told of a refusal. */
    void (*refused)(void *context, edge_client *client, group_change_result result);
} group_changes_hooks;

typedef struct group_changes {
    process_t *process;
    group_changes_hooks hooks;
    void *ask_context, *refused_context;
    bool presence_enabled;
    struct user_changes *users; /* uthash by user id: of whom something is under way, or waits */
    ring under_way, waiting;    /* user_changes.turn, oldest first */
    size_t count, under_way_count;
    log_limit limit_lines;
} group_changes;

void group_changes_init(group_changes *self, process_t *process, const group_changes_hooks *hooks,
                        void *ask_context, void *refused_context);
void group_changes_clear(group_changes *self);

/* DONE: it is under way, or waits. */
group_change_result group_changes_begin(group_changes *self, edge_client *client,
                                        const client_message *message);

/* What came of one that is under way. */
void group_changes_end(group_changes *self, uint64_t request_id, Zp__GroupResult result);

/* The client leaves: it is told of nothing any more. */
void group_changes_forget(group_changes *self, const edge_client *client);

const char *group_change_code(group_change_result result);
const char *group_change_text(group_change_result result);

#endif
