#include "services/presence-core/transitions.h"
#include "proto/valid.h"
#include "services/presence-core/core/record.h"
#include "services/presence-core/reply.h"

zp_error transition_read(Zp__Transition *ret_transition, const redisReply *record) {
    record_t cut;
    if (record->type != REDIS_REPLY_STRING || record_cut(record->str, record->len, &cut) != ZP_OK) {
        return ZP_INVALID;
    }
    zp__transition__init(ret_transition);
    ret_transition->seq = cut.seq;
    ret_transition->user_id = cut.user_id;
    ret_transition->from = (Zp__Status)cut.from;
    ret_transition->to = (Zp__Status)cut.to;
    ret_transition->at_ms = cut.at_ms;
    ret_transition->reason = cut.reason;
    ret_transition->edge = cut.edge;
    ret_transition->last_seen_ms = cut.last_seen_ms;
    return ZP_OK;
}

/* As the receivers will ask: what they would refuse must not be sent, or they ask for it again and again. */
static bool is_valid(Zp__Transitions *message) {
    Zp__CoreBroadcast broadcast = ZP__CORE_BROADCAST__INIT;
    broadcast.body_case = ZP__CORE_BROADCAST__BODY_TRANSITIONS;
    broadcast.transitions = message;
    return core_broadcast_valid(&broadcast);
}

zp_error transitions_read(transitions_t *transitions, uint64_t epoch, const redisReply *records) {
    if (!reply_has(records, 1) || records->elements > TRANSITIONS_MAX) {
        return ZP_INVALID;
    }
    Zp__Transitions *message = &transitions->message;
    zp__transitions__init(message);
    for (size_t i = 0; i < records->elements; i++) {
        if (transition_read(&transitions->items[i], records->element[i]) != ZP_OK) {
            return ZP_INVALID;
        }
        transitions->pointers[i] = &transitions->items[i];
    }
    message->epoch = epoch;
    message->first_seq = transitions->items[0].seq;
    message->last_seq = transitions->items[records->elements - 1].seq;
    message->n_transitions = records->elements;
    message->transitions = transitions->pointers;
    return is_valid(message) ? ZP_OK : ZP_INVALID;
}
