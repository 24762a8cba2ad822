#include "proto/valid.h"
#include "common/wire/wire_form.h"
#include "proto/valid_fields.h"
#include <string.h>

/* -- ws-edge <-> presence-core -- */

static bool connection_valid(const Zp__Connection *connection) {
    return valid_name(connection->connection_id) &&
           valid_text(connection->device, 0, VALID_DEVICE_MAX_BYTES) &&
           valid_connection_status(connection->status) && valid_number(connection->opened_at_ms);
}

static bool statement_valid(const Zp__Statement *statement) {
    if (!valid_user_id(statement->user_id) || !valid_number_set(statement->number) ||
        !valid_reason(statement->reason) || statement->activity_age_ms > VALID_AGE_MAX_MS ||
        !valid_text(statement->role, 0, VALID_ROLE_MAX_BYTES) ||
        statement->n_connections > VALID_CONNECTIONS_MAX) {
        return false;
    }
    for (size_t i = 0; i < statement->n_connections; i++) {
        if (!connection_valid(statement->connections[i])) {
            return false;
        }
    }
    return true;
}

static bool statements_valid(const Zp__Statements *statements) {
    if (!valid_incarnation(statements->incarnation) || !valid_name(statements->edge) ||
        !valid_incarnation_or_empty(statements->replaces) || !valid_number(statements->floor) ||
        !valid_number(statements->void_after_ms) || statements->n_statements > VALID_STATEMENTS_MAX) {
        return false;
    }
    for (size_t i = 0; i < statements->n_statements; i++) {
        if (!statement_valid(statements->statements[i])) {
            return false;
        }
    }
    return true;
}

static bool touches_valid(const Zp__Touches *touches) {
    if (!valid_incarnation(touches->incarnation) || touches->n_touches > VALID_TOUCHES_MAX) {
        return false;
    }
    for (size_t i = 0; i < touches->n_touches; i++) {
        const Zp__Touch *touch = touches->touches[i];
        if (!valid_user_id(touch->user_id) || touch->age_ms > VALID_AGE_MAX_MS) {
            return false;
        }
    }
    return true;
}

static bool join_valid(const Zp__Join *join) {
    return valid_incarnation(join->incarnation) && valid_name(join->edge) &&
           valid_incarnation_or_empty(join->replaces) && strcmp(join->incarnation, join->replaces) != 0;
}

/* What a question and its answer have in common. */
static bool roster_named(const Zp__Roster *roster) {
    return (roster->kind == ZP__ROSTER__KIND__KIND_GROUP ||
            roster->kind == ZP__ROSTER__KIND__KIND_CONTACTS) &&
           valid_user_id(roster->id);
}

static bool rosters_query_valid(const Zp__RostersQuery *query) {
    if (query->n_rosters == 0 || query->n_rosters > VALID_ROSTERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < query->n_rosters; i++) {
        const Zp__Roster *roster = query->rosters[i];
        if (!roster_named(roster) || !valid_number(roster->version) || roster->n_user_ids > 0) {
            return false;
        }
    }
    return true;
}

bool edge_to_core_valid(const Zp__EdgeToCore *message) {
    switch (message->body_case) {
    case ZP__EDGE_TO_CORE__BODY_BEAT:
        return valid_beat(message->beat);
    case ZP__EDGE_TO_CORE__BODY_JOIN:
        return join_valid(message->join);
    case ZP__EDGE_TO_CORE__BODY_STATEMENTS:
        return statements_valid(message->statements);
    case ZP__EDGE_TO_CORE__BODY_TOUCHES:
        return touches_valid(message->touches);
    case ZP__EDGE_TO_CORE__BODY_ANNOUNCED:
        return valid_incarnation(message->announced->incarnation) &&
               valid_incarnation_or_empty(message->announced->replaces);
    case ZP__EDGE_TO_CORE__BODY_LEAVE:
        return valid_incarnation(message->leave->incarnation);
    case ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY:
        return valid_online_query(message->online_query);
    case ZP__EDGE_TO_CORE__BODY_STATUS_QUERY:
        return valid_status_query(message->status_query);
    case ZP__EDGE_TO_CORE__BODY_GROUP_CHANGE:
        return valid_user_id(message->group_change->user_id) &&
               valid_user_id(message->group_change->group_id) &&
               valid_number(message->group_change->void_after_ms);
    case ZP__EDGE_TO_CORE__BODY_ROSTERS_QUERY:
        return rosters_query_valid(message->rosters_query);
    case ZP__EDGE_TO_CORE__BODY__NOT_SET:
    case _ZP__EDGE_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

static bool kick_valid(const Zp__Kick *kick) {
    if (!valid_user_id(kick->user_id) || kick->n_connection_ids == 0 ||
        kick->n_connection_ids > VALID_CONNECTIONS_MAX) {
        return false;
    }
    for (size_t i = 0; i < kick->n_connection_ids; i++) {
        if (!valid_name(kick->connection_ids[i])) {
            return false;
        }
    }
    return true;
}

static bool kicks_valid(const Zp__Kicks *kicks) {
    if (!valid_incarnation(kicks->incarnation) || kicks->n_kicks > VALID_KICKS_MAX) {
        return false;
    }
    for (size_t i = 0; i < kicks->n_kicks; i++) {
        if (!kick_valid(kicks->kicks[i])) {
            return false;
        }
    }
    return true;
}

static bool group_changed_valid(const Zp__GroupChanged *changed) {
    int result = (int)changed->result;
    return valid_outcome(changed->outcome) && (changed->outcome != ZP__OUTCOME__OUTCOME_OK ||
                                               (result >= ZP__GROUP_RESULT__GROUP_RESULT_DONE &&
                                                result <= ZP__GROUP_RESULT__GROUP_RESULT_NO_ROOM));
}

static bool rosters_reply_valid(const Zp__RostersReply *reply) {
    if (!valid_outcome(reply->outcome) || reply->n_rosters > VALID_ROSTERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < reply->n_rosters; i++) {
        const Zp__Roster *roster = reply->rosters[i];
        if (!roster_named(roster) || !valid_number_set(roster->version) ||
            !valid_user_ids(roster->user_ids, roster->n_user_ids, VALID_ROSTER_USERS_MAX)) {
            return false;
        }
    }
    return true;
}

bool core_to_edge_valid(const Zp__CoreToEdge *message) {
    switch (message->body_case) {
    case ZP__CORE_TO_EDGE__BODY_BEAT_REPLY:
        return valid_beat_reply(message->beat_reply);
    case ZP__CORE_TO_EDGE__BODY_ACK:
        return valid_outcome(message->ack->outcome) && valid_position_or_absent(message->ack->position);
    case ZP__CORE_TO_EDGE__BODY_KICKS:
        return kicks_valid(message->kicks);
    case ZP__CORE_TO_EDGE__BODY_ONLINE_REPLY:
        return valid_online_reply(message->online_reply);
    case ZP__CORE_TO_EDGE__BODY_STATUS_REPLY:
        return valid_status_reply(message->status_reply) &&
               (message->status_reply->outcome != ZP__OUTCOME__OUTCOME_OK ||
                valid_number_set(message->status_reply->epoch));
    case ZP__CORE_TO_EDGE__BODY_GROUP_CHANGED:
        return group_changed_valid(message->group_changed);
    case ZP__CORE_TO_EDGE__BODY_ROSTERS_REPLY:
        return rosters_reply_valid(message->rosters_reply);
    case ZP__CORE_TO_EDGE__BODY__NOT_SET:
    case _ZP__CORE_TO_EDGE__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

/* -- expiry-watcher <-> presence-core -- */

bool watcher_to_core_valid(const Zp__WatcherToCore *message) {
    switch (message->body_case) {
    case ZP__WATCHER_TO_CORE__BODY_BEAT:
        return valid_beat(message->beat);
    case ZP__WATCHER_TO_CORE__BODY_TICK:
        return true;
    case ZP__WATCHER_TO_CORE__BODY_HINT:
        return valid_user_ids(message->hint->user_ids, message->hint->n_user_ids, VALID_HINT_USERS_MAX);
    case ZP__WATCHER_TO_CORE__BODY__NOT_SET:
    case _ZP__WATCHER_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

bool core_to_watcher_valid(const Zp__CoreToWatcher *message) {
    switch (message->body_case) {
    case ZP__CORE_TO_WATCHER__BODY_BEAT_REPLY:
        return valid_beat_reply(message->beat_reply);
    case ZP__CORE_TO_WATCHER__BODY_TICK_REPLY:
        return valid_outcome(message->tick_reply->outcome) && valid_number(message->tick_reply->clock_ms);
    case ZP__CORE_TO_WATCHER__BODY__NOT_SET:
    case _ZP__CORE_TO_WATCHER__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

/* -- fanout <-> presence-core -- */

static bool snapshot_reply_valid(const Zp__SnapshotReply *reply) {
    if (!valid_answer(reply->outcome, reply->position) ||
        !valid_user_states(reply->users, reply->n_users, VALID_PIECE_MAX)) {
        return false;
    }
    for (size_t i = 1; i < reply->n_users; i++) {
        if (strcmp(reply->users[i - 1]->user_id, reply->users[i]->user_id) >= 0) {
            return false;
        }
    }
    return true;
}

bool core_broadcast_valid(const Zp__CoreBroadcast *message) {
    switch (message->body_case) {
    case ZP__CORE_BROADCAST__BODY_TRANSITIONS:
        return valid_transitions(message->transitions);
    case ZP__CORE_BROADCAST__BODY_BEACON:
        return valid_position(message->beacon->position);
    case ZP__CORE_BROADCAST__BODY__NOT_SET:
    case _ZP__CORE_BROADCAST__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

bool fanout_to_core_valid(const Zp__FanoutToCore *message) {
    switch (message->body_case) {
    case ZP__FANOUT_TO_CORE__BODY_BEAT:
        return valid_beat(message->beat);
    case ZP__FANOUT_TO_CORE__BODY_REPLAY:
        return valid_position(message->replay->from);
    case ZP__FANOUT_TO_CORE__BODY_SNAPSHOT:
        return valid_text(message->snapshot->after, 0, VALID_USER_ID_MAX_BYTES);
    case ZP__FANOUT_TO_CORE__BODY__NOT_SET:
    case _ZP__FANOUT_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

bool core_to_fanout_valid(const Zp__CoreToFanout *message) {
    switch (message->body_case) {
    case ZP__CORE_TO_FANOUT__BODY_BEAT_REPLY:
        return valid_beat_reply(message->beat_reply);
    case ZP__CORE_TO_FANOUT__BODY_REPLAY_REPLY:
        return valid_replay_reply(message->replay_reply);
    case ZP__CORE_TO_FANOUT__BODY_SNAPSHOT_REPLY:
        return snapshot_reply_valid(message->snapshot_reply);
    case ZP__CORE_TO_FANOUT__BODY__NOT_SET:
    case _ZP__CORE_TO_FANOUT__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

/* -- subscriber <-> fanout -- */

static bool frames_valid(Zp__Frame *const *frames, size_t count) {
    if (count > WIRE_FORMS_COUNT) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = frames[i]->payload.len;
        if (frames[i]->wire_form >= WIRE_FORMS_COUNT || len == 0 || len > VALID_FRAME_MAX_BYTES) {
            return false;
        }
    }
    return true;
}

static bool updates_valid(const Zp__Updates *updates) {
    if (!valid_number_set(updates->generation) || !valid_number_set(updates->number) ||
        !valid_number_set(updates->epoch) || updates->n_updates > VALID_PIECE_MAX) {
        return false;
    }
    for (size_t i = 0; i < updates->n_updates; i++) {
        const Zp__Update *update = updates->updates[i];
        if (!valid_user_id(update->user_id) || !valid_number(update->seq) ||
            !valid_shown_status(update->from) || !valid_shown_status(update->to) ||
            !valid_number(update->at_ms) || !frames_valid(update->frames, update->n_frames)) {
            return false;
        }
    }
    return true;
}

static bool fanout_beat_valid(const Zp__FanoutBeat *beat) {
    return (beat->ready ? valid_position(beat->position) : valid_position_or_absent(beat->position)) &&
           valid_number(beat->generation) && valid_number(beat->last_number) &&
           valid_number(beat->last_watch);
}

static bool interest_valid(const Zp__Interest *interest) {
    return valid_number_set(interest->generation) && !(interest->all && interest->by_user) &&
           interest->wire_forms < WIRE_FORM_BIT(WIRE_FORMS_COUNT) && valid_position_or_absent(interest->seen);
}

static bool watch_valid(const Zp__Watch *watch) {
    return valid_number_set(watch->generation) && valid_number_set(watch->number) &&
           watch->n_add <= VALID_PIECE_MAX && watch->n_remove <= VALID_PIECE_MAX - watch->n_add &&
           valid_user_ids(watch->add, watch->n_add, VALID_PIECE_MAX) &&
           valid_user_ids(watch->remove, watch->n_remove, VALID_PIECE_MAX);
}

static bool watched_valid(const Zp__Watched *watched) {
    return valid_number_set(watched->generation) && valid_number_set(watched->number) &&
           valid_position(watched->position) && watched->n_users <= VALID_PIECE_MAX &&
           watched->n_offline <= VALID_PIECE_MAX - watched->n_users &&
           valid_user_states(watched->users, watched->n_users, VALID_PIECE_MAX) &&
           valid_user_ids(watched->offline, watched->n_offline, VALID_PIECE_MAX);
}

bool subscriber_to_fanout_valid(const Zp__SubscriberToFanout *message) {
    switch (message->body_case) {
    case ZP__SUBSCRIBER_TO_FANOUT__BODY_BEAT:
        return valid_beat(message->beat);
    case ZP__SUBSCRIBER_TO_FANOUT__BODY_INTEREST:
        return interest_valid(message->interest);
    case ZP__SUBSCRIBER_TO_FANOUT__BODY_DETACH:
        return valid_number_set(message->detach->generation);
    case ZP__SUBSCRIBER_TO_FANOUT__BODY_WATCH:
        return watch_valid(message->watch);
    case ZP__SUBSCRIBER_TO_FANOUT__BODY__NOT_SET:
    case _ZP__SUBSCRIBER_TO_FANOUT__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

bool fanout_to_subscriber_valid(const Zp__FanoutToSubscriber *message) {
    switch (message->body_case) {
    case ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT:
        return fanout_beat_valid(message->beat);
    case ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW:
        return valid_number_set(message->view->generation) && valid_position(message->view->position) &&
               valid_user_states(message->view->users, message->view->n_users, VALID_PIECE_MAX);
    case ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES:
        return updates_valid(message->updates);
    case ZP__FANOUT_TO_SUBSCRIBER__BODY_WATCHED:
        return watched_valid(message->watched);
    case ZP__FANOUT_TO_SUBSCRIBER__BODY__NOT_SET:
    case _ZP__FANOUT_TO_SUBSCRIBER__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}
