/* api_requests - what http-api asks: the states of users (status_query.c), why one is as they are
 * (explain_query.c), who is there (online_query.c), what happened (replay_query.c), lists of users
 * (directory_query.c), accounts (account_query.c), and how the service itself does; and what HTTP clients say
 * of themselves (heartbeats.c). */
#include "proto/valid.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include "services/presence-core/rows.h"
#include <stdlib.h>

enum { SERVICE_FORGET_MS = 60000 }; /* silence after which a process is no longer listed */

static void fill_services_reply(Zp__CoreToApi *message, Zp__ServicesReply *body, uint64_t id,
                                Zp__Outcome outcome, Zp__Position *position) {
    zp__services_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    body->position = position;
    zp__core_to_api__init(message);
    message->body_case = ZP__CORE_TO_API__BODY_SERVICES_REPLY;
    message->services_reply = body;
}

static void tell_trouble(const presence_core *core, Zp__ServicesReply *body) {
    const char *trouble = epoch_keeper_trouble(core->keeper);
    body->trouble = (char *)(trouble ? trouble : "Redis did not do what it was asked");
}

static void services_unavailable(request_t *request) {
    Zp__CoreToApi message;
    Zp__ServicesReply body;
    Zp__Position position;
    const presence_core *core = request->core;
    fill_services_reply(&message, &body, request->id, ZP__OUTCOME__OUTCOME_UNAVAILABLE,
                        known_position(core, &position));
    tell_trouble(core, &body);
    request_answer(request, &message.base);
    request_end(request);
}

static void answer_services(request_t *request, const redisReply *reply, service_list *list) {
    Zp__CoreToApi message;
    Zp__ServicesReply body;
    Zp__Position position;
    request_position(request, reply->element[0], &position);
    fill_services_reply(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK, &position);
    body.rebuilding = reply_number(reply->element[1]) != 0;
    body.clock_ms = reply_number(reply->element[2]);
    body.clock_age_ms = reply_number(reply->element[3]);
    body.users_online = reply_number(reply->element[4]);
    rows_read_services(reply->element[5], list);
    body.users_away = reply_number(reply->element[6]);
    body.users_busy = reply_number(reply->element[7]);
    body.n_services = list->count;
    body.services = list->pointers;
    request_answer(request, &message.base);
    request_end(request);
    service_list_clear(list);
}

static void on_services_answer(void *context, call_result result, const script_call_t *call,
                               const redisReply *reply) {
    (void)call;
    request_t *request = context;
    service_list *list = calloc(1, sizeof *list);
    if (list && request_check_reply(request, result, reply, 8) == ZP_OK) {
        answer_services(request, reply, list);
    } else {
        services_unavailable(request);
    }
    free(list);
}

static void receive_services_query(const question_t *question, const Zp__ServicesQuery *query) {
    const presence_core *core = question->core;
    if (!epoch_keeper_is_serving(core->keeper)) {
        Zp__CoreToApi message;
        Zp__ServicesReply body;
        Zp__Position position;
        fill_services_reply(&message, &body, query->request_id, ZP__OUTCOME__OUTCOME_UNAVAILABLE,
                            known_position(core, &position));
        tell_trouble(core, &body);
        question_answer(question, &message.base);
        return;
    }
    request_t *request = request_begin(question, query->request_id);
    script_call_t *call = request_begin_call(request, SCRIPT_SERVICES);
    if (!call) {
        services_unavailable(request);
        return;
    }
    arguments_add_number(&call->arguments, SERVICE_FORGET_MS);
    script_call_send(call, on_services_answer, request);
}

static void refuse(const question_t *question, const Zp__ApiToCore *message) {
    question_refuse(question);
    if (message->body_case == ZP__API_TO_CORE__BODY_STATUS_QUERY) {
        status_query_answer(question, message->status_query->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__API_TO_CORE__BODY_EXPLAIN_QUERY) {
        explain_query_answer(question, message->explain_query->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__API_TO_CORE__BODY_HEARTBEATS) {
        heartbeats_answer(question, message->heartbeats->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__API_TO_CORE__BODY_DIRECTORY_QUERY) {
        directory_query_answer(question, message->directory_query->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__API_TO_CORE__BODY_ACCOUNT_QUERY) {
        account_query_answer(question, message->account_query->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__API_TO_CORE__BODY_ONLINE_QUERY) {
        online_query_answer(question, message->online_query->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__API_TO_CORE__BODY_REPLAY) {
        replay_query_answer(question, message->replay->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    }
}

void api_requests_receive(const question_t *question) {
    const Zp__ApiToCore *message =
        (const Zp__ApiToCore *)question_unpack(question, &zp__api_to_core__descriptor);
    if (!message) {
        return;
    }
    if (!api_to_core_valid(message)) {
        refuse(question, message);
        return;
    }
    switch (message->body_case) {
    case ZP__API_TO_CORE__BODY_BEAT:
        beats_receive(question, message->beat);
        break;
    case ZP__API_TO_CORE__BODY_STATUS_QUERY:
        status_query_receive(question, message->status_query);
        break;
    case ZP__API_TO_CORE__BODY_EXPLAIN_QUERY:
        explain_query_receive(question, message->explain_query);
        break;
    case ZP__API_TO_CORE__BODY_ACCOUNT_QUERY:
        account_query_receive(question, message->account_query);
        break;
    case ZP__API_TO_CORE__BODY_ONLINE_QUERY:
        online_query_receive(question, message->online_query);
        break;
    case ZP__API_TO_CORE__BODY_REPLAY:
        replay_query_receive(question, message->replay);
        break;
    case ZP__API_TO_CORE__BODY_SERVICES_QUERY:
        receive_services_query(question, message->services_query);
        break;
    case ZP__API_TO_CORE__BODY_HEARTBEATS:
        heartbeats_receive(question, message->heartbeats);
        break;
    case ZP__API_TO_CORE__BODY_DIRECTORY_QUERY:
        directory_query_receive(question, message->directory_query);
        break;
    case ZP__API_TO_CORE__BODY__NOT_SET:
    case _ZP__API_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break; /* not valid */
    }
}
