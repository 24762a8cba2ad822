/* What the core is told of users: every change once, the newest word wins, and nothing is forgotten before it
 * is acknowledged. */
#include "services/ws-edge/core/statement_queue.h"
#include "services/ws-edge/core/touch_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct world {
    sessions_t sessions;
    statement_queue_t queue;
    uint64_t now_ms;
} world;

static bool memory_is_out;

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);

void *__wrap_calloc(size_t count, size_t bytes) {
    return memory_is_out ? NULL : __real_calloc(count, bytes);
}

static edge_client *connect_user(world *w, const char *id) {
    edge_client *client = NULL;
    assert_int_equal(
        sessions_open(&w->sessions, str_view_of(id), str_view_of("phone"), str_view_of(""), 0, &client),
        ZP_OK);
    statement_queue_mark(&w->queue, client->user, "connected", w->now_ms);
    return client;
}

static void disconnect(world *w, edge_client *client) {
    edge_user *user = client->user;
    sessions_leave(&w->sessions, client);
    sessions_free_client(&client);
    statement_queue_mark(&w->queue, user, "closed", w->now_ms);
    sessions_forget_if_idle(&w->sessions, user);
}

static void take_all(world *w, user_batch *batch) {
    edge_user *user = NULL;
    while ((user = statement_queue_peek(&w->queue, w->now_ms))) {
        statement_queue_take(&w->queue, user, batch);
    }
}

static void disconnect_all(world *w) {
    edge_user *user = NULL, *next = NULL;
    HASH_ITER(hh, w->sessions.users, user, next) {
        while (user->clients) {
            edge_client *client = user->clients;
            sessions_leave(&w->sessions, client);
            sessions_free_client(&client);
        }
    }
    sessions_clear(&w->sessions);
}

static void a_user_who_changes_often_is_stated_once(void **state) {
    (void)state;
    world w = {0};
    user_batch batch = {0};
    edge_client *client = connect_user(&w, "u");
    statement_queue_mark(&w.queue, client->user, "status-set", w.now_ms);
    connect_user(&w, "u");
    take_all(&w, &batch);
    assert_int_equal(batch.count, 1);
    assert_string_equal(batch.users[0]->statement->reason, "connected");
    assert_int_equal(batch.users[0]->clients_count, 2);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    disconnect_all(&w);
}

static void those_who_come_and_those_who_leave_are_counted_apart(void **state) {
    (void)state;
    world w = {0};
    user_batch batch = {0};
    w.queue.leave_delay_ms = 50;
    edge_client *leaver = connect_user(&w, "leaver");
    connect_user(&w, "comer");
    assert_int_equal(w.queue.waiting_count, 2);
    assert_int_equal(w.queue.leaving_count, 0);
    disconnect(&w, leaver);
    assert_int_equal(w.queue.waiting_count, 2);
    assert_int_equal(w.queue.leaving_count, 1);
    connect_user(&w, "leaver");
    assert_int_equal(w.queue.waiting_count, 2);
    assert_int_equal(w.queue.leaving_count, 0);
    take_all(&w, &batch);
    assert_int_equal(w.queue.waiting_count, 0);
    assert_int_equal(w.queue.leaving_count, 0);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    disconnect_all(&w);
}

static void a_user_who_left_is_kept_until_that_is_acknowledged(void **state) {
    (void)state;
    world w = {0};
    user_batch open = {0}, closed = {0};
    edge_client *client = connect_user(&w, "u");
    take_all(&w, &open);
    disconnect(&w, client);
    take_all(&w, &closed);
    statement_queue_acknowledge(&w.queue, &open, &w.sessions);
    assert_non_null(sessions_find(&w.sessions, str_view_of("u")));
    statement_queue_acknowledge(&w.queue, &closed, &w.sessions);
    assert_null(sessions_find(&w.sessions, str_view_of("u")));
}

static void acknowledging_an_older_statement_does_not_acknowledge_the_newer(void **state) {
    (void)state;
    world w = {0};
    user_batch first = {0}, second = {0};
    edge_client *client = connect_user(&w, "u");
    take_all(&w, &first);
    statement_queue_mark(&w.queue, client->user, "status-set", w.now_ms);
    take_all(&w, &second);
    statement_queue_acknowledge(&w.queue, &first, &w.sessions);
    assert_int_equal(statement_queue_floor(&w.queue), 0);
    statement_queue_give_back(&w.queue, &second, &w.sessions, true, w.now_ms);
    assert_ptr_equal(statement_queue_peek(&w.queue, w.now_ms), client->user);
    take_all(&w, &second);
    assert_int_equal(second.numbers[0], 3);
    statement_queue_acknowledge(&w.queue, &second, &w.sessions);
    assert_int_equal(statement_queue_floor(&w.queue), 3);
    disconnect_all(&w);
}

static void a_lost_batch_is_said_again_but_not_what_was_said_anew_meanwhile(void **state) {
    (void)state;
    world w = {0};
    user_batch lost = {0}, newer = {0};
    edge_client *a = connect_user(&w, "a");
    connect_user(&w, "b");
    take_all(&w, &lost);
    statement_queue_mark(&w.queue, a->user, "status-set", w.now_ms);
    take_all(&w, &newer);
    statement_queue_give_back(&w.queue, &lost, &w.sessions, true, w.now_ms);
    assert_string_equal(statement_queue_peek(&w.queue, w.now_ms)->id, "b");
    user_batch again = {0};
    take_all(&w, &again);
    assert_int_equal(again.count, 1);
    statement_queue_acknowledge(&w.queue, &newer, &w.sessions);
    statement_queue_acknowledge(&w.queue, &again, &w.sessions);
    assert_int_equal(statement_queue_floor(&w.queue), 4);
    disconnect_all(&w);
}

static void the_floor_stops_below_the_oldest_statement_in_doubt(void **state) {
    (void)state;
    world w = {0};
    user_batch a = {0}, b = {0}, c = {0};
    connect_user(&w, "a");
    take_all(&w, &a);
    connect_user(&w, "b");
    take_all(&w, &b);
    connect_user(&w, "c");
    take_all(&w, &c);
    assert_int_equal(statement_queue_floor(&w.queue), 0);
    statement_queue_acknowledge(&w.queue, &b, &w.sessions);
    assert_int_equal(statement_queue_floor(&w.queue), 0);
    statement_queue_acknowledge(&w.queue, &a, &w.sessions);
    assert_int_equal(statement_queue_floor(&w.queue), 2);
    statement_queue_acknowledge(&w.queue, &c, &w.sessions);
    assert_int_equal(statement_queue_floor(&w.queue), 3);
    disconnect_all(&w);
}

static void a_new_incarnation_announces_everybody_and_takes_back_who_left(void **state) {
    (void)state;
    world w = {0};
    user_batch batch = {0};
    connect_user(&w, "stays");
    edge_client *leaves = connect_user(&w, "leaves");
    take_all(&w, &batch);
    disconnect(&w, leaves);
    statement_queue_give_back(&w.queue, &batch, &w.sessions, true, w.now_ms);
    statement_queue_restart(&w.queue, &w.sessions, w.now_ms);
    assert_int_equal(w.queue.announcing_count, 2);
    take_all(&w, &batch);
    assert_int_equal(batch.count, 2);
    for (size_t i = 0; i < batch.count; i++) {
        bool stays = strcmp(batch.users[i]->id, "stays") == 0;
        assert_string_equal(batch.users[i]->statement->reason, stays ? "announced" : "closed");
    }
    assert_int_equal(w.queue.last_number, 2);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    assert_int_equal(w.queue.announcing_count, 0);
    assert_null(sessions_find(&w.sessions, str_view_of("leaves")));
    disconnect_all(&w);
}

static void that_a_user_left_is_said_later_than_that_one_came(void **state) {
    (void)state;
    world w = {.queue.leave_delay_ms = 25, .now_ms = 1000};
    user_batch batch = {0};
    edge_client *leaves = connect_user(&w, "leaves");
    take_all(&w, &batch);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    disconnect(&w, leaves);
    connect_user(&w, "comes");
    take_all(&w, &batch);
    assert_int_equal(batch.count, 1);
    assert_string_equal(batch.users[0]->id, "comes");
    w.now_ms += 24;
    assert_null(statement_queue_peek(&w.queue, w.now_ms));
    w.now_ms += 1;
    take_all(&w, &batch);
    assert_int_equal(batch.count, 2);
    assert_string_equal(batch.users[1]->id, "leaves");
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    assert_int_equal(w.queue.waiting_count, 0);
    disconnect_all(&w);
}

static void who_comes_back_at_once_never_left(void **state) {
    (void)state;
    world w = {.queue.leave_delay_ms = 25};
    user_batch batch = {0};
    edge_client *client = connect_user(&w, "u");
    edge_client *other = connect_user(&w, "other");
    take_all(&w, &batch);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    disconnect(&w, other);
    disconnect(&w, client);
    connect_user(&w, "u");
    take_all(&w, &batch);
    assert_int_equal(batch.count, 1);
    assert_int_equal(batch.users[0]->clients_count, 1);
    w.now_ms += 25;
    take_all(&w, &batch);
    assert_int_equal(batch.count, 2);
    assert_string_equal(batch.users[1]->id, "other");
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    assert_int_equal(w.queue.waiting_count, 0);
    disconnect_all(&w);
}

static void who_leaves_before_having_been_stated_waits_as_one_who_left(void **state) {
    (void)state;
    world w = {.queue.leave_delay_ms = 25};
    user_batch batch = {0};
    disconnect(&w, connect_user(&w, "u"));
    assert_null(statement_queue_peek(&w.queue, w.now_ms));
    w.now_ms += 25;
    take_all(&w, &batch);
    assert_int_equal(batch.count, 1);
    assert_string_equal(batch.users[0]->statement->reason, "closed");
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    assert_null(sessions_find(&w.sessions, str_view_of("u")));
    disconnect_all(&w);
}

static void after_an_outage_who_left_is_said_last(void **state) {
    (void)state;
    world w = {.queue.leave_delay_ms = 25};
    user_batch lost = {0}, batch = {0};
    edge_client *leaves = connect_user(&w, "leaves");
    connect_user(&w, "stays");
    take_all(&w, &batch);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    disconnect(&w, leaves);
    w.now_ms += 25;
    take_all(&w, &lost);
    assert_int_equal(lost.count, 1);
    statement_queue_hold_leaving(&w.queue, w.now_ms + 2000);
    statement_queue_hold_leaving(&w.queue, w.now_ms + 1000); /* does not shorten it */
    statement_queue_give_back(&w.queue, &lost, &w.sessions, true, w.now_ms);
    w.now_ms += 1999;
    assert_null(statement_queue_peek(&w.queue, w.now_ms));
    w.now_ms += 1;
    assert_string_equal(statement_queue_peek(&w.queue, w.now_ms)->id, "leaves");
    statement_queue_hold_leaving(&w.queue, w.now_ms + 2000);
    statement_queue_restart(&w.queue, &w.sessions, w.now_ms);
    take_all(&w, &batch);
    assert_int_equal(batch.count, 2);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    disconnect_all(&w);
}

static void signs_of_life_of_one_user_are_one_touch(void **state) {
    (void)state;
    world w = {0};
    touch_queue_t touches = {0};
    user_batch statements = {0}, batch = {0};
    edge_client *client = connect_user(&w, "u");
    take_all(&w, &statements);
    statement_queue_acknowledge(&w.queue, &statements, &w.sessions);
    touch_queue_add(&touches, client->user);
    touch_queue_add(&touches, client->user);
    assert_int_equal(touches.count, 1);
    touch_queue_take(&touches, &batch);
    assert_null(touch_queue_peek(&touches));
    touch_queue_end(&touches, &batch, &w.sessions, true);
    assert_ptr_equal(touch_queue_peek(&touches), client->user);
    touch_queue_take(&touches, &batch);
    disconnect(&w, client);
    take_all(&w, &statements);
    statement_queue_acknowledge(&w.queue, &statements, &w.sessions);
    assert_non_null(sessions_find(&w.sessions, str_view_of("u")));
    touch_queue_end(&touches, &batch, &w.sessions, true);
    assert_null(sessions_find(&w.sessions, str_view_of("u")));
}

static void a_user_has_a_limit_of_connections(void **state) {
    (void)state;
    world w = {0};
    edge_client *client = NULL;
    for (int i = 0; i < CONNECTIONS_PER_USER_MAX; i++) {
        assert_int_equal(
            sessions_open(&w.sessions, str_view_of("u"), str_view_of("d"), str_view_of(""), 0, &client),
            ZP_OK);
    }
    assert_int_equal(
        sessions_open(&w.sessions, str_view_of("u"), str_view_of("d"), str_view_of(""), 0, &client), ZP_FULL);
    disconnect_all(&w);
}

static void a_user_of_whom_all_is_said_costs_nothing(void **state) {
    (void)state;
    world w = {0};
    user_batch first = {0}, second = {0}, third = {0};
    edge_client *client = connect_user(&w, "u");
    take_all(&w, &first);
    statement_queue_mark(&w.queue, client->user, "status-set", w.now_ms);
    take_all(&w, &second);
    statement_queue_acknowledge(&w.queue, &second, &w.sessions);
    assert_non_null(client->user->statement); /* the first may still come back */
    statement_queue_give_back(&w.queue, &first, &w.sessions, true, w.now_ms);
    assert_null(client->user->statement);
    assert_true(statement_queue_has_said_all(&w.queue));
    statement_queue_mark(&w.queue, client->user, "status-set", w.now_ms);
    assert_false(statement_queue_has_said_all(&w.queue));
    take_all(&w, &third);
    assert_int_equal(third.numbers[0], 3);
    statement_queue_acknowledge(&w.queue, &third, &w.sessions);
    assert_null(client->user->statement);
    disconnect_all(&w);
}

static void a_change_for_which_memory_is_out_is_said_later(void **state) {
    (void)state;
    world w = {0};
    user_batch batch = {0};
    edge_client *stays = connect_user(&w, "stays");
    edge_client *leaves = connect_user(&w, "leaves");
    take_all(&w, &batch);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    memory_is_out = true;
    statement_queue_mark(&w.queue, stays->user, "status-set", w.now_ms);
    disconnect(&w, leaves);
    statement_queue_find_lost(&w.queue, &w.sessions, w.now_ms);
    assert_null(statement_queue_peek(&w.queue, w.now_ms));
    assert_false(statement_queue_has_said_all(&w.queue));
    memory_is_out = false;
    statement_queue_find_lost(&w.queue, &w.sessions, w.now_ms);
    take_all(&w, &batch);
    assert_int_equal(batch.count, 2);
    assert_string_equal(batch.users[0]->id, "leaves");
    assert_int_equal(batch.users[0]->clients_count, 0);
    assert_string_equal(batch.users[1]->id, "stays");
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    assert_null(sessions_find(&w.sessions, str_view_of("leaves")));
    assert_true(statement_queue_has_said_all(&w.queue));
    disconnect_all(&w);
}

static void an_announcement_is_not_over_while_memory_is_out_for_somebody(void **state) {
    (void)state;
    world w = {0};
    user_batch batch = {0};
    connect_user(&w, "u");
    take_all(&w, &batch);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    memory_is_out = true;
    statement_queue_restart(&w.queue, &w.sessions, w.now_ms);
    memory_is_out = false;
    assert_int_equal(w.queue.announcing_count, 1);
    statement_queue_find_lost(&w.queue, &w.sessions, w.now_ms);
    take_all(&w, &batch);
    assert_int_equal(batch.count, 1);
    statement_queue_acknowledge(&w.queue, &batch, &w.sessions);
    assert_int_equal(w.queue.announcing_count, 0);
    disconnect_all(&w);
}

static void the_more_left_together_the_longer_the_next_wait_for_each_other(void **state) {
    (void)state;
    world w = {.queue.delay_ms = 2, .now_ms = 1000};
    static const uint64_t waits_ms[] = {2, 2, 4, 6, 8, 10, 10, 10};
    assert_int_equal(statement_queue_wait_ms(&w.queue, w.now_ms), 2);
    for (size_t count = 0; count < sizeof waits_ms / sizeof *waits_ms; count++) {
        w.now_ms += 1000;
        statement_queue_note_flush(&w.queue, w.now_ms, count);
        assert_int_equal(statement_queue_wait_ms(&w.queue, w.now_ms), waits_ms[count]);
        assert_int_equal(statement_queue_wait_ms(&w.queue, w.now_ms + 9), 2); /* long ago */
    }
    w.queue.delay_ms = 0;
    assert_int_equal(statement_queue_wait_ms(&w.queue, w.now_ms), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_who_changes_often_is_stated_once),
        cmocka_unit_test(those_who_come_and_those_who_leave_are_counted_apart),
        cmocka_unit_test(a_user_who_left_is_kept_until_that_is_acknowledged),
        cmocka_unit_test(acknowledging_an_older_statement_does_not_acknowledge_the_newer),
        cmocka_unit_test(a_lost_batch_is_said_again_but_not_what_was_said_anew_meanwhile),
        cmocka_unit_test(the_floor_stops_below_the_oldest_statement_in_doubt),
        cmocka_unit_test(a_new_incarnation_announces_everybody_and_takes_back_who_left),
        cmocka_unit_test(that_a_user_left_is_said_later_than_that_one_came),
        cmocka_unit_test(who_comes_back_at_once_never_left),
        cmocka_unit_test(who_leaves_before_having_been_stated_waits_as_one_who_left),
        cmocka_unit_test(after_an_outage_who_left_is_said_last),
        cmocka_unit_test(signs_of_life_of_one_user_are_one_touch),
        cmocka_unit_test(a_user_has_a_limit_of_connections),
        cmocka_unit_test(the_more_left_together_the_longer_the_next_wait_for_each_other),
        cmocka_unit_test(a_user_of_whom_all_is_said_costs_nothing),
        cmocka_unit_test(a_change_for_which_memory_is_out_is_said_later),
        cmocka_unit_test(an_announcement_is_not_over_while_memory_is_out_for_somebody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
