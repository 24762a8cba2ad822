/* Rosters: who is asked for when, and what has changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/ws-edge/core/rosters.h"

enum { ROSTERS_MAX = 8, REFRESH_MS = 100, TEXT_BYTES = 128 };

static rosters_t rosters;
static ring holders[ROSTERS_MAX];

static int begin(void **state) {
    (void)state;
    memset(holders, 0, sizeof holders);
    rosters_init(&rosters);
    return 0;
}

static int end(void **state) {
    (void)state;
    rosters_clear(&rosters);
    assert_int_equal(rosters.count, 0);
    assert_int_equal(rosters.unheld_count, 0);
    return 0;
}

/* The i-th one, held once. */
static roster_t *hold(size_t i, roster_kind kind, const char *id) {
    roster_t *roster = rosters_get(&rosters, kind, str_view_of(id));
    assert_non_null(roster);
    rosters_hold(&rosters, roster, &holders[i]);
    return roster;
}

static void let_go(size_t i, roster_t *roster) {
    ring_remove(&holders[i]);
    rosters_release(&rosters, roster);
}

/* The ids that are asked for now, in that order. */
static const char *ask(uint64_t now_ms, size_t most) {
    static char text[TEXT_BYTES];
    const roster_t *asked[ROSTERS_MAX];
    size_t count = rosters_ask(&rosters, now_ms, REFRESH_MS, asked, most);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(text, roster_id(asked[i]));
    }
    return text;
}

/* A core says that these are in it, one letter each; what has changed: "+a-b". */
static const char *set(roster_t *roster, uint64_t version, const char *letters) {
    static char text[TEXT_BYTES];
    char ids[ROSTERS_MAX][2];
    char *users[ROSTERS_MAX];
    roster_change change;
    for (size_t i = 0; letters[i]; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%c", letters[i]);
        users[i] = ids[i];
    }
    assert_int_equal(roster_change_begin(roster, version, users, strlen(letters), &change), ZP_OK);
    text[0] = '\0';
    for (size_t i = 0; i < change.added_count; i++) {
        strcat(strcat(text, "+"), change.added[i]);
    }
    for (size_t i = 0; i < change.removed_count; i++) {
        strcat(strcat(text, "-"), change.removed[i]);
    }
    roster_change_end(&change);
    return text;
}

static void a_new_one_is_asked_for_at_once_and_each_again_when_it_is_due(void **state) {
    (void)state;
    assert_int_equal(rosters_due_ms(&rosters), UINT64_MAX);
    roster_t *a = hold(0, ROSTER_GROUP, "a");
    assert_string_equal(ask(1000, 8), "a");
    rosters_answered(&rosters, true);
    assert_int_equal(rosters_due_ms(&rosters), 1000 + REFRESH_MS);
    assert_string_equal(ask(1099, 8), "");
    roster_t *b = hold(1, ROSTER_GROUP, "b");
    assert_int_equal(rosters_due_ms(&rosters), 0);
    assert_string_equal(ask(1100, 8), "ba");
    rosters_answered(&rosters, true);
    let_go(0, a);
    assert_string_equal(ask(1200, 8), "b");
    let_go(1, b);
    rosters_answered(&rosters, true);
    assert_int_equal(rosters_due_ms(&rosters), UINT64_MAX);
}

static void what_one_question_has_no_room_for_comes_next(void **state) {
    (void)state;
    static const char *const ids[] = {"a", "b", "c"};
    roster_t *all[3];
    for (size_t i = 0; i < 3; i++) {
        all[i] = hold(i, ROSTER_GROUP, ids[i]);
    }
    assert_string_equal(ask(1, 2), "cb");
    rosters_answered(&rosters, true);
    assert_string_equal(ask(1, 2), "a");
    rosters_answered(&rosters, true);
    assert_string_equal(ask(1, 2), "");
    for (size_t i = 0; i < 3; i++) {
        let_go(i, all[i]);
    }
}

static void what_an_answer_did_not_reach_is_due_at_once_in_the_same_order(void **state) {
    (void)state;
    static const char *const ids[] = {"d", "c", "b", "a"};
    roster_t *all[4];
    for (size_t i = 0; i < 4; i++) {
        all[i] = hold(i, ROSTER_GROUP, ids[i]);
    }
    assert_string_equal(ask(1, 8), "abcd");
    (void)set(all[2], 7, "xy"); /* b; before it, a is as it was */
    rosters_answered(&rosters, false);
    assert_string_equal(ask(2, 8), "cd");
    rosters_answered(&rosters, false); /* nothing came of it */
    assert_string_equal(ask(2, 8), "cd");
    rosters_answered(&rosters, true);
    assert_string_equal(ask(2, 8), "");
    assert_string_equal(ask(101, 8), "ab");
    rosters_answered(&rosters, true);
    for (size_t i = 0; i < 4; i++) {
        let_go(i, all[i]);
    }
}

static void what_has_changed_is_who_came_and_who_went(void **state) {
    (void)state;
    roster_t *roster = hold(0, ROSTER_GROUP, "g");
    assert_int_equal(roster->version, 0);
    assert_string_equal(set(roster, 5, "cab"), "+a+b+c");
    assert_int_equal(roster->version, 5);
    assert_string_equal(set(roster, 6, "dbx"), "+d+x-a-c");
    assert_string_equal(set(roster, 7, "xbd"), "");
    assert_string_equal(set(roster, 8, ""), "-b-d-x");
    let_go(0, roster);
}

static void what_nobody_holds_any_more_is_kept_until_it_would_be_asked_for(void **state) {
    (void)state;
    roster_t *roster = hold(0, ROSTER_GROUP, "g");
    assert_string_equal(ask(1000, 8), "g");
    (void)set(roster, 5, "ab");
    rosters_answered(&rosters, true);
    let_go(0, roster);
    assert_ptr_equal(hold(0, ROSTER_GROUP, "g"), roster);
    assert_int_equal(roster->users_count, 2);
    let_go(0, roster);
    assert_int_equal(rosters.unheld_count, 1);
    assert_string_equal(ask(1099, 8), "");
    assert_non_null(rosters_find(&rosters, ROSTER_GROUP, str_view_of("g")));
    assert_string_equal(ask(1100, 8), "");
    assert_null(rosters_find(&rosters, ROSTER_GROUP, str_view_of("g")));
    /* Of one that nobody has said there is nothing to keep. */
    let_go(0, hold(0, ROSTER_GROUP, "g"));
    assert_int_equal(rosters.count, 0);
}

static void so_many_of_them_are_kept(void **state) {
    (void)state;
    for (int i = 0; i < ROSTERS_UNHELD_MAX + 5; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        roster_t *roster = hold(0, ROSTER_GROUP, id);
        (void)set(roster, 1, "a");
        let_go(0, roster);
    }
    assert_int_equal(rosters.count, ROSTERS_UNHELD_MAX);
    assert_int_equal(rosters.unheld_count, ROSTERS_UNHELD_MAX);
}

static void a_group_and_the_contacts_of_a_user_of_that_name_are_two(void **state) {
    (void)state;
    roster_t *group = hold(0, ROSTER_GROUP, "a"), *contacts = hold(1, ROSTER_CONTACTS, "a");
    assert_ptr_not_equal(group, contacts);
    assert_ptr_equal(rosters_find(&rosters, ROSTER_CONTACTS, str_view_of("a")), contacts);
    assert_null(rosters_find(&rosters, ROSTER_CONTACTS, str_view_of("b")));
    assert_int_equal(rosters.count, 2);
    let_go(0, group);
    let_go(1, contacts);
    assert_int_equal(rosters.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_new_one_is_asked_for_at_once_and_each_again_when_it_is_due),
        TEST(what_one_question_has_no_room_for_comes_next),
        TEST(what_an_answer_did_not_reach_is_due_at_once_in_the_same_order),
        TEST(what_has_changed_is_who_came_and_who_went),
        TEST(what_nobody_holds_any_more_is_kept_until_it_would_be_asked_for),
        TEST(so_many_of_them_are_kept),
        TEST(a_group_and_the_contacts_of_a_user_of_that_name_are_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
