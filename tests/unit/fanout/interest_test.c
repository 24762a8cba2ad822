/* interest: who is attached, under which generation, and what is told to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/fanout/core/interest.h"

enum { WATCHED_MAX = 4 };

static const log_position HERE = {1, 10};

static subscriber_t *hear(interest_t *interest, const char *identity, uint64_t now_ms) {
    return interest_hear(interest, str_view_of(identity), now_ms);
}

static subscriber_t *attached(interest_t *interest, const char *identity, uint32_t wire_forms) {
    subscriber_t *subscriber = hear(interest, identity, 0);
    assert_true(interest_set(interest, subscriber, 1, INTEREST_ALL, wire_forms, HERE));
    assert_ptr_equal(interest_next_awaiting(interest, HERE), subscriber);
    interest_attach(interest, subscriber);
    return subscriber;
}

static void a_beat_alone_attaches_nobody(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *subscriber = hear(interest, "one", 0);
    assert_ptr_equal(hear(interest, "one", 1), subscriber);
    assert_int_equal(interest_subscribers_count(interest), 1);
    assert_int_equal(subscriber_attached_generation(subscriber), 0);
    assert_null(interest_next_listener(interest, NULL));
    assert_null(interest_next_awaiting(interest, HERE));
    interest_destroy(&interest);
}

static void each_subscriber_has_its_turn(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    assert_null(interest_next(interest, NULL));
    subscriber_t *one = hear(interest, "one", 0);
    subscriber_t *two = attached(interest, "two", 1);
    assert_ptr_equal(interest_next(interest, NULL), one);
    assert_ptr_equal(interest_next(interest, one), two);
    assert_null(interest_next(interest, two));
    interest_destroy(&interest);
}

static void it_waits_until_the_view_is_new_enough(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *subscriber = hear(interest, "one", 0);
    assert_true(interest_set(interest, subscriber, 7, INTEREST_ALL, 1, (log_position){2, 5}));
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
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *subscriber = hear(interest, "one", 0);
    assert_true(interest_set(interest, subscriber, 3, INTEREST_NONE, 15, HERE));
    assert_null(interest_next_awaiting(interest, HERE));
    assert_null(interest_next_listener(interest, NULL));
    assert_int_equal(interest_wire_forms(interest), 0);
    assert_int_equal(subscriber_attached_generation(subscriber), 3);
    interest_destroy(&interest);
}

static void numbers_begin_anew_with_each_interest(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *subscriber = attached(interest, "one", 1);
    assert_int_equal(subscriber_take_number(subscriber), 1);
    assert_int_equal(subscriber_take_number(subscriber), 2);
    assert_int_equal(subscriber_last_number(subscriber), 2);
    assert_true(interest_set(interest, subscriber, 2, INTEREST_ALL, 1, HERE));
    assert_int_equal(subscriber_last_number(subscriber), 0);
    interest_attach(interest, subscriber);
    assert_int_equal(subscriber_take_number(subscriber), 1);
    interest_destroy(&interest);
}

static void an_older_interest_or_detach_changes_nothing(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *subscriber = hear(interest, "one", 0);
    interest_set(interest, subscriber, 5, INTEREST_NONE, 0, HERE);
    assert_false(interest_set(interest, subscriber, 4, INTEREST_ALL, 1, HERE));
    assert_false(interest_set(interest, subscriber, 5, INTEREST_ALL, 1, HERE));
    interest_clear(interest, subscriber, 4);
    assert_int_equal(subscriber_attached_generation(subscriber), 5);
    interest_clear(interest, subscriber, 5);
    assert_int_equal(subscriber_attached_generation(subscriber), 0);
    interest_destroy(&interest);
}

static void one_who_cannot_take_it_is_detached_and_may_come_back(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *one = attached(interest, "one", 1), *two = attached(interest, "two", 2);
    assert_int_equal(interest_wire_forms(interest), 3);
    assert_true(interest_cut(interest, one));
    assert_false(interest_cut(interest, one));
    assert_int_equal(subscriber_attached_generation(one), 0);
    assert_int_equal(interest_wire_forms(interest), 2);
    assert_int_equal(interest_listeners_count(interest), 1);
    assert_ptr_equal(interest_next_listener(interest, NULL), two);
    assert_null(interest_next_listener(interest, two));
    assert_true(interest_set(interest, one, 2, INTEREST_ALL, 1, HERE));
    assert_ptr_equal(interest_next_awaiting(interest, HERE), one);
    interest_destroy(&interest);
}

static void the_silent_are_forgotten(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
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
    interest_t *interest = interest_new(2, WATCHED_MAX);
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

/* -- by user -- */

static subscriber_t *naming(interest_t *interest, const char *identity, uint64_t generation,
                            const char *user_id) {
    subscriber_t *subscriber = hear(interest, identity, 0);
    assert_true(interest_set(interest, subscriber, generation, INTEREST_BY_USER, 0, HERE));
    assert_int_equal(interest_take_watch(subscriber, generation, 1), WATCH_NEXT);
    assert_int_equal(watch_set_add(subscriber_watch_set(subscriber), str_view_of(user_id)), ZP_OK);
    return subscriber;
}

static void one_that_names_its_users_is_attached_at_once_and_hears_of_them_only(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *one = naming(interest, "one", 7, "ann");
    assert_int_equal(subscriber_attached_generation(one), 7);
    assert_null(interest_next_awaiting(interest, HERE));
    assert_int_equal(interest_listeners_count(interest), 1);
    assert_ptr_equal(interest_next_listener(interest, NULL), one);
    assert_true(interest_note(interest, str_view_of("ann"), 0));
    assert_false(interest_note(interest, str_view_of("bob"), 1));
    attached(interest, "two", 1); /* hears all */
    assert_true(interest_note(interest, str_view_of("bob"), 1));
    assert_int_equal(interest_wire_forms(interest), 1);
    interest_destroy(&interest);
}

static void what_it_names_is_to_be_answered_until_it_was(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *one = naming(interest, "one", 1, "ann");
    assert_ptr_equal(interest_next_unanswered(interest), one);
    assert_string_equal(watch_set_take_unanswered(subscriber_watch_set(one)), "ann");
    assert_null(interest_next_unanswered(interest));
    attached(interest, "two", 1); /* names nobody */
    interest_unanswer(interest);
    assert_ptr_equal(interest_next_unanswered(interest), one);
    interest_destroy(&interest);
}

static void a_watch_that_is_not_the_next_one_shows_a_loss(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *one = naming(interest, "one", 2, "ann");
    assert_int_equal(interest_take_watch(one, 1, 2), WATCH_STALE);
    assert_int_equal(interest_take_watch(one, 3, 1), WATCH_STALE); /* its Interest was lost */
    assert_int_equal(interest_take_watch(one, 2, 2), WATCH_NEXT);
    assert_int_equal(subscriber_last_watch(one), 2);
    assert_int_equal(interest_take_watch(one, 2, 4), WATCH_GAP);
    assert_int_equal(interest_take_watch(one, 2, 2), WATCH_GAP);
    assert_true(interest_cut(interest, one));
    assert_int_equal(interest_take_watch(one, 2, 3), WATCH_STALE);
    assert_int_equal(interest_watched_count(interest), 0);
    interest_destroy(&interest);
}

static void every_new_interest_begins_with_nobody(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *one = naming(interest, "one", 1, "ann");
    naming(interest, "one", 2, "bob");
    assert_int_equal(subscriber_last_watch(one), 1);
    assert_false(interest_note(interest, str_view_of("ann"), 0));
    assert_true(interest_note(interest, str_view_of("bob"), 0));
    assert_int_equal(interest_watched_count(interest), 1);
    assert_true(interest_set(interest, one, 3, INTEREST_ALL, 0, HERE));
    assert_int_equal(interest_watched_count(interest), 0);
    assert_null(subscriber_watch_set(one));
    naming(interest, "one", 4, "cid");
    interest_clear(interest, one, 4);
    assert_int_equal(interest_watched_count(interest), 0);
    naming(interest, "one", 5, "cid");
    assert_int_equal(interest_forget_silent(interest, 1000, 10), 1);
    assert_int_equal(interest_watched_count(interest), 0);
    interest_destroy(&interest);
}

static void one_that_names_too_many_hears_all_until_nobody_listens_there(void **state) {
    (void)state;
    interest_t *interest = interest_new(8, WATCHED_MAX);
    subscriber_t *one = naming(interest, "one", 1, "ann");
    assert_true(subscriber_may_name_users(one));
    interest_refuse_users(interest, one);
    assert_int_equal(subscriber_attached_generation(one), 0);
    assert_int_equal(interest_watched_count(interest), 0);
    assert_true(interest_set(interest, one, 2, INTEREST_ALL, 0, HERE));
    assert_false(subscriber_may_name_users(one));
    assert_true(interest_set(interest, one, 3, INTEREST_NONE, 0, HERE));
    assert_true(subscriber_may_name_users(one));
    interest_destroy(&interest);
}

static void a_name_is_cut_to_fit(void **state) {
    (void)state;
    interest_t *interest = interest_new(2, WATCHED_MAX);
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
        cmocka_unit_test(each_subscriber_has_its_turn),
        cmocka_unit_test(it_waits_until_the_view_is_new_enough),
        cmocka_unit_test(where_nobody_listens_nothing_is_owed),
        cmocka_unit_test(numbers_begin_anew_with_each_interest),
        cmocka_unit_test(an_older_interest_or_detach_changes_nothing),
        cmocka_unit_test(one_who_cannot_take_it_is_detached_and_may_come_back),
        cmocka_unit_test(the_silent_are_forgotten),
        cmocka_unit_test(their_number_is_bounded),
        cmocka_unit_test(a_name_is_cut_to_fit),
        cmocka_unit_test(one_that_names_its_users_is_attached_at_once_and_hears_of_them_only),
        cmocka_unit_test(what_it_names_is_to_be_answered_until_it_was),
        cmocka_unit_test(a_watch_that_is_not_the_next_one_shows_a_loss),
        cmocka_unit_test(every_new_interest_begins_with_nobody),
        cmocka_unit_test(one_that_names_too_many_hears_all_until_nobody_listens_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
