#include "proto/valid_fields.h"
#include "common/base/str_view.h"
#include "proto/valid.h"

/* Numbers travel through Lua and JSON, which know whole numbers up to here. */
static const uint64_t NUMBER_MAX = UINT64_C(1) << 53;

bool valid_number(uint64_t number) {
    return number <= NUMBER_MAX;
}

bool valid_number_set(uint64_t number) {
    return number > 0 && valid_number(number);
}

bool valid_text(const char *text, size_t least_bytes, size_t most_bytes) {
    size_t len = strnlen(text, most_bytes + 1);
    return len >= least_bytes && len <= most_bytes && str_view_is_clean_text(str_view_make(text, len));
}

bool valid_user_id(const char *text) {
    return valid_text(text, 1, VALID_USER_ID_MAX_BYTES);
}

bool valid_user_ids(char *const *ids, size_t count, size_t most) {
    if (count > most) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!valid_user_id(ids[i])) {
            return false;
        }
    }
    return true;
}

bool valid_printable(const char *text, size_t least_bytes, size_t most_bytes) {
    size_t len = strnlen(text, most_bytes + 1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= 0x20 || text[i] >= 0x7f) {
            return false;
        }
    }
    return len >= least_bytes && len <= most_bytes;
}

bool valid_name(const char *text) {
    return valid_printable(text, 1, VALID_NAME_MAX_BYTES);
}

bool valid_reason(const char *text) {
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz-");
    return text[len] == '\0' && len > 0 && len <= VALID_REASON_MAX_BYTES;
}

static bool is_hex(const char *text, size_t digits) {
    return strspn(text, "0123456789abcdef") == digits && text[digits] == '\0';
}

bool valid_incarnation(const char *text) {
    return is_hex(text, VALID_INCARNATION_BYTES);
}

bool valid_nonce(const char *text) {
    return is_hex(text, VALID_NONCE_BYTES);
}

bool valid_session_token(const char *text) {
    return is_hex(text, VALID_SESSION_TOKEN_BYTES);
}

bool valid_incarnation_or_empty(const char *text) {
    return text[0] == '\0' || valid_incarnation(text);
}

/* What is shown to others: never invisible. */
bool valid_shown_status(Zp__Status status) {
    int value = (int)status;
    return value >= ZP__STATUS__STATUS_OFFLINE && value <= ZP__STATUS__STATUS_BUSY;
}

/* What a connection can have: one that is offline is not there. */
bool valid_connection_status(Zp__Status status) {
    int value = (int)status;
    return value >= ZP__STATUS__STATUS_ONLINE && value <= ZP__STATUS__STATUS_INVISIBLE;
}

bool valid_outcome(Zp__Outcome outcome) {
    int value = (int)outcome;
    return value >= ZP__OUTCOME__OUTCOME_OK && value <= ZP__OUTCOME__OUTCOME_INVALID;
}

bool valid_position(const Zp__Position *position) {
    return position && valid_number(position->epoch) && valid_number(position->seq);
}

bool valid_position_or_absent(const Zp__Position *position) {
    return !position || valid_position(position);
}

/* An answer that is OK says where the log stands; another may not know. */
bool valid_answer(Zp__Outcome outcome, const Zp__Position *position) {
    return valid_outcome(outcome) &&
           (outcome == ZP__OUTCOME__OUTCOME_OK ? valid_position(position)
                                               : valid_position_or_absent(position));
}

/* -- shared messages -- */

static bool valid_figures(Zp__Figure *const *figures, size_t count) {
    if (count > VALID_FIGURES_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t letters = strspn(figures[i]->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (figures[i]->name[letters] != '\0' || letters == 0 || letters > VALID_FIGURE_NAME_MAX_BYTES ||
            !valid_number(figures[i]->value)) {
            return false;
        }
    }
    return true;
}

bool valid_process(const Zp__ProcessInfo *process) {
    return process && valid_figures(process->figures, process->n_figures) && valid_name(process->kind) &&
           valid_name(process->name) && valid_name(process->version) &&
           valid_number(process->started_at_ms) &&
           valid_printable(process->address, 0, VALID_ADDRESS_MAX_BYTES) &&
           valid_printable(process->admin, 0, VALID_ADDRESS_MAX_BYTES);
}

bool valid_beat(const Zp__Beat *beat) {
    return valid_process(beat->process) && valid_position_or_absent(beat->seen) &&
           valid_incarnation_or_empty(beat->incarnation) && valid_number(beat->number) &&
           !(beat->last && beat->incarnation[0] != '\0');
}

/* A core without Redis answers beats too, and knows no position then. */
bool valid_beat_reply(const Zp__BeatReply *reply) {
    return valid_outcome(reply->outcome) && valid_position_or_absent(reply->position) &&
           valid_number(reply->redis_time_ms);
}

bool valid_user_state(const Zp__UserState *user) {
    return valid_user_id(user->user_id) && valid_shown_status(user->status) &&
           valid_number(user->last_seen_ms) && valid_number(user->since_ms) && valid_number(user->seq);
}

bool valid_user_states(Zp__UserState *const *users, size_t count, size_t most) {
    if (count > most) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!valid_user_state(users[i])) {
            return false;
        }
    }
    return true;
}

bool valid_transition(const Zp__Transition *transition) {
    return valid_user_id(transition->user_id) && valid_shown_status(transition->from) &&
           valid_shown_status(transition->to) && transition->from != transition->to &&
           valid_number(transition->at_ms) && valid_reason(transition->reason) &&
           valid_printable(transition->edge, 0, VALID_NAME_MAX_BYTES) &&
           valid_number(transition->last_seen_ms);
}

/* At least one, numbered first_seq to last_seq without a hole: a fanout's repair rests on it. */
bool valid_transitions(const Zp__Transitions *transitions) {
    size_t count = transitions->n_transitions;
    if (!valid_number_set(transitions->epoch) || !valid_number_set(transitions->first_seq) ||
        !valid_number(transitions->last_seq) || count == 0 || count > VALID_PIECE_MAX ||
        transitions->last_seq - transitions->first_seq != count - 1) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const Zp__Transition *transition = transitions->transitions[i];
        if (transition->seq != transitions->first_seq + i || !valid_transition(transition)) {
            return false;
        }
    }
    return true;
}

bool valid_replay_reply(const Zp__ReplayReply *reply) {
    const Zp__Transitions *transitions = reply->transitions;
    return valid_answer(reply->outcome, reply->position) &&
           (!transitions || transitions->n_transitions == 0 || valid_transitions(transitions));
}

bool valid_online_query(const Zp__OnlineQuery *query) {
    return valid_text(query->after, 0, VALID_USER_ID_MAX_BYTES) && query->most > 0 &&
           query->most <= VALID_ONLINE_USERS_MAX;
}

bool valid_online_reply(const Zp__OnlineReply *reply) {
    if (!valid_answer(reply->outcome, reply->position) || !valid_number(reply->total) ||
        reply->n_users > VALID_ONLINE_USERS_MAX) {
        return false;
    }
    for (size_t i = 0; i < reply->n_users; i++) {
        const Zp__OnlineUser *user = reply->users[i];
        if (!user->state || !valid_user_state(user->state) ||
            !valid_text(user->device, 0, VALID_DEVICE_MAX_BYTES) ||
            (i > 0 && strcmp(reply->users[i - 1]->state->user_id, user->state->user_id) >= 0)) {
            return false;
        }
    }
    return true;
}

bool valid_status_query(const Zp__StatusQuery *query) {
    return valid_user_ids(query->user_ids, query->n_user_ids, VALID_QUERY_USERS_MAX);
}

bool valid_status_reply(const Zp__StatusReply *reply) {
    return valid_outcome(reply->outcome) && valid_number(reply->epoch) &&
           valid_user_states(reply->users, reply->n_users, VALID_QUERY_USERS_MAX);
}
