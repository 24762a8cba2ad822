/* beats - every peer says each second that it lives, and in the last one that it ends; an edge's lease is
 * renewed by them. */
#include "common/log/log.h"
#include "proto/api_core.pb-c.h"
#include "proto/edge_core.pb-c.h"
#include "proto/fanout_core.pb-c.h"
#include "proto/watcher_core.pb-c.h"
#include "services/presence-core/process_json.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* A BeatReply in the envelope of its arrow. */
typedef union envelope {
    Zp__CoreToEdge edge;
    Zp__CoreToWatcher watcher;
    Zp__CoreToFanout fanout;
    Zp__CoreToApi api;
} envelope_t;

static const ProtobufCMessage *wrap(envelope_t *envelope, arrow_t arrow, Zp__BeatReply *reply) {
    switch (arrow) {
    case ARROW_EDGE:
        zp__core_to_edge__init(&envelope->edge);
        envelope->edge.body_case = ZP__CORE_TO_EDGE__BODY_BEAT_REPLY;
        envelope->edge.beat_reply = reply;
        return &envelope->edge.base;
    case ARROW_WATCHER:
        zp__core_to_watcher__init(&envelope->watcher);
        envelope->watcher.body_case = ZP__CORE_TO_WATCHER__BODY_BEAT_REPLY;
        envelope->watcher.beat_reply = reply;
        return &envelope->watcher.base;
    case ARROW_FANOUT:
        zp__core_to_fanout__init(&envelope->fanout);
        envelope->fanout.body_case = ZP__CORE_TO_FANOUT__BODY_BEAT_REPLY;
        envelope->fanout.beat_reply = reply;
        return &envelope->fanout.base;
    case ARROW_API:
        zp__core_to_api__init(&envelope->api);
        envelope->api.body_case = ZP__CORE_TO_API__BODY_BEAT_REPLY;
        envelope->api.beat_reply = reply;
        return &envelope->api.base;
    case ARROWS_COUNT:
        break;
    }
    assert(false);
    return NULL;
}

static void answer(request_t *request, Zp__Outcome outcome, Zp__Position *position, bool rebuilding) {
    envelope_t envelope;
    Zp__BeatReply reply = ZP__BEAT_REPLY__INIT;
    reply.outcome = outcome;
    reply.position = position;
    reply.rebuilding = rebuilding;
    reply.incarnation = request->echo;
    const presence_core *core = request->core;
    uint64_t redis_ms = epoch_keeper_redis_time_in(core->keeper, 0);
    reply.redis_time_ms = redis_ms == REDIS_TIME_NEVER ? 0 : redis_ms;
    request_answer(request, wrap(&envelope, request->arrow, &reply));
    request_end(request);
}

static void answer_unavailable(request_t *request) {
    const presence_core *core = request->core;
    Zp__Position position;
    answer(request, ZP__OUTCOME__OUTCOME_UNAVAILABLE, known_position(core, &position),
           epoch_keeper_is_rebuilding(core->keeper));
}

static void on_beat_answer(void *context, call_result result, const script_call_t *call,
                           const redisReply *reply) {
    (void)call;
    request_t *request = context;
    const presence_core *core = request->core;
    if (request_check_reply(request, result, reply, 3) != ZP_OK) {
        answer_unavailable(request);
        return;
    }
    Zp__Position position;
    request_position(request, reply->element[1], &position);
    bool held = reply_number(reply->element[0]) != 0;
    metrics_add(core->process.metrics, METRIC_CORE_FENCED, held ? 0 : 1);
    str_view identity = str_view_make(request->identity, request->identity_bytes);
    if (core->kicks && reply_has(reply, 4) && reply->element[3]->elements > 0) {
        kicks_tell(core->kicks, request->router, identity, str_view_of(request->echo), reply->element[3]);
    }
    answer(request, held ? ZP__OUTCOME__OUTCOME_OK : ZP__OUTCOME__OUTCOME_FENCED, &position,
           reply_number(reply->element[2]) != 0);
}

/* beat.lua's own arguments. False: out of memory. */
static bool add_beat(arguments_t *arguments, const presence_core *core, const Zp__ProcessInfo *process,
                     const char *incarnation, uint64_t number) {
    char *json = process_json_dup(process);
    if (!json) {
        return false;
    }
    arguments_add_number(arguments, config_ms(core->process.config, SETTING_EDGE_LEASE_MS));
    arguments_add(arguments, dash_if_empty(incarnation));
    arguments_add(arguments, str_view_of(process->name));
    arguments_add(arguments, str_view_of(json));
    arguments_add(arguments, str_view_of(core->kicks ? "1" : "0"));
    arguments_add_number(arguments, number);
    free(json);
    return true;
}

/* ended.lua's own arguments. False: out of memory. */
static bool add_ended(arguments_t *arguments, const Zp__ProcessInfo *process) {
    char *json = process_json_dup(process);
    if (!json) {
        return false;
    }
    arguments_add(arguments, str_view_of(process->name));
    arguments_add(arguments, str_view_of(json));
    free(json);
    return true;
}

static void on_ended_answer(void *context, call_result result, const script_call_t *call,
                            const redisReply *reply) {
    (void)call;
    request_t *request = context;
    Zp__Position position;
    if (request_check_reply(request, result, reply, 2) == ZP_OK) {
        request_position(request, reply->element[1], &position);
    }
    request_end(request);
}

/* Every core is told; where none can have it carried out, the process is silent until it is forgotten. */
static void receive_last(const question_t *question, const Zp__Beat *beat) {
    const presence_core *core = question->core;
    request_t *request = request_begin(question, 0);
    script_call_t *call =
        epoch_keeper_is_serving(core->keeper) ? request_begin_call(request, SCRIPT_ENDED) : NULL;
    if (!call) {
        request_end(request);
        return;
    }
    log_info("core.peer_ended", "process=%s", beat->process->name);
    if (!add_ended(&call->arguments, beat->process)) {
        call->arguments.out_of_memory = true; /* then it answers CALL_FAILED */
    }
    script_call_send(call, on_ended_answer, request);
}

void beats_receive(const question_t *question, const Zp__Beat *beat) {
    const presence_core *core = question->core;
    log_position seen = {0, 0};
    if (beat->seen) {
        seen = (log_position){beat->seen->epoch, beat->seen->seq};
    }
    epoch_keeper_note_beat(core->keeper, seen, str_view_of(beat->incarnation));
    if (beat->last) {
        receive_last(question, beat);
        return;
    }
    if (core->kicks && question->arrow == ARROW_EDGE) {
        kicks_note_edge(core->kicks, question->identity, str_view_of(beat->incarnation));
    }
    request_t *request = request_begin(question, 0);
    (void)snprintf(request->echo, sizeof request->echo, "%s", beat->incarnation);
    script_call_t *call =
        epoch_keeper_is_serving(core->keeper) ? request_begin_call(request, SCRIPT_BEAT) : NULL;
    if (!call) {
        answer_unavailable(request);
        return;
    }
    /* An http-api holds no lease. */
    const char *leased = question->arrow == ARROW_EDGE ? beat->incarnation : "";
    if (!add_beat(&call->arguments, core, beat->process, leased, beat->number)) {
        call->arguments.out_of_memory = true; /* then it answers CALL_FAILED */
    }
    script_call_send(call, on_beat_answer, request);
}

static void on_own_beat_answer(void *context, call_result result, const script_call_t *call,
                               const redisReply *reply) {
    (void)context;
    (void)result;
    (void)call;
    (void)reply; /* it is said again in a second; that this core ends, nobody waits for */
}

void beats_register_self(presence_core *core) {
    script_call_t *call = script_call_begin(epoch_keeper_scripts(core->keeper), SCRIPT_BEAT);
    Zp__ProcessInfo process;
    process_info(&core->process, &process);
    if (!call) {
        return;
    }
    if (!add_beat(&call->arguments, core, &process, "", 0)) {
        call->arguments.out_of_memory = true;
    }
    script_call_send(call, on_own_beat_answer, NULL);
}

void beats_strike_self(presence_core *core) {
    script_call_t *call = script_call_begin(epoch_keeper_scripts(core->keeper), SCRIPT_ENDED);
    Zp__ProcessInfo process;
    process_info(&core->process, &process);
    if (!call) {
        return;
    }
    if (!add_ended(&call->arguments, &process)) {
        call->arguments.out_of_memory = true;
    }
    script_call_send(call, on_own_beat_answer, NULL);
}
