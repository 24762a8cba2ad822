#include "proto/valid.h"
#include "proto/valid_fields.h"

/* -- http-api <-> presence-core -- */

static bool services_reply_valid(const Zp__ServicesReply *reply) {
    if (!valid_outcome(reply->outcome) || !valid_position_or_absent(reply->position) ||
        reply->n_services > VALID_SERVICES_MAX || !valid_text(reply->trouble, 0, VALID_TROUBLE_MAX_BYTES)) {
        return false;
    }
    for (size_t i = 0; i < reply->n_services; i++) {
        if (!valid_process(reply->services[i]->process)) {
            return false;
        }
    }
    return true;
}

bool speaker_valid(const Zp__Speaker *speaker) {
    int state = (int)speaker->state;
    return state >= ZP__SPEAKER_STATE__SPEAKER_LEASED && state <= ZP__SPEAKER_STATE__SPEAKER_LINGERS &&
           valid_text(speaker->source, 1, VALID_SOURCE_MAX_BYTES) &&
           valid_printable(speaker->edge, 0, VALID_NAME_MAX_BYTES) && valid_number(speaker->ends_in_ms) &&
           valid_printable(speaker->connection_id, 0, VALID_NAME_MAX_BYTES) &&
           valid_text(speaker->device, 0, VALID_DEVICE_MAX_BYTES) &&
           valid_connection_status(speaker->status) && valid_number(speaker->opened_at_ms);
}

static bool explain_reply_valid(const Zp__ExplainReply *reply) {
    if (!valid_answer(reply->outcome, reply->position) || !valid_number(reply->log_from_ms) ||
        reply->n_speakers > VALID_SPEAKERS_MAX || reply->n_transitions > VALID_EXPLAINED_MAX) {
        return false;
    }
    if (reply->outcome == ZP__OUTCOME__OUTCOME_OK && (!reply->user || !valid_user_state(reply->user))) {
        return false;
    }
    for (size_t i = 0; i < reply->n_speakers; i++) {
        if (!speaker_valid(reply->speakers[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < reply->n_transitions; i++) {
        if (!valid_transition(reply->transitions[i])) {
            return false;
        }
    }
    return true;
}

static bool heartbeat_valid(const Zp__Heartbeat *heartbeat) {
    int status = (int)heartbeat->status;
    return valid_user_id(heartbeat->user_id) && valid_name(heartbeat->socket_id) &&
           status >= ZP__STATUS__STATUS_OFFLINE && status <= ZP__STATUS__STATUS_INVISIBLE &&
           valid_number(heartbeat->heard_at_ms) && valid_number(heartbeat->silence_ms) &&
           valid_number(heartbeat->first_heard_ms);
}

static bool heartbeats_valid(const Zp__Heartbeats *heartbeats) {
    if (!valid_incarnation(heartbeats->api) || !valid_number_set(heartbeats->number) ||
        !valid_number(heartbeats->floor) || heartbeats->floor >= heartbeats->number ||
        heartbeats->n_heartbeats > VALID_HEARTBEATS_MAX) {
        return false;
    }
    for (size_t i = 0; i < heartbeats->n_heartbeats; i++) {
        if (!heartbeat_valid(heartbeats->heartbeats[i])) {
            return false;
        }
    }
    return true;
}

static bool directory_query_valid(const Zp__DirectoryQuery *query) {
    int scope = (int)query->scope;
    bool of_user =
        scope == ZP__DIRECTORY_SCOPE__DIRECTORY_CONTACTS || scope == ZP__DIRECTORY_SCOPE__DIRECTORY_ONE;
    const char *user = scope == ZP__DIRECTORY_SCOPE__DIRECTORY_ONE ? query->after : query->viewer;
    return scope >= ZP__DIRECTORY_SCOPE__DIRECTORY_CONTACTS && scope <= ZP__DIRECTORY_SCOPE__DIRECTORY_ONE &&
           valid_text(query->viewer, 0, VALID_USER_ID_MAX_BYTES) &&
           valid_text(query->after, 0, VALID_USER_ID_MAX_BYTES) && (!of_user || user[0] != '\0') &&
           query->most > 0 && query->most <= VALID_DIRECTORY_MAX;
}

bool directory_user_valid(const Zp__DirectoryUser *user) {
    return valid_user_id(user->user_id) && valid_text(user->display_name, 0, VALID_DISPLAY_NAME_MAX_BYTES) &&
           valid_shown_status(user->status) && valid_number(user->last_seen_ms);
}

static bool directory_reply_valid(const Zp__DirectoryReply *reply) {
    if (!valid_answer(reply->outcome, reply->position) ||
        !valid_text(reply->next, 0, VALID_USER_ID_MAX_BYTES) || reply->n_users > VALID_DIRECTORY_MAX) {
        return false;
    }
    for (size_t i = 0; i < reply->n_users; i++) {
        if (!directory_user_valid(reply->users[i])) {
            return false;
        }
    }
    return true;
}

bool api_to_core_valid(const Zp__ApiToCore *message) {
    switch (message->body_case) {
    case ZP__API_TO_CORE__BODY_BEAT:
        return valid_beat(message->beat);
    case ZP__API_TO_CORE__BODY_STATUS_QUERY:
        return valid_status_query(message->status_query);
    case ZP__API_TO_CORE__BODY_SERVICES_QUERY:
        return true;
    case ZP__API_TO_CORE__BODY_EXPLAIN_QUERY:
        return valid_user_id(message->explain_query->user_id) && message->explain_query->most > 0 &&
               message->explain_query->most <= VALID_EXPLAINED_MAX;
    case ZP__API_TO_CORE__BODY_HEARTBEATS:
        return heartbeats_valid(message->heartbeats);
    case ZP__API_TO_CORE__BODY_DIRECTORY_QUERY:
        return directory_query_valid(message->directory_query);
    case ZP__API_TO_CORE__BODY_ONLINE_QUERY:
        return valid_online_query(message->online_query);
    case ZP__API_TO_CORE__BODY_REPLAY:
        return valid_position(message->replay->from);
    case ZP__API_TO_CORE__BODY_ACCOUNT_QUERY:
        return account_query_valid(message->account_query);
    case ZP__API_TO_CORE__BODY__NOT_SET:
    case _ZP__API_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

bool core_to_api_valid(const Zp__CoreToApi *message) {
    switch (message->body_case) {
    case ZP__CORE_TO_API__BODY_BEAT_REPLY:
        return valid_beat_reply(message->beat_reply);
    case ZP__CORE_TO_API__BODY_STATUS_REPLY:
        return valid_status_reply(message->status_reply);
    case ZP__CORE_TO_API__BODY_SERVICES_REPLY:
        return services_reply_valid(message->services_reply);
    case ZP__CORE_TO_API__BODY_EXPLAIN_REPLY:
        return explain_reply_valid(message->explain_reply);
    case ZP__CORE_TO_API__BODY_HEARTBEATS_REPLY:
        return valid_answer(message->heartbeats_reply->outcome, message->heartbeats_reply->position) &&
               valid_number(message->heartbeats_reply->at_ms) &&
               valid_number(message->heartbeats_reply->clock_ms);
    case ZP__CORE_TO_API__BODY_DIRECTORY_REPLY:
        return directory_reply_valid(message->directory_reply);
    case ZP__CORE_TO_API__BODY_ONLINE_REPLY:
        return valid_online_reply(message->online_reply);
    case ZP__CORE_TO_API__BODY_REPLAY_REPLY:
        return valid_replay_reply(message->replay_reply);
    case ZP__CORE_TO_API__BODY_ACCOUNT_REPLY:
        return account_reply_valid(message->account_reply);
    case ZP__CORE_TO_API__BODY__NOT_SET:
    case _ZP__CORE_TO_API__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}
