#include "services/fanout/watched_message.h"
#include "common/bus/bus_pack.h"
#include "proto/subscriber_fanout.pb-c.h"
#include "services/fanout/view_message.h"
#include <stdlib.h>

enum { PIECE_USERS = 1000 };

struct watched_message {
    bus_buffer packed;
    Zp__UserState users[PIECE_USERS];
    Zp__UserState *user_list[PIECE_USERS];
    char *offline[PIECE_USERS];
};

watched_message_t *watched_message_new(void) {
    return calloc(1, sizeof(watched_message_t));
}

void watched_message_destroy(watched_message_t **message) {
    if (*message) {
        bus_buffer_free(&(*message)->packed);
        free(*message);
        *message = NULL;
    }
}

static void add_user(watched_message_t *message, Zp__Watched *watched, const char *user_id,
                     const view_t *view) {
    view_user user;
    if (!view_find(view, str_view_of(user_id), &user)) {
        message->offline[watched->n_offline++] = (char *)user_id; /* packing only reads it */
        return;
    }
    Zp__UserState *state = &message->users[watched->n_users];
    user.user_id = str_view_of(user_id); /* NUL-terminated */
    view_message_fill(state, &user, watched->position->epoch);
    message->user_list[watched->n_users++] = state;
}

str_view watched_message_pack(watched_message_t *message, watch_set_t *set, const view_t *view,
                              log_position position, uint64_t generation, uint64_t number) {
    Zp__FanoutToSubscriber envelope = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__Watched watched = ZP__WATCHED__INIT;
    Zp__Position at = ZP__POSITION__INIT;
    at.epoch = position.epoch;
    at.seq = position.seq;
    watched.generation = generation;
    watched.number = number;
    watched.position = &at;
    watched.users = message->user_list;
    watched.offline = message->offline;
    const char *user_id = NULL;
    while (watched.n_users + watched.n_offline < PIECE_USERS && (user_id = watch_set_take_unanswered(set))) {
        add_user(message, &watched, user_id, view);
    }
    envelope.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_WATCHED;
    envelope.watched = &watched;
    return bus_pack(&message->packed, &envelope.base);
}
