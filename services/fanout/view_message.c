#include "services/fanout/view_message.h"
#include "common/bus/bus_pack.h"
#include "proto/subscriber_fanout.pb-c.h"
#include <stdlib.h>

enum { PIECE_USERS = 1000 };

struct view_message {
    bus_buffer packed;
    Zp__UserState users[PIECE_USERS];
    Zp__UserState *user_list[PIECE_USERS];
    size_t users_count;
    log_position position;
    uint64_t generation;
    view_message_send_fn *send;
    void *context;
    bool first, sending;
};

view_message_t *view_message_new(void) {
    return calloc(1, sizeof(view_message_t));
}

void view_message_destroy(view_message_t **message) {
    if (*message) {
        bus_buffer_free(&(*message)->packed);
        free(*message);
        *message = NULL;
    }
}

static void send_piece(view_message_t *message, bool last) {
    Zp__FanoutToSubscriber envelope = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__View view = ZP__VIEW__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    position.epoch = message->position.epoch;
    position.seq = message->position.seq;
    view.generation = message->generation;
    view.position = &position;
    view.users = message->user_list;
    view.n_users = message->users_count;
    view.first = message->first;
    view.last = last;
    envelope.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW;
    envelope.view = &view;
    message->sending = message->send(message->context, bus_pack(&message->packed, &envelope.base));
    message->first = false;
    message->users_count = 0;
}

void view_message_fill(Zp__UserState *state, const view_user *user, uint64_t epoch) {
    zp__user_state__init(state);
    state->user_id = (char *)user->user_id.ptr; /* packing only reads it */
    state->status = (Zp__Status)user->status;
    state->last_seen_ms = user->last_seen_ms;
    state->since_ms = user->since_ms;
    /* A seq of another epoch says nothing in this one. */
    state->seq = user->position.epoch == epoch ? user->position.seq : 0;
}

static void add_user(void *context, const view_user *user, presence_status status) {
    view_message_t *message = context;
    (void)status; /* the user's own */
    if (!message->sending) {
        return;
    }
    if (message->users_count == PIECE_USERS) {
        send_piece(message, false);
    }
    Zp__UserState *state = &message->users[message->users_count];
    view_message_fill(state, user, message->position.epoch);
    message->user_list[message->users_count++] = state;
}

bool view_message_send(view_message_t *message, const view_t *view, log_position position,
                       uint64_t generation, view_message_send_fn *send, void *context) {
    message->position = position;
    message->generation = generation;
    message->send = send;
    message->context = context;
    message->users_count = 0;
    message->first = message->sending = true;
    view_walk(view, add_user, message);
    if (message->sending) {
        send_piece(message, true);
    }
    return message->sending;
}
