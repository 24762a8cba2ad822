/* heartbeats - what HTTP clients say of themselves: many in one script call, acknowledged once Redis has it.
 */
#include "common/presence/status.h"
#include "common/runtime/fault.h"
#include "proto/valid.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include <stdlib.h>

enum { REPLY_PARTS = 5 }; /* as heartbeat.lua answers */

static void fill(Zp__CoreToApi *message, Zp__HeartbeatsReply *body, uint64_t id, Zp__Outcome outcome,
                 Zp__Position *position) {
    zp__heartbeats_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    body->position = position;
    zp__core_to_api__init(message);
    message->body_case = ZP__CORE_TO_API__BODY_HEARTBEATS_REPLY;
    message->heartbeats_reply = body;
}

void heartbeats_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    Zp__CoreToApi message;
    Zp__HeartbeatsReply body;
    Zp__Position position;
    fill(&message, &body, id, outcome, known_position(question->core, &position));
    question_answer(question, &message.base);
}

static void on_answer(void *context, call_result result, const script_call_t *call, const redisReply *reply) {
    (void)call;
    request_t *request = context;
    const presence_core *core = request->core;
    if (FAULT(AFTER_SCRIPT)) {
        abort();
    }
    if (request_check_reply(request, result, reply, REPLY_PARTS) != ZP_OK) {
        request_unavailable(request, heartbeats_answer);
        return;
    }
    Zp__CoreToApi message;
    Zp__HeartbeatsReply body;
    Zp__Position position;
    request_position(request, reply->element[1], &position);
    broadcaster_transitions(core->broadcaster, request->epoch, reply->element[4]);
    if (!FAULT(DROP_ACK)) {
        fill(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK, &position);
        body.at_ms = reply_number(reply->element[2]);
        body.clock_ms = reply_number(reply->element[3]);
        request_answer(request, &message.base);
    }
    request_end(request);
}

static void add_heartbeat(arguments_t *arguments, const Zp__Heartbeat *heartbeat) {
    char letter = status_letter((presence_status)heartbeat->status);
    arguments_add(arguments, str_view_of(heartbeat->user_id));
    arguments_add(arguments, str_view_of(heartbeat->socket_id));
    arguments_add(arguments, str_view_make(&letter, 1));
    arguments_add_number(arguments, heartbeat->heard_at_ms);
    arguments_add_number(arguments, heartbeat->silence_ms);
    arguments_add_number(arguments, heartbeat->first_heard_ms);
}

void heartbeats_receive(const question_t *question, const Zp__Heartbeats *heartbeats) {
    const presence_core *core = question->core;
    request_t *request;
    script_call_t *call =
        request_open(question, heartbeats->request_id, SCRIPT_HEARTBEAT, heartbeats_answer, &request);
    if (!call) {
        return;
    }
    metrics_add(core->process.metrics, METRIC_CORE_HEARTBEATS, (int64_t)heartbeats->n_heartbeats);
    arguments_t *arguments = &call->arguments;
    arguments_add(arguments, str_view_of(heartbeats->api));
    arguments_add_number(arguments, heartbeats->number);
    arguments_add_number(arguments, heartbeats->floor);
    arguments_add_number(arguments, heartbeats->complete ? 1 : 0);
    arguments_add_number(arguments, config_ms(core->process.config, SETTING_HTTP_PRESENCE_TTL));
    arguments_add_number(arguments, config_ms(core->process.config, SETTING_HTTP_OFFLINE_DELAY_MS));
    for (size_t i = 0; i < heartbeats->n_heartbeats; i++) {
        add_heartbeat(arguments, heartbeats->heartbeats[i]);
    }
    script_call_send(call, on_answer, request);
}
