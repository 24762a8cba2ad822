/* explain.lua: who speaks for a user, and their last transitions, out of however long a log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

enum { COLUMNS = 8, SEQ = 0, SHOWN, ROWS, RECORDS, COMPLETE, LOG_FROM };

static int with_two_edges(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") && join("e2", "ws-edge-2", "-") ? 0 : -1;
}

static void explain(const char *user, const char *most) {
    run(SCRIPT_EXPLAIN, user, most, NULL);
    assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
    assert_int_equal(answer->elements, 6);
}

static size_t rows_count(void) {
    return answer->element[ROWS]->elements / COLUMNS;
}

static const char *column(size_t row, size_t column_index) {
    return answer->element[ROWS]->element[row * COLUMNS + column_index]->str;
}

static size_t found_count(void) {
    return answer->element[RECORDS]->elements;
}

static bool found(size_t index, const char *part) {
    return strstr(answer->element[RECORDS]->element[index]->str, part) != NULL;
}

static const char *shown_part(size_t index) {
    return answer->element[SHOWN]->element[index]->str;
}

static void a_stranger_has_no_story(void **state) {
    (void)state;
    explain("nobody", "20");
    assert_string_equal(shown_part(0), "f");
    assert_string_equal(shown_part(1), "0");
    assert_int_equal(rows_count(), 0);
    assert_int_equal(found_count(), 0);
    assert_string_equal(answer_text(COMPLETE), "1");
    assert_string_equal(answer_text(LOG_FROM), "0");
}

static void every_connection_is_named_with_its_edge(void **state) {
    (void)state;
    run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "0", "0", NEVER, "123", "1", "connected", "0", "-", "ob",
        "[[\"c1\",\"phone\",111],[\"c2\",\"laptop\",222]]", NULL);
    explain("123", "20");
    assert_string_equal(shown_part(0), "b");
    assert_int_equal(rows_count(), 2);
    const char *expected[] = {"e/e1", "ws-edge-1", "leased", "0", "c2", "laptop", "b", "222"};
    for (size_t i = 0; i < COLUMNS; i++) {
        assert_string_equal(column(1, i), expected[i]);
    }
}

static void who_is_on_the_grace_is_said_to_end(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    ask("ZADD presence:edges 1 e1");
    explain("123", "20");
    assert_string_equal(column(0, 2), "lease-over");
    tick();
    explain("123", "20");
    assert_string_equal(column(0, 2), "ends");
    assert_in_range(strtoll(column(0, 3), NULL, 10), GRACE - 2000, GRACE);
}

static void who_has_just_closed_lingers(void **state) {
    (void)state;
    say("e1", "123", 1, "o");
    say_closed("e1", "-", "123", 2);
    explain("123", "20");
    assert_string_equal(column(0, 2), "lingers");
    assert_string_equal(column(0, 4), "-");
    assert_in_range(strtoll(column(0, 3), NULL, 10), DEBOUNCE - 1000, DEBOUNCE);
}

/* Others come and go in between, some of them in the same log entry. */
static void live_a_long_life(int times) {
    for (int i = 0; i < times; i++) {
        char number[24], other[24];
        (void)snprintf(number, sizeof number, "%d", i + 1);
        (void)snprintf(other, sizeof other, "other-%d", i);
        run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "0", "0", NEVER, /* */
            other, "1", "connected", "0", "-", "o", "[]",               /* */
            "123", number, i % 2 ? "closed" : "connected", "0", "-", i % 2 ? "-" : "o", "[]", NULL);
        assert_string_equal(answer_text(0), "1");
        say("e2", other, 1, "b");
    }
}

static void transitions_are_found_newest_first_and_only_theirs(void **state) {
    (void)state;
    live_a_long_life(30);
    explain("123", "20");
    assert_int_equal(found_count(), 20);
    assert_string_equal(answer_text(COMPLETE), "0");
    for (size_t i = 0; i < 20; i++) {
        assert_true(found(i, i % 2 ? " f o " : " o f "));
        assert_true(found(i, " 123"));
    }
    explain("123", "100");
    assert_int_equal(found_count(), 30);
    assert_string_equal(answer_text(COMPLETE), "1");
    assert_true(found(29, " 0 connected ws-edge-1 123"));
}

static void what_the_log_no_longer_has_is_said_to_be_missing(void **state) {
    (void)state;
    live_a_long_life(30);
    ask("XTRIM presence:log MAXLEN 7");
    explain("123", "100");
    assert_in_range(found_count(), 3, 5);
    assert_string_equal(answer_text(COMPLETE), "0");
    assert_true(strtoll(answer_text(LOG_FROM), NULL, 10) > 0);
    ask("DEL presence:log");
    explain("123", "100");
    assert_int_equal(found_count(), 0);
    assert_string_equal(answer_text(COMPLETE), "0");
}

static void a_story_goes_on_over_epochs(void **state) {
    (void)state;
    live_a_long_life(4);
    for (int i = 0; i < 3; i++) {
        char run_id[24], user[24];
        (void)snprintf(run_id, sizeof run_id, "another-%d", i);
        (void)snprintf(user, sizeof user, "later-%d", i);
        assert_true(check_epoch(run_id, false, 0, 0, true, NULL));
        say("e1", user, 100, "o");
    }
    say("e1", "123", 101, "a");
    explain("123", "100");
    assert_int_equal(found_count(), 5);
    assert_true(found(0, " f a "));
    assert_true(found(1, " o f "));
    assert_string_equal(answer_text(COMPLETE), "1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_stranger_has_no_story, with_two_edges),
        cmocka_unit_test_setup(every_connection_is_named_with_its_edge, with_two_edges),
        cmocka_unit_test_setup(who_is_on_the_grace_is_said_to_end, with_two_edges),
        cmocka_unit_test_setup(who_has_just_closed_lingers, with_two_edges),
        cmocka_unit_test_setup(transitions_are_found_newest_first_and_only_theirs, with_two_edges),
        cmocka_unit_test_setup(what_the_log_no_longer_has_is_said_to_be_missing, with_two_edges),
        cmocka_unit_test_setup(a_story_goes_on_over_epochs, with_two_edges),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}
