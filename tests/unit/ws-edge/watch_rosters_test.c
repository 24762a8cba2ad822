/* Watch lists that hold rosters: who is on them, who is to be named, who finds no room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ws-edge/list_fixture.h"

enum { WATCHES_MAX = 40, LIST_MAX = 20, USERS_MAX = 32, TEXT_BYTES = 64 };

static watch_lists_t *lists;
static int owner_a, owner_b;

static int begin(void **state) {
    (void)state;
    lists = watch_lists_new(WATCHES_MAX, LIST_MAX);
    return lists ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    assert_int_equal(watch_lists_watches_count(lists), 0);
    assert_int_equal(watch_lists_rosters_count(lists), 0);
    watch_lists_destroy(&lists);
    return 0;
}

static void hold(watch_list_t *list, const char *group) {
    assert_int_equal(watch_list_hold(list, ROSTER_GROUP, str_view_of(group)), ZP_OK);
}

static void set(const char *group, uint64_t version, const char *letters) {
    char ids[USERS_MAX][2];
    char *users[USERS_MAX];
    for (size_t i = 0; letters[i]; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%c", letters[i]);
        users[i] = ids[i];
    }
    const roster_news news = {ROSTER_GROUP, str_view_of(group), version, users, strlen(letters)};
    watch_lists_set_rosters(lists, &news, 1);
    watch_lists_fill(lists, 1000);
}

static const char *users_of(const watch_list_t *list) {
    static char text[TEXT_BYTES];
    text[0] = '\0';
    for (size_t place = 0; place < watch_list_users_count(list); place++) {
        strcat(text, watch_list_user(list, place));
    }
    return text;
}

static void told_all(watch_list_t *list) {
    for (size_t place = 0; place < watch_list_users_count(list); place++) {
        watch_list_told(list, place, STATUS_OFFLINE, (log_position){1, 1});
    }
}

static void a_snapshot_waits_until_every_roster_is_known(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "x", &owner_a);
    hold(list, "g");
    hold(list, "h");
    hold(list, "g");
    assert_false(watch_list_take_snapshot_due(list));
    set("g", 1, "ba");
    assert_null(watch_lists_next_grown(lists));
    assert_false(watch_list_take_snapshot_due(list));
    set("h", 1, "");
    assert_ptr_equal(watch_lists_next_grown(lists), &owner_a);
    assert_null(watch_lists_next_grown(lists));
    assert_true(watch_list_take_snapshot_due(list));
    assert_false(watch_list_take_snapshot_due(list));
    assert_string_equal(users_of(list), "xab");
    watch_list_end(&list);
}

static void without_rosters_a_snapshot_is_due_at_once_and_of_known_ones_too(void **state) {
    (void)state;
    watch_list_t *first = list_of(lists, "x", &owner_a);
    assert_true(watch_list_take_snapshot_due(first));
    hold(first, "g");
    set("g", 1, "ab");
    watch_list_t *second = list_of(lists, "", &owner_b);
    hold(second, "g");
    assert_true(watch_list_take_snapshot_due(second));
    assert_string_equal(users_of(second), "ab");
    watch_list_end(&first);
    watch_list_end(&second);
}

static void who_comes_is_to_be_named_and_who_goes_is_watched_no_more(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "x", &owner_a);
    hold(list, "g");
    set("g", 1, "ab");
    assert_true(watch_list_take_snapshot_due(list));
    told_all(list);
    (void)watch_lists_next_grown(lists);
    set("g", 2, "bcx");
    assert_ptr_equal(watch_lists_next_grown(lists), &owner_a);
    assert_true(watch_list_take_snapshot_due(list));
    assert_string_equal(users_of(list), "xbc");
    assert_int_equal(watch_list_told_count(list), 2); /* c is to be named, nobody again */
    told_all(list);
    set("g", 3, "");
    assert_null(watch_lists_next_grown(lists)); /* nobody is to be named */
    assert_string_equal(users_of(list), "x");   /* whom the client has named */
    watch_list_end(&list);
}

static void who_is_in_two_rosters_or_named_stays_until_the_last_of_them(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "b", &owner_a);
    hold(list, "g");
    hold(list, "h");
    set("g", 1, "abc");
    set("h", 1, "bcd");
    assert_string_equal(users_of(list), "bacd");
    watch_list_begin_removal(list);
    watch_list_let_go(list, ROSTER_GROUP, str_view_of("g"));
    watch_list_let_go(list, ROSTER_GROUP, str_view_of("g"));
    watch_list_let_go(list, ROSTER_CONTACTS, str_view_of("h"));
    watch_list_end_removal(list);
    assert_string_equal(users_of(list), "bcd");
    remove_user(list, "b"); /* named no longer, but in h */
    assert_string_equal(users_of(list), "bcd");
    set("h", 2, "d");
    assert_string_equal(users_of(list), "d");
    watch_list_end(&list);
}

static void what_is_told_of_a_roster_that_nobody_holds_is_passed_over(void **state) {
    (void)state;
    set("g", 1, "abc");
    assert_int_equal(watch_lists_rosters_count(lists), 0);
}

static void every_list_that_holds_it_hears_of_a_change(void **state) {
    (void)state;
    watch_list_t *first = list_of(lists, "", &owner_a), *second = list_of(lists, "a", &owner_b);
    hold(first, "g");
    hold(second, "g");
    set("g", 1, "ab");
    assert_string_equal(users_of(first), "ab");
    assert_string_equal(users_of(second), "ab");
    assert_ptr_equal(watch_lists_next_grown(lists), &owner_a);
    assert_ptr_equal(watch_lists_next_grown(lists), &owner_b);
    assert_int_equal(watch_lists_users_count(lists), 2);
    watch_list_end(&first);
    set("g", 2, "b");
    assert_string_equal(users_of(second), "ab"); /* a is named */
    watch_list_end(&second);
}

static void who_finds_no_room_is_left_out_which_is_said_once_and_comes_when_there_is_some(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "0123456789", &owner_a);
    hold(list, "g");
    set("g", 1, "abcdefghijkl");
    assert_int_equal(watch_list_users_count(list), LIST_MAX);
    assert_ptr_equal(watch_lists_next_grown(lists), &owner_a);
    assert_true(watch_list_take_left_out(list));
    assert_false(watch_list_take_left_out(list));
    assert_true(watch_list_take_snapshot_due(list));
    told_all(list);
    set("g", 2, "bcdefghijkl");
    assert_string_equal(users_of(list), "0123456789bcdefghijk");
    assert_false(watch_list_take_left_out(list)); /* l still is, and that is known */
    assert_true(watch_list_take_snapshot_due(list));
    set("g", 3, "kl");
    assert_string_equal(users_of(list), "0123456789kl");
    assert_false(watch_list_take_left_out(list));
    watch_list_end(&list);
}

static void whoever_goes_makes_room_for_whom_another_roster_had_left_out(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "0123456789", &owner_a);
    hold(list, "g");
    hold(list, "h");
    set("g", 1, "abcdefghi");
    set("h", 1, "ixyz");
    assert_string_equal(users_of(list), "0123456789abcdefghix");
    told_all(list);
    set("g", 2, "defghi"); /* three go: y and z come */
    assert_string_equal(users_of(list), "0123456789defghixyz");
    assert_int_equal(watch_list_told_count(list), 17);
    set("g", 3, ""); /* i is in h */
    assert_string_equal(users_of(list), "0123456789ixyz");
    watch_list_end(&list);
}

static void who_finds_room_by_one_roster_and_is_in_another_too_stays_until_the_last_of_them(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "0123456789ABCDEFGH", &owner_a);
    hold(list, "g");
    hold(list, "h");
    set("g", 1, "y");
    set("h", 1, "abx");
    assert_string_equal(users_of(list), "0123456789ABCDEFGHya");
    told_all(list);
    set("g", 2, "x"); /* in the place of y; and is in h */
    assert_string_equal(users_of(list), "0123456789ABCDEFGHax");
    told_all(list);
    set("h", 2, "ab");
    assert_string_equal(users_of(list), "0123456789ABCDEFGHax");
    assert_int_equal(watch_list_told_count(list), LIST_MAX); /* nobody is named again */
    watch_list_end(&list);
}

static void what_is_let_go_makes_room_too(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "0123456789", &owner_a);
    hold(list, "g");
    hold(list, "h");
    set("g", 1, "abcdefghij");
    set("h", 1, "xyz");
    assert_int_equal(watch_list_users_count(list), LIST_MAX);
    watch_list_begin_removal(list);
    watch_list_let_go(list, ROSTER_GROUP, str_view_of("g"));
    watch_list_end_removal(list);
    assert_string_equal(users_of(list), "0123456789"); /* until its turn comes */
    assert_true(watch_lists_are_unfilled(lists));
    watch_lists_fill(lists, 1);
    assert_string_equal(users_of(list), "0123456789xyz");
    assert_false(watch_lists_are_unfilled(lists));
    watch_list_end(&list);
}

static void lists_are_filled_one_after_the_other(void **state) {
    (void)state;
    watch_list_t *first = list_of(lists, "0123456789", &owner_a);
    watch_list_t *second = list_of(lists, "0123456789", &owner_b);
    watch_list_t *const both[] = {second, first};
    hold(first, "g");
    hold(second, "g");
    set("g", 1, "abcdefghijk");
    told_all(first);
    told_all(second);
    while (watch_lists_next_grown(lists)) {
    }
    for (size_t i = 0; i < 2; i++) {
        remove_user(both[i], "0");
    }
    watch_lists_fill(lists, 11); /* as many as one takes */
    assert_string_equal(users_of(second), "123456789abcdefghijk");
    assert_string_equal(users_of(first), "123456789abcdefghij");
    assert_ptr_equal(watch_lists_next_grown(lists), &owner_b);
    assert_null(watch_lists_next_grown(lists));
    assert_true(watch_lists_are_unfilled(lists));
    watch_list_end(&first); /* whose turn would have been next */
    assert_false(watch_lists_are_unfilled(lists));
    watch_list_end(&second);
}

static void rosters_that_change_together_are_one_change(void **state) {
    (void)state;
    char *g[] = {"b", "c", "x"}, *h[] = {"c", "y"}, *unheld[] = {"z"};
    watch_list_t *list = list_of(lists, "", &owner_a);
    hold(list, "g");
    hold(list, "h");
    set("g", 1, "ab");
    set("h", 1, "ac");
    told_all(list);
    assert_string_equal(users_of(list), "abc");
    const roster_news news[] = {{ROSTER_GROUP, str_view_of("g"), 2, g, 3},
                                {ROSTER_GROUP, str_view_of("k"), 2, unheld, 1},
                                {ROSTER_GROUP, str_view_of("h"), 2, h, 2},
                                {ROSTER_GROUP, str_view_of("g"), 3, unheld, 1}}; /* said already */
    watch_lists_set_rosters(lists, news, sizeof news / sizeof *news);
    assert_string_equal(users_of(list), "bcxy");
    assert_int_equal(watch_list_told_count(list), 2);
    set("g", 4, "");
    assert_string_equal(users_of(list), "cy");
    watch_list_end(&list);
}

static void the_list_that_is_replaced_makes_room_for_the_one_in_its_place(void **state) {
    (void)state;
    watch_list_t *fill = NULL, *list = list_of(lists, "", &owner_a), *next = NULL;
    assert_int_equal(watch_list_new(lists, WATCHES_MAX - 4, NULL, &owner_b, &fill), ZP_OK);
    hold(list, "g");
    set("g", 1, "abcd");
    assert_string_equal(users_of(list), "abcd");
    assert_int_equal(watch_list_new(lists, 0, list, &owner_a, &next), ZP_OK);
    hold(next, "g");
    watch_list_end(&list);
    watch_list_has_replaced(next);
    assert_string_equal(users_of(next), "abcd");
    assert_false(watch_list_take_left_out(next));
    watch_list_end(&next);
    watch_list_end(&fill);
}

static void all_lists_together_hold_so_many(void **state) {
    (void)state;
    watch_list_t *fill = NULL, *list = list_of(lists, "", &owner_a);
    assert_int_equal(watch_list_new(lists, WATCHES_MAX - 2, NULL, &owner_b, &fill), ZP_OK);
    hold(list, "g");
    set("g", 1, "abc");
    assert_string_equal(users_of(list), "ab");
    assert_true(watch_list_take_left_out(list));
    watch_list_end(&fill);
    set("g", 2, "abcd");
    assert_string_equal(users_of(list), "abcd");
    watch_list_end(&list);
}

static void who_goes_from_one_roster_to_another_stays_where_they_stand(void **state) {
    (void)state;
    char *of_g[] = {"b"}, *of_h[] = {"a", "c"};
    watch_list_t *list = list_of(lists, "", &owner_a);
    hold(list, "g");
    hold(list, "h");
    set("g", 1, "ab");
    set("h", 1, "c");
    told_all(list);
    const roster_news news[] = {{ROSTER_GROUP, str_view_of("g"), 2, of_g, 1},
                                {ROSTER_GROUP, str_view_of("h"), 2, of_h, 2}};
    uint32_t leavings = watch_list_leavings(list);
    watch_lists_set_rosters(lists, news, 2);
    assert_string_equal(users_of(list), "abc");
    assert_int_equal(watch_list_told_count(list), 3); /* nobody is named again */
    assert_int_equal(watch_list_leavings(list), leavings);
    set("h", 3, "c");
    assert_string_equal(users_of(list), "bc");
    watch_list_end(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_snapshot_waits_until_every_roster_is_known),
        TEST(without_rosters_a_snapshot_is_due_at_once_and_of_known_ones_too),
        TEST(who_comes_is_to_be_named_and_who_goes_is_watched_no_more),
        TEST(who_is_in_two_rosters_or_named_stays_until_the_last_of_them),
        TEST(what_is_told_of_a_roster_that_nobody_holds_is_passed_over),
        TEST(every_list_that_holds_it_hears_of_a_change),
        TEST(who_finds_no_room_is_left_out_which_is_said_once_and_comes_when_there_is_some),
        TEST(whoever_goes_makes_room_for_whom_another_roster_had_left_out),
        TEST(who_finds_room_by_one_roster_and_is_in_another_too_stays_until_the_last_of_them),
        TEST(what_is_let_go_makes_room_too),
        TEST(lists_are_filled_one_after_the_other),
        TEST(rosters_that_change_together_are_one_change),
        TEST(who_goes_from_one_roster_to_another_stays_where_they_stand),
        TEST(the_list_that_is_replaced_makes_room_for_the_one_in_its_place),
        TEST(all_lists_together_hold_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
