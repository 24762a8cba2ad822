/* interest: who is attached, under which generation, and what is told to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/fanout/core/interest.h"

static const log_position HERE = {1, 10};

static subscriber_t *hear(interest_t *interest, const char *identity, uint64_t now_ms) {
    return interest_hear(interest, str_view_of(identity), now_ms);
}

static subscriber_t *attached(interest_t *interest, const char *identity, uint32_t wire_forms) {
    subscriber_t *subscriber = hear(interest, identity, 0);
    assert_true(interest_set(interest, subscriber, 1, true, wire_forms, HERE));
    assert_ptr_equal(interest_next_awaiting(interest, HERE), subscriber);
    interest_attach(interest, subscriber);
    return subscriber;
}

static void a_beat_alone_attaches_nobody(void **state) {
    (void)state;
    interest_t *interest = interest_new(8);
    subscriber_t *subscriber = hear(interest, "one", 0);
    assert_ptr_equal(hear(interest, "one", 1), subscriber);
    assert_int_equal(interest_subscribers_count(interest), 1);
    assert_int_equal(subscriber_attached_generation(subscriber), 0);
    assert_null(interest_next_listener(interest, NULL));
    assert_null(interest_next_awaiting(interest, HERE));
    interest_destroy(&interest);
}

static void it_waits_until_the_view_is_new_enough(void **state) {
    (void)state;
    interest_t *interest = interest_new(8);
    subscriber_t *subscriber = hear(interest, "one", 0);
    assert_true(interest_set(interest, subscriber, 7, true, 1, (log_position){2, 5}));
    assert_null(interest_next_awaiting(interest, (log_position){1, 99}));
    assert_null(interest_next_awaiting(interest, (log_position){2, 4}));
    assert_int_equal(subscriber_attached_generation(subscriber), 0);
    assert_int_equal(interest_listeners_count(interest), 0);
    assert_ptr_equal(interest_next_awaiting(interest, (log_position){2, 5}), subscriber);
    interest_attach(interest, subscriber);
    assert_null(interest_next_awaiting(interest, (log_position){2, 6}));
    assert_int_equal(subscriber_attached_generation(subscriber), 7);
    assert_ptr_equal(interest_next_listener(interest, NULL), subscriber);
    interest_destroy(&interest);
}

static void where_nobody_listens_nothing_is_owed(void **state) {
    (void)state;
    interest_t *interest = interest_new(8);
    subscriber_t *subscriber = hear(interest, "one", 0);
    assert_true(interest_set(interest, subscriber, 3, false, 15, HERE));
    assert_null(interest_next_awaiting(interest, HERE));
    assert_null(interest_next_listener(interest, NULL));
    assert_int_equal(interest_wire_forms(interest), 0);
    assert_int_equal(subscriber_attached_generation(subscriber), 3);
    interest_destroy(&interest);
}

static void numbers_begin_anew_with_each_interest(void **state) {
    (void)state;
    interest_t *interest = interest_new(8);
    subscriber_t *subscriber = attached(interest, "one", 1);
    assert_int_equal(subscriber_take_number(subscriber), 1);
    assert_int_equal(subscriber_take_number(subscriber), 2);
    assert_int_equal(subscriber_last_number(subscriber), 2);
    assert_true(interest_set(interest, subscriber, 2, true, 1, HERE));
    assert_int_equal(subscriber_last_number(subscriber), 0);
    interest_attach(interest, subscriber);
    assert_int_equal(subscriber_take_number(subscriber), 1);
    interest_destroy(&interest);
}

static void an_older_interest_or_detach_changes_nothing(void **state) {
    (void)state;
    interest_t *interest = interest_new(8);
    subscriber_t *subscriber = hear(interest, "one", 0);
    interest_set(interest, subscriber, 5, false, 0, HERE);
    assert_false(interest_set(interest, subscriber, 4, true, 1, HERE));
    assert_false(interest_set(interest, subscriber, 5, true, 1, HERE));
    interest_clear(interest, subscriber, 4);
    assert_int_equal(subscriber_attached_generation(subscriber), 5);
    interest_clear(interest, subscriber, 5);
    assert_int_equal(subscriber_attached_generation(subscriber), 0);
    interest_destroy(&interest);
}

static void one_who_cannot_take_it_is_detached_and_may_come_back(void **state) {
    (void)state;
    interest_t *interest = interest_new(8);
    subscriber_t *one = attached(interest, "one", 1), *two = attached(interest, "two", 2);
    assert_int_equal(interest_wire_forms(interest), 3);
    assert_true(interest_cut(interest, one));
    assert_false(interest_cut(interest, one));
    assert_int_equal(subscriber_attached_generation(one), 0);
    assert_int_equal(interest_wire_forms(interest), 2);
    assert_int_equal(interest_listeners_count(interest), 1);
    assert_ptr_equal(interest_next_listener(interest, NULL), two);
    assert_null(interest_next_listener(interest, two));
    assert_true(interest_set(interest, one, 2, true, 1, HERE));
    assert_ptr_equal(interest_next_awaiting(interest, HERE), one);
    interest_destroy(&interest);
}

static void the_silent_are_forgotten(void **state) {
    (void)state;
    interest_t *interest = interest_new(8);
    attached(interest, "one", 1);
    subscriber_t *two = attached(interest, "two", 2);
    hear(interest, "two", 900);
    assert_int_equal(interest_forget_silent(interest, 1000, 1000), 0);
    assert_int_equal(interest_forget_silent(interest, 1001, 1000), 1);
    assert_int_equal(interest_wire_forms(interest), 2);
    assert_ptr_equal(interest_next_listener(interest, NULL), two);
    assert_int_equal(interest_subscribers_count(interest), 1);
    interest_destroy(&interest);
}

static void their_number_is_bounded(void **state) {
    (void)state;
    interest_t *interest = interest_new(2);
    assert_non_null(hear(interest, "one", 0));
    assert_non_null(hear(interest, "two", 0));
    assert_null(hear(interest, "three", 0));
    assert_non_null(hear(interest, "two", 1));
    char long_identity[SUBSCRIBER_IDENTITY_MAX_BYTES + 1] = {0};
    assert_int_equal(interest_forget_silent(interest, 5000, 10), 2);
    assert_null(interest_hear(interest, str_view_make(long_identity, sizeof(long_identity)), 0));
    assert_non_null(interest_hear(interest, str_view_make(long_identity, sizeof(long_identity) - 1), 0));
    interest_destroy(&interest);
}

static void a_name_is_cut_to_fit(void **state) {
    (void)state;
    interest_t *interest = interest_new(2);
    subscriber_t *subscriber = hear(interest, "one", 0);
    assert_string_equal(subscriber_name(subscriber), "-");
    char name[SUBSCRIBER_NAME_MAX_BYTES + 20];
    memset(name, 'n', sizeof(name));
    subscriber_set_name(subscriber, str_view_make(name, sizeof(name)));
    assert_int_equal(strlen(subscriber_name(subscriber)), SUBSCRIBER_NAME_MAX_BYTES);
    interest_destroy(&interest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_beat_alone_attaches_nobody),
        cmocka_unit_test(it_waits_until_the_view_is_new_enough),
        cmocka_unit_test(where_nobody_listens_nothing_is_owed),
        cmocka_unit_test(numbers_begin_anew_with_each_interest),
        cmocka_unit_test(an_older_interest_or_detach_changes_nothing),
        cmocka_unit_test(one_who_cannot_take_it_is_detached_and_may_come_back),
        cmocka_unit_test(the_silent_are_forgotten),
        cmocka_unit_test(their_number_is_bounded),
        cmocka_unit_test(a_name_is_cut_to_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
