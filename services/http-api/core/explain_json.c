#include "services/http-api/core/explain_json.h"
#include "services/http-api/core/json_fields.h"

static const struct {
    const char *reason, *meaning;
} MEANINGS[] = {
    {"connected", "a connection opened"},
    {"closed", "the last connection closed"},
    {"status-set", "a client set this status"},
    {"pong-timeout", "no sign of life came from the last connection for PRESENCE_TTL, so its edge closed it"},
    {"token-expired", "the token of the last connection expired"},
    {"login-duplicated", "a newer login closed this connection (DUPLICATE_LOGIN=kick)"},
    {"garbage", "the last connection was closed for messages that cannot be read"},
    {"flood", "the last connection was closed for too many messages"},
    {"announced",
     "an edge stated its connections again, or an http-api its clients, after its lease or the data in "
     "Redis was lost"},
    {"edge-lost", "the edge was lost, and the user did not appear elsewhere within RECONNECT_GRACE_MS"},
    {"http-heartbeat", "an HTTP client said that it is there, or which status it has"},
    {"http-offline", "the last HTTP client said offline, and no page came back within HTTP_OFFLINE_DELAY_MS"},
    {"ttl-expired", "no heartbeat came for HTTP_PRESENCE_TTL"},
};

static const struct {
    const char *name, *meaning;
} STATES[] = {
#define X(id, name, meaning) {name, meaning},
    EXPLAINED_STATES(X)
#undef X
};

static const char *meaning_of(const char *reason) {
    for (size_t i = 0; i < sizeof MEANINGS / sizeof *MEANINGS; i++) {
        if (strcmp(MEANINGS[i].reason, reason) == 0) {
            return MEANINGS[i].meaning;
        }
    }
    return "";
}

void explain_json_begin(text_buffer *out, const explained_user *user) {
    json_begin_item(out);
    json_add_text_or_null(out, "userId", user->user_id);
    json_add_text_or_null(out, "status", status_name(user->status));
    json_add_time(out, "lastSeen", user->last_seen_ms);
    json_add_time(out, "since", user->since_ms);
    json_add_number(out, "epoch", user->epoch);
    json_add_number(out, "seq", user->seq);
    text_add(out, ",\"connections\":[");
}

void explain_json_add_connection(text_buffer *out, const explained_connection *connection) {
    json_begin_item(out);
    json_add_text_or_null(out, "status", status_name(connection->status));
    json_add_text_or_null(out, "device", connection->device);
    json_add_text_or_null(out, "edge", connection->edge);
    json_add_time(out, "openedAt", connection->opened_at_ms);
    json_add_text_or_null(out, "state", STATES[connection->state].name);
    json_add_text_or_null(out, "meaning", STATES[connection->state].meaning);
    if (connection->ends_in_ms > 0) {
        json_add_number(out, "endsInMs", connection->ends_in_ms);
    } else {
        json_add_text_or_null(out, "endsInMs", "");
    }
    json_add_text_or_null(out, "source", connection->source);
    json_add_text_or_null(out, "connection", connection->connection_id);
    text_add(out, "}");
}

void explain_json_begin_transitions(text_buffer *out) {
    text_add(out, "],\"transitions\":[");
}

void explain_json_add_transition(text_buffer *out, const explained_transition *transition) {
    json_begin_item(out);
    json_add_number(out, "seq", transition->seq);
    json_add_time(out, "at", transition->at_ms);
    json_add_text_or_null(out, "from", status_name(transition->from));
    json_add_text_or_null(out, "to", status_name(transition->to));
    json_add_text_or_null(out, "reason", transition->reason);
    json_add_text_or_null(out, "meaning", meaning_of(transition->reason));
    json_add_text_or_null(out, "edge", transition->edge);
    json_add_time(out, "lastSeen", transition->last_seen_ms);
    text_add(out, "}");
}

void explain_json_end(text_buffer *out, uint64_t log_from_ms, bool complete) {
    text_add(out, "],\"log\":{");
    json_add_bool(out, "complete", complete);
    json_add_time(out, "reachesBackTo", log_from_ms);
    text_add(out, "}}\n");
}
