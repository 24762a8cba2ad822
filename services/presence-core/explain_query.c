/* explain_query - why one user is shown as they are: who speaks for them, and their last transitions. */
#include "services/presence-core/explanation.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include <stdio.h>

/* Answers are packed before the next is filled: one is enough. */
static explanation_t explanation;

static void fill(Zp__CoreToApi *message, Zp__ExplainReply *body, uint64_t id, Zp__Outcome outcome,
                 Zp__Position *position) {
    zp__explain_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    body->position = position;
    zp__core_to_api__init(message);
    message->body_case = ZP__CORE_TO_API__BODY_EXPLAIN_REPLY;
    message->explain_reply = body;
}

void explain_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    Zp__CoreToApi message;
    Zp__ExplainReply body;
    Zp__Position position;
    fill(&message, &body, id, outcome, known_position(question->core, &position));
    question_answer(question, &message.base);
}

static void on_answer(void *context, call_result result, const script_call_t *call, const redisReply *reply) {
    request_t *request = context;
    if (request_check_reply(request, result, reply, EXPLANATION_PARTS) != ZP_OK) {
        request_unavailable(request, explain_query_answer);
        return;
    }
    Zp__CoreToApi message;
    Zp__ExplainReply body;
    Zp__Position position;
    char user_id[VALID_USER_ID_MAX_BYTES + 1];
    str_view asked = arguments_get(&call->arguments, SCRIPT_ARGUMENTS_BEFORE);
    (void)snprintf(user_id, sizeof user_id, "%.*s", (int)asked.len, asked.ptr);
    request_position(request, reply->element[0], &position);
    fill(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK, &position);
    explanation_read(&explanation, reply, user_id, &body);
    request_answer(request, &message.base);
    request_end(request);
}

void explain_query_receive(const question_t *question, const Zp__ExplainQuery *query) {
    request_t *request;
    script_call_t *call =
        request_open(question, query->request_id, SCRIPT_EXPLAIN, explain_query_answer, &request);
    if (!call) {
        return;
    }
    arguments_add(&call->arguments, str_view_of(query->user_id));
    arguments_add_number(&call->arguments, query->most);
    script_call_send(call, on_answer, request);
}
