/* Snapshots of everybody: pages in the order and at the pace of their client, and what a page may not say any
 * more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/ws-edge/snapshots_fixture.h"

static void pages_follow_each_other_as_the_client_reads(void **state) {
    (void)state;
    view_anew(9, "abc");
    snapshots_begin(snapshots, clients[0]);
    assert_string_equal(after(), "");
    page(9, "ab", 1, false);
    assert_string_equal(frames, "[a=online b=online]");
    assert_int_equal(asked_count, 1); /* not before it is read */
    drained(0);
    assert_int_equal(asked_count, 2);
    assert_string_equal(after(), "b");
    page(9, "c", 1, true);
    assert_string_equal(frames, "[a=online b=online][c=online]");
    drained(0);
    assert_null(clients[0]->snapshot);
    assert_int_equal(asked_count, 2);
}

static void an_empty_last_page_says_nothing_more(void **state) {
    (void)state;
    view_anew(9, "ab");
    snapshots_begin(snapshots, clients[0]);
    page(9, "ab", 1, false);
    drained(0);
    page(9, "", 1, true);
    assert_string_equal(frames, "[a=online b=online]");
    assert_null(clients[0]->snapshot);
}

static void what_was_told_since_the_page_was_read_stands(void **state) {
    (void)state;
    view_anew(9, "abc");
    snapshots_begin(snapshots, clients[0]);
    change("a", STATUS_OFFLINE, 10);
    change("b", STATUS_BUSY, 11);
    page(9, "ab", 1, false);
    assert_string_equal(frames, "[b=busy]");
    drained(0);
    change("c", STATUS_OFFLINE, 12);
    page(11, "c", 1, true);
    assert_string_equal(frames, "[b=busy]");
}

static void a_page_of_only_those_who_have_left_is_an_empty_frame_where_it_is_the_only_one(void **state) {
    (void)state;
    view_anew(9, "a");
    snapshots_begin(snapshots, clients[0]);
    change("a", STATUS_OFFLINE, 10);
    page(9, "a", 1, true);
    assert_string_equal(frames, "[]");
}

static void a_page_ahead_of_the_view_is_believed_and_waited_for(void **state) {
    (void)state;
    view_anew(19, "a");
    snapshots_begin(snapshots, clients[0]);
    page(20, "ab", 20, true);
    assert_string_equal(frames, "[a=online b=online]");
    drained(0);
    assert_non_null(clients[0]->snapshot); /* until all changes behind it are told */
    change("b", STATUS_ONLINE, 20);
    drained(0);
    assert_null(clients[0]->snapshot);
}

/* A page without b, who left unheard; c came later, and what was before that may still be to be told. */
static void end_in_disorder(size_t client, uint64_t base) {
    view_anew(base + 9, "ab");
    snapshots_begin(snapshots, clients[client]);
    page(base + 20, "a", 1, true);
    change("c", STATUS_ONLINE, base + 25);
    drained(client);
    assert_non_null(clients[client]->snapshot);
}

static void a_view_in_disorder_is_waited_for_however_far_it_is(void **state) {
    (void)state;
    end_in_disorder(0, 0);
    assert_true(watch_view_reached(view, at(25)));
    drained(0);
    assert_null(clients[0]->snapshot);
    end_in_disorder(1, 100);
    view_anew(130, "abc"); /* b is back: no difference */
    drained(1);
    assert_int_equal(asked_count, 3);
    assert_non_null(clients[1]->snapshot);
}

static void a_view_made_anew_under_a_page_ahead_of_it_begins_again(void **state) {
    (void)state;
    view_anew(9, "ab");
    snapshots_begin(snapshots, clients[0]);
    page(20, "a", 1, true); /* b has left, and is back before anybody was told of either */
    drained(0);
    view_anew(30, "ab");
    drained(0);
    assert_int_equal(asked_count, 2);
    assert_string_equal(after(), "");
    page(30, "ab", 1, true);
    assert_string_equal(frames, "[a=online][a=online b=online]");
    drained(0);
    assert_null(clients[0]->snapshot);
}

static void a_view_made_anew_with_no_page_ahead_changes_nothing(void **state) {
    (void)state;
    snapshots_begin(snapshots, clients[0]); /* nobody has watched before: no view yet */
    page(9, "ab", 1, false);
    view_anew(9, "abc");
    drained(0);
    view_anew(9, "abc");
    page(9, "c", 1, true);
    drained(0);
    assert_string_equal(frames, "[a=online b=online][c=online]");
    assert_null(clients[0]->snapshot);
}

static void a_page_that_names_whom_a_disordered_view_may_not_know_yet_waits_until_it_does(void **state) {
    (void)state;
    view_anew(9, "");
    change("b", STATUS_ONLINE, 20); /* of a: to come, or offline? */
    snapshots_begin(snapshots, clients[0]);
    page(19, "a", 15, true);
    assert_string_equal(frames, "");
    change("a", STATUS_ONLINE, 15);
    uint64_t until_ms = uv_now(&process.loop) + 5000;
    while (asked_count < 2 && uv_now(&process.loop) < until_ms) {
        uv_run(&process.loop, UV_RUN_ONCE);
    }
    page(19, "a", 15, true);
    assert_string_equal(frames, "[a=online]");
}

static void one_who_does_not_watch_has_no_view_to_wait_for(void **state) {
    (void)state;
    clients[0]->watching = false;
    snapshots_begin(snapshots, clients[0]);
    page(20, "a", 1, true);
    drained(0);
    assert_null(clients[0]->snapshot);
}

static void only_so_many_ask_at_once_and_the_longest_wait_comes_first(void **state) {
    (void)state;
    view_anew(9, "a");
    for (size_t i = 0; i < CLIENTS; i++) {
        snapshots_begin(snapshots, clients[i]);
    }
    assert_int_equal(asked_count, 2);
    page(9, "a", 1, true);
    drained(1);
    assert_null(clients[1]->snapshot);
    assert_int_equal(asked_count, 3);
    assert_non_null(clients[0]->snapshot);
    assert_non_null(clients[2]->snapshot);
}

static void a_page_of_one_who_has_left_counts_until_it_is_answered(void **state) {
    (void)state;
    view_anew(9, "a");
    snapshots_begin(snapshots, clients[0]);
    for (int i = 0; i < 5; i++) { /* changes his mind */
        snapshots_begin(snapshots, clients[1]);
        snapshots_end(snapshots, clients[1]);
    }
    assert_int_equal(asked_count, 2);
    snapshots_begin(snapshots, clients[2]);
    assert_int_equal(asked_count, 2);
    page(9, "a", 1, true); /* to the one who has left */
    assert_string_equal(frames, "");
    assert_int_equal(asked_count, 3);
    page(9, "a", 1, true);
    assert_string_equal(frames, "[a=online]");
}

static void a_page_that_no_core_gave_is_asked_for_again(void **state) {
    (void)state;
    view_anew(9, "abc");
    snapshots_begin(snapshots, clients[0]);
    page(9, "ab", 1, false);
    drained(0);
    snapshots_page(snapshots, asked_count, NULL);
    assert_int_equal(asked_count, 2); /* never from within */
    nobody_answers = true;
    uint64_t until_ms = uv_now(&process.loop) + 400;
    while (uv_now(&process.loop) < until_ms) {
        nobody_answers = uv_now(&process.loop) + 150 < until_ms;
        uv_run(&process.loop, UV_RUN_ONCE);
    }
    assert_int_equal(asked_count, 3);
    assert_string_equal(after(), "b");
}

static void a_page_that_comes_behind_other_answers_is_asked_for_behind_them(void **state) {
    (void)state;
    view_anew(9, "a");
    snapshots_begin(snapshots, clients[0]);
    assert_int_equal(outbox_put(&clients[0]->box, str_view_of("other"), 64), ZP_OK);
    page(9, "a", 1, true);
    assert_string_equal(frames, "");
    outbox_clear(&clients[0]->box);
    drained(0);
    assert_int_equal(asked_count, 2);
    page(9, "a", 1, true);
    assert_string_equal(frames, "[a=online]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, snapshots_begin_test, snapshots_end_test)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pages_follow_each_other_as_the_client_reads),
        TEST(an_empty_last_page_says_nothing_more),
        TEST(what_was_told_since_the_page_was_read_stands),
        TEST(a_page_of_only_those_who_have_left_is_an_empty_frame_where_it_is_the_only_one),
        TEST(a_page_ahead_of_the_view_is_believed_and_waited_for),
        TEST(a_view_in_disorder_is_waited_for_however_far_it_is),
        TEST(a_view_made_anew_under_a_page_ahead_of_it_begins_again),
        TEST(a_view_made_anew_with_no_page_ahead_changes_nothing),
        TEST(a_page_that_names_whom_a_disordered_view_may_not_know_yet_waits_until_it_does),
        TEST(one_who_does_not_watch_has_no_view_to_wait_for),
        TEST(only_so_many_ask_at_once_and_the_longest_wait_comes_first),
        TEST(a_page_of_one_who_has_left_counts_until_it_is_answered),
        TEST(a_page_that_no_core_gave_is_asked_for_again),
        TEST(a_page_that_comes_behind_other_answers_is_asked_for_behind_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
