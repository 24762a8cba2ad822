/* valid - whether a message that was unpacked from the bus keeps the limits of its schema: lengths, counts,
 * known statuses and outcomes, well-formed names, ranges that fit together. Every receiver asks first, and
 * counts a refusal (METRIC_BUS_INVALID); past that, no reader of a message checks its shape again. Senders
 * keep the same limits. Threads: any. Cost: one pass over the message. */
#ifndef ZP_PROTO_VALID_H
#define ZP_PROTO_VALID_H

#include "proto/api_core.pb-c.h"
#include "proto/edge_core.pb-c.h"
#include "proto/fanout_core.pb-c.h"
#include "proto/subscriber_fanout.pb-c.h"
#include "proto/watcher_core.pb-c.h"
#include <stdbool.h>

enum {
    VALID_USER_ID_MAX_BYTES = 128, /* 1 or more, well-formed UTF-8 without control characters */
    VALID_DEVICE_MAX_BYTES = 64,   /* 0 or more, likewise */
    VALID_ROLE_MAX_BYTES = 64,     /* 0 or more, likewise */
    VALID_NAME_MAX_BYTES = 64, /* of processes and connections: 1 or more, printable ASCII without spaces */
    VALID_ADDRESS_MAX_BYTES = 300, /* 0 or more, likewise */
    VALID_REASON_MAX_BYTES = 32,   /* 1 or more of a to z and '-' */
    VALID_INCARNATION_BYTES = 16,  /* lower-case hex digits, exactly */
    VALID_NONCE_BYTES = 16,        /* likewise */
    VALID_STATEMENTS_MAX = 100,
    VALID_CONNECTIONS_MAX = 64,
    VALID_TOUCHES_MAX = 1000,
    VALID_KICKS_MAX = 100,
    VALID_ONLINE_USERS_MAX = 500,
    VALID_HINT_USERS_MAX = 100,
    VALID_QUERY_USERS_MAX = 1000,
    VALID_PIECE_MAX =
        10000, /* users, transitions or updates in one message of a replay, snapshot, view or update */
    VALID_SERVICES_MAX = 10000,
    VALID_FIGURES_MAX = 8,            /* of one process */
    VALID_FIGURE_NAME_MAX_BYTES = 32, /* 1 or more letters */
    VALID_TROUBLE_MAX_BYTES = 120,
    VALID_EXPLAINED_MAX = 100,                           /* transitions in one ExplainReply */
    VALID_SPEAKERS_MAX = 10000,                          /* connections of one user, over all edges */
    VALID_SOURCE_MAX_BYTES = 5 + VALID_DEVICE_MAX_BYTES, /* http/ and a socket_id */
    VALID_HEARTBEATS_MAX = 100,
    VALID_DIRECTORY_MAX = 100,           /* users in one piece of a directory */
    VALID_ACCOUNTS_MAX = 500,            /* in one AccountReply */
    VALID_DISPLAY_NAME_MAX_BYTES = 1024, /* 0 or more of UTF-8 without control characters */
    VALID_METADATA_MAX_BYTES = 65536,    /* 0 or more: a JSON object as text */
    VALID_SESSION_TYPE_MAX_BYTES = 64,   /* 1 or more, as a user id */
    VALID_ROOM_NAME_MAX_BYTES = 128,     /* 0 or more, likewise */
    VALID_SESSION_TOKEN_BYTES = 64,      /* lower-case hex digits, exactly: 256 bits */
    VALID_ROSTERS_MAX = 100,             /* in one RostersQuery and its reply */
    VALID_ROSTER_USERS_MAX = 1000,       /* in one of them */
    VALID_FRAME_MAX_BYTES = 4096,
    VALID_AGE_MAX_MS = 7 * 24 * 3600 * 1000, /* of an activity, at its statement or touch */
};

bool edge_to_core_valid(const Zp__EdgeToCore *message);
bool core_to_edge_valid(const Zp__CoreToEdge *message);
bool watcher_to_core_valid(const Zp__WatcherToCore *message);
bool core_to_watcher_valid(const Zp__CoreToWatcher *message);
bool fanout_to_core_valid(const Zp__FanoutToCore *message);
bool core_to_fanout_valid(const Zp__CoreToFanout *message);
bool core_broadcast_valid(const Zp__CoreBroadcast *message);
bool subscriber_to_fanout_valid(const Zp__SubscriberToFanout *message);
bool fanout_to_subscriber_valid(const Zp__FanoutToSubscriber *message);
bool api_to_core_valid(const Zp__ApiToCore *message);
bool core_to_api_valid(const Zp__CoreToApi *message);
bool speaker_valid(const Zp__Speaker *speaker); /* one of an ExplainReply */
bool account_query_valid(const Zp__AccountQuery *query);
bool account_reply_valid(const Zp__AccountReply *reply);
bool account_valid(const Zp__Account *account);           /* one of an AccountReply */
bool directory_user_valid(const Zp__DirectoryUser *user); /* one of a DirectoryReply */

#endif
