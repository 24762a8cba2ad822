#include "services/presence-core/explanation.h"
#include "proto/valid_fields.h"
#include "services/presence-core/core/record.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/rows.h"
#include "services/presence-core/transitions.h"

enum { SPEAKER_COLUMNS = 8, USER_PARTS = 4 };

static const struct {
    const char *text;
    Zp__SpeakerState state;
} STATES[] = {
    {"leased", ZP__SPEAKER_STATE__SPEAKER_LEASED},
    {"lease-over", ZP__SPEAKER_STATE__SPEAKER_LEASE_OVER},
    {"ends", ZP__SPEAKER_STATE__SPEAKER_ENDS},
    {"lingers", ZP__SPEAKER_STATE__SPEAKER_LINGERS},
};

static Zp__SpeakerState state_of(str_view text) {
    for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++) {
        if (str_view_equal(text, str_view_of(STATES[i].text))) {
            return STATES[i].state;
        }
    }
    return ZP__SPEAKER_STATE__SPEAKER_UNKNOWN;
}

/* "-": none. "" also for a text that would end early on the bus. */
static char *text_of(redisReply *reply) {
    str_view text = reply_text(reply);
    bool is_text = text.len > 0 && strlen(text.ptr) == text.len && strcmp(text.ptr, "-") != 0;
    return is_text ? reply->str : "";
}

/* False: the bus would refuse it. */
static bool read_speaker(Zp__Speaker *speaker, redisReply **row) {
    presence_status status = STATUS_OFFLINE;
    str_view letter = reply_text(row[6]);
    zp__speaker__init(speaker);
    speaker->source = text_of(row[0]);
    speaker->edge = text_of(row[1]);
    speaker->state = state_of(reply_text(row[2]));
    speaker->ends_in_ms = reply_number(row[3]);
    speaker->connection_id = text_of(row[4]);
    speaker->device = text_of(row[5]);
    if (letter.len != 1 || !status_from_letter(letter.ptr[0], &status)) {
        return false;
    }
    speaker->status = (Zp__Status)status;
    speaker->opened_at_ms = reply_number(row[7]);
    return speaker_valid(speaker);
}

static void read_speakers(explanation_t *explanation, const redisReply *rows, Zp__ExplainReply *body) {
    size_t count = rows_count(rows, SPEAKER_COLUMNS);
    body->speakers = explanation->speaker_pointers;
    for (size_t i = 0; i < count && body->n_speakers < SPEAKERS_MAX; i++) {
        Zp__Speaker *speaker = &explanation->speakers[body->n_speakers];
        if (read_speaker(speaker, rows->element + i * SPEAKER_COLUMNS)) {
            explanation->speaker_pointers[body->n_speakers++] = speaker;
        }
    }
}

static void read_transitions(explanation_t *explanation, const redisReply *records, Zp__ExplainReply *body) {
    size_t count = records->type == REDIS_REPLY_ARRAY ? records->elements : 0;
    body->transitions = explanation->transition_pointers;
    for (size_t i = 0; i < count && body->n_transitions < VALID_EXPLAINED_MAX; i++) {
        Zp__Transition *transition = &explanation->transitions[body->n_transitions];
        if (transition_read(transition, records->element[i]) == ZP_OK && valid_transition(transition)) {
            explanation->transition_pointers[body->n_transitions++] = transition;
        }
    }
}

void explanation_read(explanation_t *explanation, const redisReply *reply, char *user_id,
                      Zp__ExplainReply *body) {
    Zp__UserState *user = &explanation->user;
    const redisReply *parts = reply->element[1];
    zp__user_state__init(user);
    user->user_id = user_id;
    if (reply_has(parts, USER_PARTS)) {
        user->status = (Zp__Status)reply_status(parts->element[0]);
        user->last_seen_ms = reply_number(parts->element[1]);
        user->since_ms = reply_number(parts->element[2]);
        user->seq = reply_number(parts->element[3]);
    }
    body->user = user;
    read_speakers(explanation, reply->element[2], body);
    read_transitions(explanation, reply->element[3], body);
    body->complete = reply_number(reply->element[4]) != 0;
    body->log_from_ms = reply_number(reply->element[5]);
}
