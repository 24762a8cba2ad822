/* subscriptions - types 33 and 34: what a client watches instead of what PRESENCE_AUDIENCE gave it (DESIGN
 * section 5). A 33 states the whole of it: a list of users, whoever is in some groups, or among the contacts
 * of the client's user, now and from now on; or everybody. What was watched before is replaced, and from then
 * on the client reads all four statuses. Bounded: WATCHES_PER_CLIENT, GROUPS_PER_CLIENT, and WATCHES_MAX for
 * the edge. Owns: nothing. Borrows: the audience. Threads: the loop's. */
#ifndef ZP_WS_EDGE_SUBSCRIPTIONS_H
#define ZP_WS_EDGE_SUBSCRIPTIONS_H

#include "common/log/log_limit.h"
#include "common/wire/client_frame.h"
#include "services/ws-edge/audience.h"

typedef struct subscriptions {
    process_t *process;
    audience_t *audience;
    bool presence_enabled, everybody_may_watch_all;
    size_t watches_per_client, groups_per_client;
    log_limit limit_lines;
} subscriptions;

/* What became of a message: the code and text of the 35 that answers it. A refused one (all but LEFT_OUT)
 * changed nothing. */
#define SUBSCRIPTION_RESULTS(X)                                                                              \
    X(SUBSCRIPTION_TAKEN, "", "")                                                                            \
    X(SUBSCRIPTION_DISABLED, "presence_disabled", "presence is disabled here")                               \
    X(SUBSCRIPTION_EMPTY, "invalid_subscription", "name userIds, groupIds, contacts: true or all: true")     \
    X(SUBSCRIPTION_INVALID_ID, "invalid_subscription", "a user id must be 1 to 128 bytes of text")           \
    X(SUBSCRIPTION_INVALID_GROUP, "invalid_subscription", "a group must be 1 to 128 bytes of text")          \
    X(SUBSCRIPTION_FORBIDDEN, "forbidden", "this connection may not watch everybody: name userIds")          \
    X(SUBSCRIPTION_TOO_MANY, "too_many_watches", "more users than one connection may watch")                 \
    X(SUBSCRIPTION_LEFT_OUT, "too_many_watches", "not everybody of these groups and contacts finds room")    \
    X(SUBSCRIPTION_TOO_MANY_GROUPS, "too_many_groups", "more groups than one connection may watch")          \
    X(SUBSCRIPTION_FULL, "server_full", "this server watches as many users as it may: try again later")

typedef enum subscription_result {
#define X(id, code, text) id,
    SUBSCRIPTION_RESULTS(X)
#undef X
} subscription_result;

void subscriptions_init(subscriptions *self, process_t *process, audience_t *audience);

/* A 33 (PRESENCE_SUBSCRIBE). Taken: the client is to have a snapshot, of a list when that is due
 * (core/watch_rosters.h). */
ZP_MUST_CHECK subscription_result subscriptions_begin(subscriptions *self, edge_client *client,
                                                      const client_message *message);

/* A 34 (PRESENCE_UNSUBSCRIBE): what it names leaves the list; where it names nothing, nobody is watched any
 * more. */
ZP_MUST_CHECK subscription_result subscriptions_end(subscriptions *self, edge_client *client,
                                                    const client_message *message);

/* LEFT_OUT, once: members of what the client's list holds found no room on it. Else TAKEN. */
ZP_MUST_CHECK subscription_result subscriptions_take_left_out(subscriptions *self, const edge_client *client);

const char *subscription_code(subscription_result result);
const char *subscription_text(subscription_result result);

#endif
