/* valid: what fanouts and their subscribers may say to each other, and that nobody may say nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/wire/wire_form.h"
#include "tests/unit/bus/valid_fixture.h"

static void a_message_without_a_known_body_is_refused(void **state) {
    (void)state;
    Zp__EdgeToCore edge = ZP__EDGE_TO_CORE__INIT;
    Zp__CoreToEdge to_edge = ZP__CORE_TO_EDGE__INIT;
    Zp__WatcherToCore watcher = ZP__WATCHER_TO_CORE__INIT;
    Zp__CoreToWatcher to_watcher = ZP__CORE_TO_WATCHER__INIT;
    Zp__FanoutToCore fanout = ZP__FANOUT_TO_CORE__INIT;
    Zp__CoreToFanout to_fanout = ZP__CORE_TO_FANOUT__INIT;
    Zp__CoreBroadcast broadcast = ZP__CORE_BROADCAST__INIT;
    Zp__SubscriberToFanout subscriber = ZP__SUBSCRIBER_TO_FANOUT__INIT;
    Zp__FanoutToSubscriber to_subscriber = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__ApiToCore api = ZP__API_TO_CORE__INIT;
    Zp__CoreToApi to_api = ZP__CORE_TO_API__INIT;
    assert_false(edge_to_core_valid(&edge));
    assert_false(core_to_edge_valid(&to_edge));
    assert_false(watcher_to_core_valid(&watcher));
    assert_false(core_to_watcher_valid(&to_watcher));
    assert_false(fanout_to_core_valid(&fanout));
    assert_false(core_to_fanout_valid(&to_fanout));
    assert_false(core_broadcast_valid(&broadcast));
    assert_false(subscriber_to_fanout_valid(&subscriber));
    assert_false(fanout_to_subscriber_valid(&to_subscriber));
    assert_false(api_to_core_valid(&api));
    assert_false(core_to_api_valid(&to_api));
}

static void an_interest_has_a_generation_and_known_wire_forms(void **state) {
    (void)state;
    Zp__Interest interest = ZP__INTEREST__INIT;
    interest.generation = 1;
    interest.wire_forms = WIRE_FORM_BIT(WIRE_MAP_BASIC) | WIRE_FORM_BIT(WIRE_ARRAY_FULL);
    Zp__SubscriberToFanout message = ZP__SUBSCRIBER_TO_FANOUT__INIT;
    message.body_case = ZP__SUBSCRIBER_TO_FANOUT__BODY_INTEREST;
    message.interest = &interest;
    assert_true(subscriber_to_fanout_valid(&message));
    interest.wire_forms = WIRE_FORM_BIT(WIRE_FORMS_COUNT);
    assert_false(subscriber_to_fanout_valid(&message));
    interest.wire_forms = 0;
    interest.generation = 0;
    assert_false(subscriber_to_fanout_valid(&message));
    interest.generation = 1;
    interest.all = true;
    assert_true(subscriber_to_fanout_valid(&message));
    interest.by_user = true; /* of everybody, and of nobody yet */
    assert_false(subscriber_to_fanout_valid(&message));
    interest.all = false;
    assert_true(subscriber_to_fanout_valid(&message));
    Zp__Detach detach = ZP__DETACH__INIT;
    message.body_case = ZP__SUBSCRIBER_TO_FANOUT__BODY_DETACH;
    message.detach = &detach;
    assert_false(subscriber_to_fanout_valid(&message));
    detach.generation = 2;
    assert_true(subscriber_to_fanout_valid(&message));
}

static void a_fanout_that_is_ready_stands_somewhere(void **state) {
    (void)state;
    Zp__FanoutBeat fanout_beat = ZP__FANOUT_BEAT__INIT;
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT;
    message.beat = &fanout_beat;
    assert_true(fanout_to_subscriber_valid(&message));
    fanout_beat.ready = true;
    assert_false(fanout_to_subscriber_valid(&message));
    fanout_beat.position = &position;
    assert_true(fanout_to_subscriber_valid(&message));
    fanout_beat.last_watch = LARGEST_NUMBER + 1;
    assert_false(fanout_to_subscriber_valid(&message));
}

static void a_view_names_its_generation_position_and_shown_users(void **state) {
    (void)state;
    Zp__UserState user = ZP__USER_STATE__INIT;
    user.user_id = "123";
    Zp__UserState *users[] = {&user};
    Zp__View view = ZP__VIEW__INIT;
    view.generation = 1;
    view.position = &position;
    view.users = users;
    view.n_users = 1;
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW;
    message.view = &view;
    assert_true(fanout_to_subscriber_valid(&message));
    user.status = ZP__STATUS__STATUS_INVISIBLE;
    assert_false(fanout_to_subscriber_valid(&message));
    user.status = ZP__STATUS__STATUS_AWAY;
    view.position = NULL;
    assert_false(fanout_to_subscriber_valid(&message));
    view.position = &position;
    view.generation = 0;
    assert_false(fanout_to_subscriber_valid(&message));
}

static void updates_are_numbered_and_their_frames_bounded(void **state) {
    (void)state;
    static uint8_t bytes[VALID_FRAME_MAX_BYTES + 1];
    Zp__Frame frame = ZP__FRAME__INIT;
    frame.payload.data = bytes;
    frame.payload.len = VALID_FRAME_MAX_BYTES;
    frame.wire_form = WIRE_ARRAY_FULL;
    Zp__Frame *frames[WIRE_FORMS_COUNT + 1] = {&frame, &frame, &frame, &frame, &frame};
    Zp__Update update = ZP__UPDATE__INIT;
    update.user_id = "123";
    update.seq = 1;
    update.to = ZP__STATUS__STATUS_ONLINE;
    update.frames = frames;
    update.n_frames = WIRE_FORMS_COUNT;
    Zp__Update *list[] = {&update};
    Zp__Updates updates = ZP__UPDATES__INIT;
    updates.generation = updates.number = updates.epoch = 1;
    updates.updates = list;
    updates.n_updates = 1;
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES;
    message.updates = &updates;
    assert_true(fanout_to_subscriber_valid(&message));
    uint64_t *const REQUIRED[] = {&updates.generation, &updates.number, &updates.epoch};
    for (size_t i = 0; i < COUNT(REQUIRED); i++) {
        *REQUIRED[i] = 0;
        assert_false(fanout_to_subscriber_valid(&message));
        *REQUIRED[i] = 1;
    }
    update.n_frames++;
    assert_false(fanout_to_subscriber_valid(&message));
    update.n_frames = 1;
    frame.payload.len++;
    assert_false(fanout_to_subscriber_valid(&message));
    frame.payload.len = 0;
    assert_false(fanout_to_subscriber_valid(&message));
    frame.payload.len = 1;
    frame.wire_form = WIRE_FORMS_COUNT;
    assert_false(fanout_to_subscriber_valid(&message));
    frame.wire_form = WIRE_MAP_BASIC;
    update.to = ZP__STATUS__STATUS_INVISIBLE;
    assert_false(fanout_to_subscriber_valid(&message));
}

static void views_and_updates_are_bounded(void **state) {
    (void)state;
    Zp__UserState user = ZP__USER_STATE__INIT;
    Zp__Update update = ZP__UPDATE__INIT;
    user.user_id = update.user_id = "123";
    static Zp__UserState *users[VALID_PIECE_MAX + 1];
    static Zp__Update *list[VALID_PIECE_MAX + 1];
    for (size_t i = 0; i <= VALID_PIECE_MAX; i++) {
        users[i] = &user;
        list[i] = &update;
    }
    Zp__View view = ZP__VIEW__INIT;
    view.generation = 1;
    view.position = &position;
    view.users = users;
    view.n_users = VALID_PIECE_MAX;
    Zp__Updates updates = ZP__UPDATES__INIT;
    updates.generation = updates.number = updates.epoch = 1;
    updates.updates = list;
    updates.n_updates = VALID_PIECE_MAX;
    Zp__FanoutToSubscriber views = ZP__FANOUT_TO_SUBSCRIBER__INIT,
                           many_updates = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    views.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW;
    views.view = &view;
    many_updates.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES;
    many_updates.updates = &updates;
    assert_true(fanout_to_subscriber_valid(&views));
    assert_true(fanout_to_subscriber_valid(&many_updates));
    view.n_users++;
    updates.n_updates++;
    assert_false(fanout_to_subscriber_valid(&views));
    assert_false(fanout_to_subscriber_valid(&many_updates));
    view.n_users = updates.n_updates = 1;
    uint64_t *const NUMBERS[] = {&user.last_seen_ms, &user.since_ms, &user.seq};
    for (size_t i = 0; i < COUNT(NUMBERS); i++) {
        *NUMBERS[i] = LARGEST_NUMBER + 1;
        assert_false(fanout_to_subscriber_valid(&views));
        *NUMBERS[i] = LARGEST_NUMBER;
        assert_true(fanout_to_subscriber_valid(&views));
    }
    update.seq = LARGEST_NUMBER + 1;
    assert_false(fanout_to_subscriber_valid(&many_updates));
}

/* `count` times the same good id. */
static char **ids_of(size_t count) {
    static char *ids[VALID_PIECE_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        ids[i] = "123";
    }
    return ids;
}

static void a_watch_is_numbered_and_names_so_many_users_at_most(void **state) {
    (void)state;
    Zp__Watch watch = ZP__WATCH__INIT;
    watch.generation = watch.number = 1;
    watch.add = watch.remove = ids_of(VALID_PIECE_MAX + 1);
    Zp__SubscriberToFanout message = ZP__SUBSCRIBER_TO_FANOUT__INIT;
    message.body_case = ZP__SUBSCRIBER_TO_FANOUT__BODY_WATCH;
    message.watch = &watch;
    const struct {
        size_t add, remove;
        bool valid;
    } COUNTS[] = {{0, 0, true},
                  {VALID_PIECE_MAX, 0, true},
                  {0, VALID_PIECE_MAX, true},
                  {VALID_PIECE_MAX + 1, 0, false},
                  {0, VALID_PIECE_MAX + 1, false},
                  {VALID_PIECE_MAX - 1, 1, true},
                  {VALID_PIECE_MAX - 1, 2, false}};
    for (size_t i = 0; i < COUNT(COUNTS); i++) {
        watch.n_add = COUNTS[i].add;
        watch.n_remove = COUNTS[i].remove;
        assert_int_equal(subscriber_to_fanout_valid(&message), COUNTS[i].valid);
    }
    watch.n_add = watch.n_remove = 1;
    uint64_t *const REQUIRED[] = {&watch.generation, &watch.number};
    for (size_t i = 0; i < COUNT(REQUIRED); i++) {
        *REQUIRED[i] = 0;
        assert_false(subscriber_to_fanout_valid(&message));
        *REQUIRED[i] = 1;
    }
    char *bad[] = {""};
    watch.add = bad;
    assert_false(subscriber_to_fanout_valid(&message));
    watch.add = watch.remove;
    watch.remove = bad;
    assert_false(subscriber_to_fanout_valid(&message));
}

static void what_is_watched_is_told_with_a_position_and_so_many_users_at_most(void **state) {
    (void)state;
    Zp__UserState user = ZP__USER_STATE__INIT;
    static Zp__UserState *users[VALID_PIECE_MAX + 1];
    user.user_id = "123";
    for (size_t i = 0; i <= VALID_PIECE_MAX; i++) {
        users[i] = &user;
    }
    Zp__Watched watched = ZP__WATCHED__INIT;
    watched.generation = watched.number = 1;
    watched.position = &position;
    watched.users = users;
    watched.offline = ids_of(VALID_PIECE_MAX + 1);
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_WATCHED;
    message.watched = &watched;
    assert_true(fanout_to_subscriber_valid(&message));
    watched.n_users = VALID_PIECE_MAX;
    assert_true(fanout_to_subscriber_valid(&message));
    watched.n_offline = 1;
    assert_false(fanout_to_subscriber_valid(&message));
    watched.n_users = 1;
    watched.n_offline = VALID_PIECE_MAX + 1;
    assert_false(fanout_to_subscriber_valid(&message));
    watched.n_offline = VALID_PIECE_MAX - 1;
    assert_true(fanout_to_subscriber_valid(&message));
    uint64_t *const REQUIRED[] = {&watched.generation, &watched.number};
    for (size_t i = 0; i < COUNT(REQUIRED); i++) {
        *REQUIRED[i] = 0;
        assert_false(fanout_to_subscriber_valid(&message));
        *REQUIRED[i] = 1;
    }
    user.status = ZP__STATUS__STATUS_INVISIBLE;
    assert_false(fanout_to_subscriber_valid(&message));
    user.status = ZP__STATUS__STATUS_AWAY;
    watched.offline[0] = "";
    assert_false(fanout_to_subscriber_valid(&message));
    watched.offline[0] = "123";
    watched.position = NULL;
    assert_false(fanout_to_subscriber_valid(&message));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_message_without_a_known_body_is_refused, reset_shared),
        cmocka_unit_test_setup(an_interest_has_a_generation_and_known_wire_forms, reset_shared),
        cmocka_unit_test_setup(a_fanout_that_is_ready_stands_somewhere, reset_shared),
        cmocka_unit_test_setup(a_view_names_its_generation_position_and_shown_users, reset_shared),
        cmocka_unit_test_setup(updates_are_numbered_and_their_frames_bounded, reset_shared),
        cmocka_unit_test_setup(views_and_updates_are_bounded, reset_shared),
        cmocka_unit_test_setup(a_watch_is_numbered_and_names_so_many_users_at_most, reset_shared),
        cmocka_unit_test_setup(what_is_watched_is_told_with_a_position_and_so_many_users_at_most,
                               reset_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
