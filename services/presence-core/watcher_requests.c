/* watcher_requests - what an expiry-watcher asks: ticks of the service clock, and hints of expired mirrors.
 */
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "proto/valid.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include <stdlib.h>

static void fill_tick_reply(Zp__CoreToWatcher *message, Zp__TickReply *body, uint64_t id,
                            Zp__Outcome outcome) {
    zp__tick_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    zp__core_to_watcher__init(message);
    message->body_case = ZP__CORE_TO_WATCHER__BODY_TICK_REPLY;
    message->tick_reply = body;
}

static void tick_unavailable(request_t *request) {
    Zp__CoreToWatcher message;
    Zp__TickReply body;
    fill_tick_reply(&message, &body, request->id, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
    request_answer(request, &message.base);
    request_end(request);
}

static void on_tick_answer(void *context, call_result result, const script_call_t *call,
                           const redisReply *reply) {
    (void)call;
    request_t *request = context;
    const presence_core *core = request->core;
    if (request_check_reply(request, result, reply, 7) != ZP_OK) {
        tick_unavailable(request);
        return;
    }
    if (reply->element[5]->elements > 0 && FAULT(AFTER_TICK)) {
        abort();
    }
    epoch_keeper_note_seq(core->keeper, request->epoch, reply_number(reply->element[1]));
    broadcaster_transitions(core->broadcaster, request->epoch, reply->element[5]);
    Zp__CoreToWatcher message;
    Zp__TickReply body;
    fill_tick_reply(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK);
    body.clock_ms = reply_number(reply->element[0]);
    body.suspended = (uint32_t)reply_number(reply->element[2]);
    body.ended = (uint32_t)reply_number(reply->element[3]);
    body.more = reply_number(reply->element[4]) != 0;
    metrics_t *metrics = core->process.metrics;
    metrics_add(metrics, METRIC_CORE_TICKS, 1);
    metrics_add(metrics, METRIC_CORE_SUSPENDED, body.suspended);
    metrics_add(metrics, METRIC_CORE_MIRRORS_RESTORED, (int64_t)reply_number(reply->element[6]));
    request_answer(request, &message.base);
    request_end(request);
}

static void receive_tick(const question_t *question, const Zp__Tick *tick) {
    const presence_core *core = question->core;
    const config_t *config = core->process.config;
    if (!epoch_keeper_is_serving(core->keeper)) {
        Zp__CoreToWatcher message;
        Zp__TickReply body;
        fill_tick_reply(&message, &body, tick->request_id, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
        question_answer(question, &message.base);
        return;
    }
    request_t *request = request_begin(question, tick->request_id);
    script_call_t *call = request_begin_call(request, SCRIPT_TICK);
    if (!call) {
        tick_unavailable(request);
        return;
    }
    arguments_add_number(&call->arguments, config_ms(config, SETTING_RECONNECT_GRACE_MS));
    arguments_add_number(&call->arguments,
                         FAULT(NO_SWEEP) ? 0 : (uint64_t)config_integer(config, SETTING_SWEEP_BATCH));
    script_call_send(call, on_tick_answer, request);
}

static void on_examine_answer(void *context, call_result result, const script_call_t *call,
                              const redisReply *reply) {
    (void)call;
    request_t *request = context;
    const presence_core *core = request->core;
    if (request_check_reply(request, result, reply, 3) == ZP_OK) {
        epoch_keeper_note_seq(core->keeper, request->epoch, reply_number(reply->element[0]));
        metrics_add(core->process.metrics, METRIC_CORE_MIRRORS_RESTORED,
                    (int64_t)reply_number(reply->element[1]));
        broadcaster_transitions(core->broadcaster, request->epoch, reply->element[2]);
    }
    request_end(request);
}

/* Not answered: the sweep finds what a lost hint would have told. */
static void receive_hint(const question_t *question, const Zp__Hint *hint) {
    const presence_core *core = question->core;
    if (!epoch_keeper_is_serving(core->keeper) || FAULT(NO_SWEEP)) {
        return;
    }
    request_t *request = request_begin(question, 0);
    script_call_t *call = request_begin_call(request, SCRIPT_EXAMINE);
    if (!call) {
        request_end(request);
        return;
    }
    for (size_t i = 0; i < hint->n_user_ids; i++) {
        arguments_add(&call->arguments, str_view_of(hint->user_ids[i]));
    }
    script_call_send(call, on_examine_answer, request);
}

static void refuse(const question_t *question, const Zp__WatcherToCore *message) {
    question_refuse(question);
    if (message->body_case == ZP__WATCHER_TO_CORE__BODY_TICK) {
        Zp__CoreToWatcher answer;
        Zp__TickReply body;
        fill_tick_reply(&answer, &body, message->tick->request_id, ZP__OUTCOME__OUTCOME_INVALID);
        question_answer(question, &answer.base);
    }
}

void watcher_requests_receive(const question_t *question) {
    const Zp__WatcherToCore *message =
        (const Zp__WatcherToCore *)question_unpack(question, &zp__watcher_to_core__descriptor);
    if (!message) {
        return;
    }
    if (!watcher_to_core_valid(message)) {
        refuse(question, message);
        return;
    }
    switch (message->body_case) {
    case ZP__WATCHER_TO_CORE__BODY_BEAT:
        beats_receive(question, message->beat);
        break;
    case ZP__WATCHER_TO_CORE__BODY_TICK:
        receive_tick(question, message->tick);
        break;
    case ZP__WATCHER_TO_CORE__BODY_HINT:
        receive_hint(question, message->hint);
        break;
    case ZP__WATCHER_TO_CORE__BODY__NOT_SET:
    case _ZP__WATCHER_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break; /* not valid */
    }
}
