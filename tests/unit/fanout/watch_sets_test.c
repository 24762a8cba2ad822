/* watch_sets: who is in whose set, whose state is still to be said, and for which sets a change is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "services/fanout/core/watch_sets.h"

enum { USERS_MAX = 6, TEXT_BYTES = 64 };

static watch_sets_t *sets;

static int begin(void **state) {
    (void)state;
    sets = watch_sets_new(USERS_MAX);
    return sets ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    assert_int_equal(watch_sets_users_count(sets), 0);
    watch_sets_destroy(&sets);
    return 0;
}

/* Users of one letter each. */
static void add(watch_set_t *set, const char *letters) {
    for (; letters[0]; letters++) {
        assert_int_equal(watch_set_add(set, str_view_make(letters, 1)), ZP_OK);
    }
}

static watch_set_t *set_of(const char *letters) {
    watch_set_t *set = watch_set_new(sets);
    assert_non_null(set);
    add(set, letters);
    return set;
}

/* Whose state is to be said, which has been done on return. */
static const char *unanswered(watch_set_t *set) {
    static char text[TEXT_BYTES];
    const char *id = NULL;
    size_t len = 0;
    text[0] = '\0';
    while ((id = watch_set_take_unanswered(set))) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%s", id);
    }
    assert_true(watch_set_is_answered(set));
    return text;
}

/* The places noted for the set, which are forgotten on return. */
static const char *notes(watch_set_t *set) {
    static char text[TEXT_BYTES];
    size_t count = 0;
    size_t len = 0;
    const size_t *places = watch_set_notes(set, &count);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%zu ", places[i]);
    }
    watch_set_forget_notes(set);
    return text;
}

static void whoever_joins_is_to_be_answered_for_once(void **state) {
    (void)state;
    watch_set_t *set = set_of("ab");
    assert_false(watch_set_is_answered(set));
    assert_string_equal(unanswered(set), "ab");
    assert_string_equal(unanswered(set), "");
    add(set, "cb"); /* b is in it already: whoever says so has forgotten what was said of b */
    assert_string_equal(unanswered(set), "cb");
    assert_int_equal(watch_sets_users_count(sets), 3);
    watch_set_end(&set);
}

static void all_may_be_to_be_answered_for_once_more(void **state) {
    (void)state;
    watch_set_t *set = set_of("ab");
    (void)unanswered(set);
    add(set, "c");
    watch_set_unanswer(set);
    assert_string_equal(unanswered(set), "cab");
    watch_set_end(&set);
}

static void whoever_leaves_before_it_was_answered_for_is_not(void **state) {
    (void)state;
    watch_set_t *set = set_of("ab");
    watch_set_remove(set, str_view_of("a"));
    watch_set_remove(set, str_view_of("nobody"));
    assert_string_equal(unanswered(set), "b");
    watch_set_remove(set, str_view_of("b"));
    assert_false(watch_sets_note(sets, str_view_of("b"), 0));
    watch_set_end(&set);
}

static void a_change_is_for_those_that_have_the_user(void **state) {
    (void)state;
    watch_set_t *ab = set_of("ab"), *bc = set_of("bc");
    assert_true(watch_sets_note(sets, str_view_of("a"), 0));
    assert_true(watch_sets_note(sets, str_view_of("b"), 1));
    assert_false(watch_sets_note(sets, str_view_of("d"), 2));
    assert_true(watch_sets_note(sets, str_view_of("b"), 2));
    assert_string_equal(notes(ab), "0 1 2 ");
    assert_string_equal(notes(bc), "1 2 ");
    assert_string_equal(notes(bc), "");
    watch_set_remove(ab, str_view_of("b"));
    assert_true(watch_sets_note(sets, str_view_of("b"), 0));
    assert_string_equal(notes(ab), "");
    assert_string_equal(notes(bc), "0 ");
    watch_set_end(&bc);
    assert_false(watch_sets_note(sets, str_view_of("b"), 0));
    assert_true(watch_sets_note(sets, str_view_of("a"), 0));
    watch_set_end(&ab);
}

static void a_set_takes_the_notes_of_a_whole_batch(void **state) {
    (void)state;
    watch_set_t *set = set_of("a");
    size_t count = 0;
    for (size_t place = 0; place < WATCH_SET_NOTES_MAX; place++) {
        assert_true(watch_sets_note(sets, str_view_of("a"), place));
    }
    assert_int_equal(watch_set_notes(set, &count)[WATCH_SET_NOTES_MAX - 1], WATCH_SET_NOTES_MAX - 1);
    assert_int_equal(count, WATCH_SET_NOTES_MAX);
    watch_set_end(&set);
}

static void their_users_are_bounded_over_all_sets(void **state) {
    (void)state;
    watch_set_t *one = set_of("abc"), *two = set_of("abc");
    assert_int_equal(watch_set_add(one, str_view_of("d")), ZP_FULL);
    assert_int_equal(watch_set_add(one, str_view_of("a")), ZP_OK);
    assert_false(watch_sets_note(sets, str_view_of("d"), 0));
    watch_set_end(&two);
    add(one, "def");
    assert_int_equal(watch_set_add(one, str_view_of("g")), ZP_FULL);
    watch_set_end(&one);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(whoever_joins_is_to_be_answered_for_once),
        TEST(all_may_be_to_be_answered_for_once_more),
        TEST(whoever_leaves_before_it_was_answered_for_is_not),
        TEST(a_change_is_for_those_that_have_the_user),
        TEST(a_set_takes_the_notes_of_a_whole_batch),
        TEST(their_users_are_bounded_over_all_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
