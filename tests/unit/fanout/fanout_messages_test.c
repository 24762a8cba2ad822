/* The messages of fanout, read back by protobuf and by their validators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/valid.h"
#include "services/fanout/core_messages.h"
#include "services/fanout/updates_message.h"
#include "services/fanout/view_message.h"
#include "services/fanout/watched_message.h"

enum { ALL_FORMS = 15, USERS = 2500 };

static Zp__FanoutToSubscriber *unpacked(str_view payload) {
    Zp__FanoutToSubscriber *message =
        zp__fanout_to_subscriber__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    assert_non_null(message);
    assert_true(fanout_to_subscriber_valid(message));
    return message;
}

static void each_subscriber_gets_its_own_numbers_and_forms(void **state) {
    (void)state;
    update_batch *batch = update_batch_new();
    updates_message_t *message = updates_message_new();
    update_batch_add(batch, ALL_FORMS, str_view_of("ann"), (log_position){9, 41}, STATUS_OFFLINE,
                     STATUS_ONLINE, 1765535445123);
    update_batch_add(batch, ALL_FORMS, str_view_of("bob"), (log_position){9, 42}, STATUS_ONLINE, STATUS_AWAY,
                     1765535445124);
    assert_int_equal(batch->frames_encoded, 4 + 2); /* away shows in the full forms only */
    updates_message_begin(message, batch);

    Zp__FanoutToSubscriber *one = unpacked(
        updates_message_pack(message, WIRE_FORM_BIT(WIRE_MAP_BASIC) | WIRE_FORM_BIT(WIRE_MAP_FULL), 7, 300));
    assert_int_equal(one->body_case, ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES);
    const Zp__Updates *updates = one->updates;
    assert_int_equal(updates->generation, 7);
    assert_int_equal(updates->number, 300);
    assert_int_equal(updates->epoch, 9);
    assert_int_equal(updates->n_updates, 2);
    assert_string_equal(updates->updates[0]->user_id, "ann");
    assert_int_equal(updates->updates[0]->seq, 41);
    assert_int_equal(updates->updates[0]->n_frames, 2);
    assert_int_equal(updates->updates[1]->from, ZP__STATUS__STATUS_ONLINE);
    assert_int_equal(updates->updates[1]->to, ZP__STATUS__STATUS_AWAY);
    assert_int_equal(updates->updates[1]->at_ms, 1765535445124);
    assert_int_equal(updates->updates[1]->n_frames, 1);
    assert_int_equal(updates->updates[1]->frames[0]->wire_form, WIRE_MAP_FULL);
    char frame[CLIENT_UPDATE_MAX_BYTES];
    size_t len = 0;
    assert_true(client_frame_update(WIRE_MAP_FULL, str_view_of("bob"), STATUS_ONLINE, STATUS_AWAY,
                                    1765535445124, frame, &len));
    assert_int_equal(updates->updates[1]->frames[0]->payload.len, len);
    assert_memory_equal(updates->updates[1]->frames[0]->payload.data, frame, len);
    zp__fanout_to_subscriber__free_unpacked(one, NULL);

    Zp__FanoutToSubscriber *two =
        unpacked(updates_message_pack(message, WIRE_FORM_BIT(WIRE_ARRAY_BASIC), UINT64_C(1) << 52, 1));
    assert_true(two->updates->generation == UINT64_C(1) << 52);
    assert_int_equal(two->updates->updates[0]->n_frames, 1);
    assert_int_equal(two->updates->updates[1]->n_frames, 0);
    zp__fanout_to_subscriber__free_unpacked(two, NULL);

    Zp__FanoutToSubscriber *none = unpacked(updates_message_pack(message, 0, 1, 1));
    assert_int_equal(none->updates->n_updates, 2);
    assert_int_equal(none->updates->updates[0]->n_frames, 0);
    zp__fanout_to_subscriber__free_unpacked(none, NULL);
    updates_message_destroy(&message);
    free(batch);
}

static void a_new_batch_replaces_the_old_one(void **state) {
    (void)state;
    update_batch *batch = update_batch_new();
    updates_message_t *message = updates_message_new();
    update_batch_add(batch, 1, str_view_of("ann"), (log_position){9, 41}, STATUS_OFFLINE, STATUS_ONLINE, 1);
    updates_message_begin(message, batch);
    updates_message_pack(message, 1, 1, 1);
    batch->count = 0;
    update_batch_add(batch, 1, str_view_of("eve"), (log_position){10, 1}, STATUS_OFFLINE, STATUS_ONLINE, 1);
    updates_message_begin(message, batch);
    Zp__FanoutToSubscriber *read = unpacked(updates_message_pack(message, 1, 1, 2));
    assert_string_equal(read->updates->updates[0]->user_id, "eve");
    assert_int_equal(read->updates->epoch, 10);
    zp__fanout_to_subscriber__free_unpacked(read, NULL);
    updates_message_destroy(&message);
    free(batch);
}

static void a_batch_is_bounded_and_of_one_epoch(void **state) {
    (void)state;
    update_batch *batch = update_batch_new();
    updates_message_t *message = updates_message_new();
    char user[USER_ID_MAX_BYTES];
    memset(user, 'x', sizeof(user));
    for (uint64_t i = 0; i < UPDATE_BATCH_MAX; i++) {
        assert_true(update_batch_takes(batch, (log_position){9, i}));
        assert_true(i == 0 || !update_batch_takes(batch, (log_position){10, i}));
        update_batch_add(batch, ALL_FORMS, str_view_make(user, sizeof(user)), (log_position){9, i},
                         STATUS_ONLINE, STATUS_OFFLINE, i);
    }
    assert_false(update_batch_takes(batch, (log_position){9, 999}));
    updates_message_begin(message, batch);
    Zp__FanoutToSubscriber *read = unpacked(updates_message_pack(message, ALL_FORMS, 1, 1));
    assert_int_equal(read->updates->n_updates, UPDATE_BATCH_MAX);
    zp__fanout_to_subscriber__free_unpacked(read, NULL);
    updates_message_destroy(&message);
    free(batch);
}

typedef struct seen_pieces {
    size_t pieces_count, users_count, allowed_count;
    bool ended;
    log_position position;
} seen_pieces;

static bool take_piece(void *context, str_view payload) {
    seen_pieces *seen = context;
    Zp__FanoutToSubscriber *message = unpacked(payload);
    const Zp__View *view = message->view;
    assert_false(seen->ended);
    assert_int_equal(view->first, seen->pieces_count == 0);
    assert_int_equal(view->generation, 3);
    seen->position = log_position_of(view->position);
    for (size_t i = 0; i < view->n_users; i++) {
        bool of_this_epoch = view->users[i]->status != ZP__STATUS__STATUS_OFFLINE;
        assert_int_equal(view->users[i]->seq, of_this_epoch ? 77 : 0);
    }
    seen->users_count += view->n_users;
    seen->ended = view->last;
    seen->pieces_count++;
    zp__fanout_to_subscriber__free_unpacked(message, NULL);
    return seen->pieces_count < seen->allowed_count;
}

static void a_view_is_sent_in_pieces_the_last_of_which_says_so(void **state) {
    (void)state;
    view_t *view = view_new(10);
    view_message_t *message = view_message_new();
    seen_pieces empty = {.allowed_count = 99};
    assert_true(view_message_send(message, view, (log_position){5, 0}, 3, take_piece, &empty));
    assert_int_equal(empty.pieces_count, 1);
    assert_true(empty.ended);

    presence_status from;
    for (int i = 0; i < USERS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "user%d", i);
        view_user user = {str_view_of(name), STATUS_BUSY, {5, 77}, 1, 2};
        assert_int_equal(view_put(view, &user, &from), ZP_OK);
    }
    view_user gone = {str_view_of("gone"), STATUS_OFFLINE, {4, 99}, 1, 2};
    assert_int_equal(view_put(view, &gone, &from), ZP_OK);
    seen_pieces seen = {.allowed_count = 99};
    assert_true(view_message_send(message, view, (log_position){5, 80}, 3, take_piece, &seen));
    assert_int_equal(seen.users_count, USERS + 1);
    assert_int_equal(seen.pieces_count, 3);
    assert_true(seen.ended);
    assert_int_equal(seen.position.seq, 80);

    seen_pieces cut = {.allowed_count = 1};
    assert_false(view_message_send(message, view, (log_position){5, 80}, 3, take_piece, &cut));
    assert_int_equal(cut.pieces_count, 1);
    view_message_destroy(&message);
    view_destroy(&view);
}

static void one_that_names_its_users_gets_its_part_of_a_batch_without_frames(void **state) {
    (void)state;
    update_batch *batch = update_batch_new();
    updates_message_t *message = updates_message_new();
    const char *const users[] = {"ann", "bob", "cid"};
    for (uint64_t i = 0; i < 3; i++) {
        update_batch_add(batch, ALL_FORMS, str_view_of(users[i]), (log_position){9, 41 + i}, STATUS_OFFLINE,
                         STATUS_ONLINE, 1);
    }
    updates_message_begin(message, batch);
    const size_t places[] = {0, 2};
    Zp__FanoutToSubscriber *some = unpacked(updates_message_pack_some(message, places, 2, 7, 300));
    assert_int_equal(some->updates->generation, 7);
    assert_int_equal(some->updates->number, 300);
    assert_int_equal(some->updates->epoch, 9);
    assert_int_equal(some->updates->n_updates, 2);
    assert_string_equal(some->updates->updates[1]->user_id, "cid");
    assert_int_equal(some->updates->updates[1]->seq, 43);
    assert_int_equal(some->updates->updates[1]->n_frames, 0);
    zp__fanout_to_subscriber__free_unpacked(some, NULL);
    /* The others' are not touched by it. */
    Zp__FanoutToSubscriber *all = unpacked(updates_message_pack(message, ALL_FORMS, 8, 1));
    assert_int_equal(all->updates->n_updates, 3);
    assert_string_equal(all->updates->updates[1]->user_id, "bob");
    assert_int_equal(all->updates->updates[0]->n_frames, WIRE_FORMS_COUNT);
    zp__fanout_to_subscriber__free_unpacked(all, NULL);
    updates_message_destroy(&message);
    free(batch);
}

static void who_has_been_named_is_answered_for_in_pieces(void **state) {
    (void)state;
    view_t *view = view_new(10);
    watch_sets_t *sets = watch_sets_new(USERS);
    watch_set_t *set = watch_set_new(sets);
    watched_message_t *message = watched_message_new();
    presence_status from;
    view_user here = {str_view_of("user0"), STATUS_BUSY, {5, 77}, 1, 2};
    view_user gone = {str_view_of("user1"), STATUS_OFFLINE, {4, 99}, 3, 4}; /* of the epoch before */
    assert_int_equal(view_put(view, &here, &from), ZP_OK);
    assert_int_equal(view_put(view, &gone, &from), ZP_OK);
    for (int i = 0; i < USERS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "user%d", i);
        assert_int_equal(watch_set_add(set, str_view_of(name)), ZP_OK);
    }
    size_t offline_count = 0;
    for (uint64_t number = 1; number <= 3; number++) {
        Zp__FanoutToSubscriber *piece =
            unpacked(watched_message_pack(message, set, view, (log_position){5, 80}, 6, number));
        const Zp__Watched *watched = piece->watched;
        assert_int_equal(watched->generation, 6);
        assert_int_equal(watched->number, number);
        assert_int_equal(watched->position->seq, 80);
        assert_int_equal(watched->n_users, number == 1 ? 2 : 0);
        if (number == 1) {
            assert_string_equal(watched->users[0]->user_id, "user0");
            assert_int_equal(watched->users[0]->seq, 77);
            assert_int_equal(watched->users[1]->status, ZP__STATUS__STATUS_OFFLINE);
            assert_int_equal(watched->users[1]->seq, 0);
            assert_int_equal(watched->users[1]->since_ms, 4);
            assert_string_equal(watched->offline[0], "user2");
        }
        offline_count += watched->n_offline;
        zp__fanout_to_subscriber__free_unpacked(piece, NULL);
    }
    assert_int_equal(offline_count, USERS - 2);
    assert_true(watch_set_is_answered(set));
    watched_message_destroy(&message);
    watch_set_end(&set);
    watch_sets_destroy(&sets);
    view_destroy(&view);
}

static void what_cores_say_is_copied_out_of_their_messages(void **state) {
    (void)state;
    Zp__Transition one = ZP__TRANSITION__INIT, two = ZP__TRANSITION__INIT;
    Zp__Transition *list[] = {&one, &two};
    Zp__Transitions transitions = ZP__TRANSITIONS__INIT;
    assert_null(transition_batch_dup(NULL));
    assert_null(transition_batch_dup(&transitions));
    one.seq = 8;
    one.user_id = (char *)"ann";
    one.to = ZP__STATUS__STATUS_AWAY;
    one.at_ms = 5;
    two.seq = 9;
    two.user_id = (char *)"b";
    two.last_seen_ms = 6;
    transitions.epoch = 3;
    transitions.first_seq = 8;
    transitions.last_seq = 9;
    transitions.n_transitions = 2;
    transitions.transitions = list;
    transition_batch *batch = transition_batch_dup(&transitions);
    assert_non_null(batch);
    assert_true(str_view_equal(batch->transitions[0].user_id, str_view_of("ann")));
    assert_ptr_not_equal(batch->transitions[0].user_id.ptr, one.user_id);
    assert_int_equal(batch->transitions[0].to, STATUS_AWAY);
    assert_int_equal(batch->transitions[0].at_ms, 5);
    assert_true(str_view_equal(batch->transitions[1].user_id, str_view_of("b")));
    assert_int_equal(batch->transitions[1].last_seen_ms, 6);
    free(batch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_subscriber_gets_its_own_numbers_and_forms),
        cmocka_unit_test(a_new_batch_replaces_the_old_one),
        cmocka_unit_test(a_batch_is_bounded_and_of_one_epoch),
        cmocka_unit_test(a_view_is_sent_in_pieces_the_last_of_which_says_so),
        cmocka_unit_test(one_that_names_its_users_gets_its_part_of_a_batch_without_frames),
        cmocka_unit_test(who_has_been_named_is_answered_for_in_pieces),
        cmocka_unit_test(what_cores_say_is_copied_out_of_their_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
