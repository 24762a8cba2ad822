#include "services/presence-core/requests.h"
#include "services/presence-core/reply.h"

script_call_t *request_begin_call(request_t *request, script_id script) {
    const presence_core *core = request->core;
    request->epoch = epoch_keeper_position(core->keeper).epoch;
    return script_call_begin(epoch_keeper_scripts(core->keeper), script);
}

zp_error request_check_reply(request_t *request, call_result result, const redisReply *reply,
                             size_t elements) {
    const presence_core *core = request->core;
    switch (result) {
    case CALL_ANSWERED:
        return reply_has(reply, elements) ? ZP_OK : ZP_UNAVAILABLE;
    case CALL_OTHER_EPOCH:
        epoch_keeper_other_epoch(core->keeper, request->epoch);
        break;
    case CALL_FAILED:
        break;
    }
    return ZP_UNAVAILABLE;
}

void request_unavailable(request_t *request, outcome_answer_fn *answer) {
    question_t question = {.core = request->core,
                           .router = request->router,
                           .arrow = request->arrow,
                           .identity = str_view_make(request->identity, request->identity_bytes)};
    answer(&question, request->id, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
    request_end(request);
}

script_call_t *request_open(const question_t *question, uint64_t id, script_id script,
                            outcome_answer_fn *answer, request_t **ret_request) {
    const presence_core *core = question->core;
    if (!epoch_keeper_is_serving(core->keeper)) {
        answer(question, id, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
        return NULL;
    }
    request_t *request = request_begin(question, id);
    script_call_t *call = request_begin_call(request, script);
    if (!call) {
        request_unavailable(request, answer);
        return NULL;
    }
    *ret_request = request;
    return call;
}

void request_position(request_t *request, const redisReply *seq, Zp__Position *position) {
    const presence_core *core = request->core;
    zp__position__init(position);
    position->epoch = request->epoch;
    position->seq = reply_number(seq);
    epoch_keeper_note_seq(core->keeper, position->epoch, position->seq);
}

Zp__Position *known_position(const presence_core *core, Zp__Position *position) {
    log_position known = epoch_keeper_position(core->keeper);
    zp__position__init(position);
    position->epoch = known.epoch;
    position->seq = known.seq;
    return known.epoch > 0 ? position : NULL;
}

str_view dash_if_empty(const char *text) {
    return str_view_of(text[0] ? text : "-");
}
