#include "services/http-api/explain_query.h"
#include "services/http-api/asking.h"
#include "services/http-api/core/explain_json.h"
#include "services/http-api/core/whole_number.h"
#include "services/http-api/core_questions.h"

enum { LIMIT_DEFAULT = 20 };

static explained_state state_of(Zp__SpeakerState state) {
    switch (state) {
    case ZP__SPEAKER_STATE__SPEAKER_LEASED:
        return EXPLAINED_LEASED;
    case ZP__SPEAKER_STATE__SPEAKER_LEASE_OVER:
        return EXPLAINED_LEASE_OVER;
    case ZP__SPEAKER_STATE__SPEAKER_LINGERS:
        return EXPLAINED_LINGERS;
    case ZP__SPEAKER_STATE__SPEAKER_ENDS:
    case ZP__SPEAKER_STATE__SPEAKER_UNKNOWN: /* not valid */
    case _ZP__SPEAKER_STATE_IS_INT_SIZE:
        break;
    }
    return EXPLAINED_ENDS;
}

static void add_speaker(text_buffer *body, const Zp__Speaker *speaker) {
    const explained_connection connection = {
        .source = speaker->source,
        .edge = speaker->edge,
        .connection_id = speaker->connection_id,
        .device = speaker->device,
        .state = state_of(speaker->state),
        .status = (presence_status)speaker->status,
        .ends_in_ms = speaker->ends_in_ms,
        .opened_at_ms = speaker->opened_at_ms,
    };
    explain_json_add_connection(body, &connection);
}

static void add_transition(text_buffer *body, const Zp__Transition *transition) {
    const explained_transition explained = {
        .seq = transition->seq,
        .at_ms = transition->at_ms,
        .last_seen_ms = transition->last_seen_ms,
        .from = (presence_status)transition->from,
        .to = (presence_status)transition->to,
        .reason = transition->reason,
        .edge = transition->edge,
    };
    explain_json_add_transition(body, &explained);
}

static void answer_with(http_request_t *request, const Zp__ExplainReply *reply) {
    text_buffer body = {0};
    const explained_user user = {
        .user_id = reply->user->user_id,
        .status = (presence_status)reply->user->status,
        .last_seen_ms = reply->user->last_seen_ms,
        .since_ms = reply->user->since_ms,
        .seq = reply->user->seq,
        .epoch = reply->position->epoch,
    };
    explain_json_begin(&body, &user);
    for (size_t i = 0; i < reply->n_speakers; i++) {
        add_speaker(&body, reply->speakers[i]);
    }
    explain_json_begin_transitions(&body);
    for (size_t i = 0; i < reply->n_transitions; i++) {
        add_transition(&body, reply->transitions[i]);
    }
    explain_json_end(&body, reply->log_from_ms, reply->complete);
    http_request_answer(request, MHD_HTTP_OK, "application/json", &body);
}

static void on_answer(void *context, const Zp__CoreToApi *answer) {
    http_request_t *request = context;
    const Zp__ExplainReply *reply = answer ? answer->explain_reply : NULL;
    const char *details = NULL;
    api_error error = asking_refusal(reply ? &reply->outcome : NULL, &details);
    if (error == API_OK) {
        answer_with(request, reply);
    } else {
        http_request_refuse(request, error, details);
    }
}

/* NULL where it is no user id. */
static const char *user_asked(const http_request_t *request) {
    str_view user = http_request_segment(request, 0);
    return asking_is_user(user) ? user.ptr : NULL;
}

void explain_query_handle(core_link_t *cores, http_request_t *request) {
    str_view limit_text;
    uint64_t limit = LIMIT_DEFAULT;
    const char *user = user_asked(request);
    if (!http_request_query(request, "limit", &limit_text)) {
        http_request_refuse(request, API_MALFORMED_TARGET, NULL);
    } else if (limit_text.ptr && !whole_number_parse(limit_text, 1, VALID_EXPLAINED_MAX, &limit)) {
        http_request_refuse(request, API_INVALID_LIMIT, "1 to 100");
    } else if (!user) {
        http_request_refuse(request, API_INVALID_USER, NULL);
    } else if (ask_explain(cores, user, (uint32_t)limit, on_answer, request) != ZP_OK) {
        http_request_refuse(request, API_UNAVAILABLE, "too many questions are under way");
    } else {
        http_request_wait(request);
    }
}
