/* Snapshots of watch lists: who is named, in which order, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/ws-edge/list_fixture.h"
#include "tests/unit/ws-edge/snapshots_fixture.h"

static void a_list_is_named_in_its_order_whoever_is_offline_too(void **state) {
    (void)state;
    watch_users(clients[0], "cab");
    snapshots_begin(snapshots, clients[0]);
    assert_string_equal(after(), "ca");
    list_page("cA", 3);
    assert_string_equal(frames, "[c=online a=offline]");
    drained(0);
    assert_string_equal(after(), "b");
    list_page("b", 3);
    assert_string_equal(frames, "[c=online a=offline][b=online]");
    drained(0);
    assert_null(clients[0]->snapshot);
    assert_int_equal(asked_count, 2);
}

static void a_list_of_nobody_is_one_empty_frame(void **state) {
    (void)state;
    watch_users(clients[0], "");
    snapshots_begin(snapshots, clients[0]);
    list_page("", 0);
    assert_string_equal(frames, "[]");
    drained(0);
    assert_null(clients[0]->snapshot);
}

static void a_list_hears_changes_of_whom_it_was_named_from_there_on(void **state) {
    (void)state;
    watch_users(clients[0], "abc");
    snapshots_begin(snapshots, clients[0]);
    tell("a", STATUS_OFFLINE, 5);
    list_page("ab", 4); /* read before that */
    assert_string_equal(frames, "[a=offline b=online]");
    tell("b", STATUS_BUSY, 6);
    tell("c", STATUS_BUSY, 7);
    assert_ptr_equal(watch_lists_next_changed(lists), clients[0]);
    assert_null(watch_lists_next_changed(lists)); /* c is still to be named */
    drained(0);
    list_page("c", 4);
    assert_string_equal(frames, "[a=offline b=online][c=busy]");
}

static void a_page_of_another_length_than_asked_for_is_asked_for_again(void **state) {
    (void)state;
    watch_users(clients[0], "ab");
    snapshots_begin(snapshots, clients[0]);
    list_page("a", 1);
    assert_string_equal(frames, "");
    assert_int_equal(asked_count, 2);
    assert_non_null(clients[0]->snapshot);
}

static void a_page_of_others_than_come_next_by_now_is_asked_for_again(void **state) {
    (void)state;
    watch_users(clients[0], "abc");
    snapshots_begin(snapshots, clients[0]);
    assert_string_equal(after(), "ab");
    remove_user(clients[0]->watches, "a");
    list_page("ab", 1);
    assert_string_equal(frames, "");
    assert_string_equal(after(), "bc");
}

static void set_group(uint64_t version, char *const *users, size_t count) {
    const roster_news news = {ROSTER_GROUP, str_view_of("g"), version, users, count};
    watch_lists_set_rosters(lists, &news, 1);
}

static void whoever_comes_to_stand_on_the_list_meanwhile_is_named_too_and_nobody_twice(void **state) {
    (void)state;
    char *users[] = {"a", "d"};
    watch_users(clients[0], "a");
    assert_int_equal(watch_list_hold(clients[0]->watches, ROSTER_GROUP, str_view_of("g")), ZP_OK);
    snapshots_begin(snapshots, clients[0]);
    list_page("a", 1);
    set_group(1, users, 2);
    drained(0);
    assert_string_equal(after(), "d");
    list_page("D", 2);
    assert_string_equal(frames, "[a=online][d=offline]");
    drained(0);
    assert_null(clients[0]->snapshot);
    /* And one that begins later goes on where that ended. */
    char *more[] = {"a", "d", "e"};
    set_group(2, more, 3);
    snapshots_begin(snapshots, clients[0]);
    assert_string_equal(after(), "e");
    list_page("e", 3);
    assert_string_equal(frames, "[a=online][d=offline][e=online]");
    drained(0);
    assert_null(clients[0]->snapshot);
}

/* -- one answer for several -- */

/* Three who wait while two others have asked; then the first of them asks. */
static void three_wait(const char *first, const char *second, const char *third) {
    const char *const letters[CLIENTS] = {"vw", "xy", first, second, third};
    for (size_t i = 0; i < CLIENTS; i++) {
        watch_users(clients[i], letters[i]);
        snapshots_begin(snapshots, clients[i]);
    }
    assert_int_equal(asked_count, 2);
    list_page("xy", 1);
    assert_int_equal(asked_count, 3);
    frames[0] = '\0';
}

static int64_t shared(void) {
    return metrics_get(process.metrics, METRIC_EDGE_SNAPSHOT_PAGES_SHARED);
}

static void who_waits_for_the_page_that_another_asked_for_is_given_it_too(void **state) {
    (void)state;
    three_wait("abc", "abc", "abc");
    tell("a", STATUS_OFFLINE, 5);
    list_page("aB", 4); /* read before that */
    assert_string_equal(frames, "[a=offline b=offline][a=offline b=offline][a=offline b=offline]");
    assert_int_equal(shared(), 2);
    tell("b", STATUS_BUSY, 6);
    for (size_t i = 2; i < CLIENTS; i++) {
        assert_ptr_equal(watch_lists_next_changed(lists), clients[i]);
    }
    assert_null(watch_lists_next_changed(lists));
    frames[0] = '\0';
    drained(4);
    assert_int_equal(asked_count, 4);
    assert_string_equal(after(), "c");
    list_page("c", 7);
    assert_string_equal(frames, "[c=online]"); /* the others come to it once their frames have gone out */
}

static void who_waits_for_another_page_asks_for_it(void **state) {
    (void)state;
    three_wait("abc", "acb", "a");
    list_page("ab", 4);
    assert_string_equal(frames, "[a=online b=online]");
    assert_int_equal(shared(), 0);
    assert_string_equal(after(), "ac");
}

static void who_has_other_answers_to_read_first_is_not_given_a_page_of_another(void **state) {
    (void)state;
    three_wait("ab", "ab", "ab");
    assert_int_equal(outbox_put(&clients[3]->box, str_view_of("an answer"), 1000), ZP_OK);
    list_page("ab", 4);
    assert_int_equal(shared(), 1);
    outbox_clear(&clients[3]->box);
}

/* It may have been told something newer before. */
static void who_came_after_the_question_is_not_given_its_page(void **state) {
    (void)state;
    three_wait("ab", "ab", "ab");
    snapshots_end(snapshots, clients[4]);
    snapshots_begin(snapshots, clients[4]);
    list_page("ab", 4);
    assert_string_equal(frames, "[a=online b=online][a=online b=online]");
    assert_int_equal(shared(), 1);
    assert_int_equal(asked_count, 4); /* it asks for itself */
}

/* What was heard of them before they left the list is not known any more. */
static void a_page_with_somebody_who_left_meanwhile_and_came_back_is_asked_for_again(void **state) {
    (void)state;
    watch_users(clients[0], "ab");
    snapshots_begin(snapshots, clients[0]);
    tell("b", STATUS_OFFLINE, 5);
    remove_user(clients[0]->watches, "b");
    assert_int_equal(watch_list_add(clients[0]->watches, str_view_of("b")), ZP_OK);
    list_page("ab", 4); /* read before that */
    assert_string_equal(frames, "");
    assert_int_equal(asked_count, 2);
    list_page("aB", 5);
    assert_string_equal(frames, "[a=online b=offline]");
}

static void nor_is_it_given_to_another_on_whose_list_that_happened(void **state) {
    (void)state;
    three_wait("ab", "ab", "ab");
    remove_user(clients[3]->watches, "b");
    assert_int_equal(watch_list_add(clients[3]->watches, str_view_of("b")), ZP_OK);
    list_page("ab", 4);
    assert_int_equal(shared(), 1);
    assert_string_equal(frames, "[a=online b=online][a=online b=online]");
}

static void a_page_is_shared_by_so_many_that_others_need_not_wait(void **state) {
    (void)state;
    enum { CROWD = 40, SHARES_MAX = 15 };
    edge_client *crowd[CROWD];
    three_wait("ab", "q", "r");
    snapshots_end(snapshots, clients[2]);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = calloc(1, sizeof *crowd[i]);
        assert_non_null(crowd[i]);
        crowd[i]->user = clients[0]->user;
        crowd[i]->box.form = WIRE_MAP_FULL;
        watch_users(crowd[i], "cd");
        snapshots_begin(snapshots, crowd[i]);
    }
    list_page("ab", 1); /* of nobody any more: the next asks */
    list_page("q", 1);
    list_page("r", 1);
    assert_string_equal(after(), "cd");
    list_page("cd", 1);
    assert_int_equal(shared(), SHARES_MAX);
    for (size_t i = 0; i < CROWD; i++) {
        snapshots_end(snapshots, crowd[i]);
        watch_list_end(&crowd[i]->watches);
        free(crowd[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, snapshots_begin_test, snapshots_end_test)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_list_is_named_in_its_order_whoever_is_offline_too),
        TEST(a_list_of_nobody_is_one_empty_frame),
        TEST(a_list_hears_changes_of_whom_it_was_named_from_there_on),
        TEST(a_page_of_another_length_than_asked_for_is_asked_for_again),
        TEST(a_page_of_others_than_come_next_by_now_is_asked_for_again),
        TEST(whoever_comes_to_stand_on_the_list_meanwhile_is_named_too_and_nobody_twice),
        TEST(who_waits_for_the_page_that_another_asked_for_is_given_it_too),
        TEST(who_waits_for_another_page_asks_for_it),
        TEST(who_has_other_answers_to_read_first_is_not_given_a_page_of_another),
        TEST(who_came_after_the_question_is_not_given_its_page),
        TEST(a_page_with_somebody_who_left_meanwhile_and_came_back_is_asked_for_again),
        TEST(nor_is_it_given_to_another_on_whose_list_that_happened),
        TEST(a_page_is_shared_by_so_many_that_others_need_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
