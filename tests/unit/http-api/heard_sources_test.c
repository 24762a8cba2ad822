/* heard_sources: who is remembered, for how long, and how old they are once Redis has lost its data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/http-api/core/heard_sources.h"

enum { MOST = 5, TTL = 10000, EPOCH = 100 };

static heard_sources_t *heard;
static heard_source taken[20];

static int fresh(void **state) {
    (void)state;
    heard_sources_destroy(&heard);
    heard = heard_sources_new(MOST, TTL);
    assert_non_null(heard);
    heard_sources_note_clock(heard, EPOCH, 1000);
    return 0;
}

static int gone(void **state) {
    (void)state;
    heard_sources_destroy(&heard);
    return 0;
}

static void note(const char *user, uint64_t at_ms) {
    heard_sources_note(heard, user, "default", STATUS_ONLINE, at_ms);
}

static size_t take_all(void) {
    heard_sources_rewind(heard);
    return heard_sources_take(heard, taken, 20);
}

static void each_is_remembered_once_as_it_was_heard_last(void **state) {
    (void)state;
    note("a", 1);
    heard_sources_note(heard, "a", "s2", STATUS_AWAY, 2);
    heard_sources_note(heard, "a", "default", STATUS_OFFLINE, 3);
    assert_int_equal(take_all(), 2);
    assert_string_equal(taken[0].socket_id, "s2");
    assert_int_equal(taken[0].status, STATUS_AWAY);
    assert_string_equal(taken[1].user_id, "a");
    assert_string_equal(taken[1].socket_id, "default");
    assert_int_equal(taken[1].status, STATUS_OFFLINE);
    assert_int_equal(taken[1].heard_at_ms, 3);
    assert_int_equal(taken[1].first_heard_ms, 1);
}

static void silence_is_service_time_and_goes_on_in_the_next_epoch(void **state) {
    (void)state;
    note("a", 1);
    heard_sources_note_clock(heard, EPOCH, 3000);
    heard_sources_note_clock(heard, EPOCH, 2500);  /* a late answer */
    heard_sources_note_clock(heard, EPOCH + 1, 1); /* the clock has begun anew */
    heard_sources_note_clock(heard, EPOCH, 90000);
    take_all();
    assert_int_equal(taken[0].silence_ms, 2000);
    heard_sources_note_clock(heard, EPOCH + 1, 501);
    take_all();
    assert_int_equal(taken[0].silence_ms, 2500);
}

static void who_is_silent_for_the_ttl_is_forgotten(void **state) {
    (void)state;
    note("a", 1);
    heard_sources_note_clock(heard, EPOCH, 1000 + TTL - 1);
    note("b", 2);
    assert_int_equal(heard_sources_count(heard), 2);
    heard_sources_note_clock(heard, EPOCH, 1000 + TTL);
    assert_int_equal(take_all(), 1);
    assert_string_equal(taken[0].user_id, "b");
}

static void of_too_many_the_longest_unheard_is_forgotten(void **state) {
    (void)state;
    char user[4] = "u0";
    for (int i = 0; i < MOST; i++) {
        user[1] = (char)('0' + i);
        note(user, 1);
    }
    note("u0", 2);
    note("new", 3);
    assert_int_equal(heard_sources_count(heard), MOST);
    assert_int_equal(take_all(), MOST);
    assert_string_equal(taken[0].user_id, "u2");
    assert_string_equal(taken[MOST - 2].user_id, "u0");
}

static void it_is_gone_through_in_pieces_whatever_is_heard_meanwhile(void **state) {
    (void)state;
    note("a", 1);
    note("b", 1);
    note("c", 1);
    heard_sources_rewind(heard);
    assert_int_equal(heard_sources_take(heard, taken, 1), 1);
    assert_string_equal(taken[0].user_id, "a");
    note("b", 2); /* the next: comes at the end now */
    note("a", 2);
    assert_int_equal(heard_sources_take(heard, taken, 2), 2);
    assert_string_equal(taken[0].user_id, "c");
    assert_string_equal(taken[1].user_id, "b");
    assert_int_equal(heard_sources_take(heard, taken, 2), 1);
    assert_int_equal(heard_sources_take(heard, taken, 2), 0);
}

static void who_is_forgotten_meanwhile_is_passed_over(void **state) {
    (void)state;
    note("a", 1);
    heard_sources_note_clock(heard, EPOCH, 2000);
    note("b", 1);
    heard_sources_rewind(heard);
    heard_sources_note_clock(heard, EPOCH, 1000 + TTL);
    note("c", 2);
    assert_int_equal(heard_sources_take(heard, taken, 9), 2);
    assert_string_equal(taken[0].user_id, "b");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, gone)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_is_remembered_once_as_it_was_heard_last),
        TEST(silence_is_service_time_and_goes_on_in_the_next_epoch),
        TEST(who_is_silent_for_the_ttl_is_forgotten),
        TEST(of_too_many_the_longest_unheard_is_forgotten),
        TEST(it_is_gone_through_in_pieces_whatever_is_heard_meanwhile),
        TEST(who_is_forgotten_meanwhile_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
