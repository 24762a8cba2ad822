#include "services/fanout/core_messages.h"
#include <stdlib.h>

transition_batch *transition_batch_dup(const Zp__Transitions *transitions) {
    if (!transitions || transitions->n_transitions == 0) {
        return NULL;
    }
    size_t user_ids_bytes = 0;
    for (size_t i = 0; i < transitions->n_transitions; i++) {
        user_ids_bytes += strlen(transitions->transitions[i]->user_id);
    }
    transition_batch *batch = transition_batch_new(transitions->epoch, transitions->first_seq,
                                                   transitions->last_seq, user_ids_bytes);
    for (size_t i = 0; batch && i < transitions->n_transitions; i++) {
        const Zp__Transition *from = transitions->transitions[i];
        transition value = {str_view_of(from->user_id), (presence_status)from->to, from->at_ms,
                            from->last_seen_ms};
        transition_batch_set(batch, from->seq, &value);
    }
    return batch;
}

view_user *view_users_dup_list(const Zp__SnapshotReply *piece) {
    view_user *users = piece->n_users > 0 ? calloc(piece->n_users, sizeof(*users)) : NULL;
    for (size_t i = 0; users && i < piece->n_users; i++) {
        const Zp__UserState *from = piece->users[i];
        users[i] = (view_user){str_view_of(from->user_id),
                               (presence_status)from->status,
                               {0, from->seq},
                               from->last_seen_ms,
                               from->since_ms};
    }
    return users;
}

log_position log_position_of(const Zp__Position *position) {
    return position ? (log_position){position->epoch, position->seq} : (log_position){0};
}

feed_outcome feed_outcome_of(Zp__Outcome outcome) {
    switch (outcome) {
    case ZP__OUTCOME__OUTCOME_OK:
        return FEED_OK;
    case ZP__OUTCOME__OUTCOME_TRIMMED:
        return FEED_TRIMMED;
    case ZP__OUTCOME__OUTCOME_REBUILDING:
        return FEED_REBUILDING;
    case ZP__OUTCOME__OUTCOME_UNKNOWN:
    case ZP__OUTCOME__OUTCOME_FENCED:
    case ZP__OUTCOME__OUTCOME_UNAVAILABLE:
    case ZP__OUTCOME__OUTCOME_INVALID:
    case _ZP__OUTCOME_IS_INT_SIZE:
        break;
    }
    return FEED_LATER;
}
