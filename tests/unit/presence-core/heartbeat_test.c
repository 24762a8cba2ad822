/* HTTP clients: heartbeats, how they end, how they stand beside sockets, and what is heard twice or late
 * (heartbeat.lua, lib.lua). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

static int with_an_edge(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") ? 0 : -1;
}

static void keep_edge(void) {
    ask("ZADD presence:edges 100000000 e1");
}

static long long source_number(const char *user) {
    return ask_number("HGET presence:meta:%s http/default", user);
}

static uint64_t redis_ms(void) {
    redisReply *time = redisCommand(redis_link(), "TIME");
    uint64_t ms =
        strtoull(time->element[0]->str, NULL, 10) * 1000 + strtoull(time->element[1]->str, NULL, 10) / 1000;
    freeReplyObject(time);
    return ms;
}

static void a_heartbeat_shows_online_until_its_ttl_has_passed(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    assert_int_equal(records_count(), 1);
    assert_non_null(strstr(record_text(0), "1 f o "));
    assert_non_null(strstr(record_text(0), " 0 http-heartbeat - tv"));
    assert_string_equal(shown("tv"), "o");
    assert_consistent("tv");
    assert_int_equal(ask_number("ZCARD presence:ends"), 1);
    pass_ms(HTTP_TTL - 1000);
    assert_int_equal(records_count(), 0);
    pass_ms(1000);
    assert_int_equal(records_count(), 1);
    assert_non_null(strstr(record_text(0), " ttl-expired - tv"));
    assert_string_equal(shown("tv"), "f");
    assert_consistent("tv");
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    assert_int_equal(ask_number("HEXISTS presence:meta:tv http/default"), 0);
    assert_true(ask_number("PTTL presence:meta:tv") > 0);
}

static void heartbeats_keep_a_user_online_without_a_transition(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    for (int i = 0; i < 5; i++) {
        pass_ms(HTTP_TTL / 2);
        assert_int_equal(records_count(), 0);
        heartbeat("tv", "default", "o");
        assert_int_equal(records_count(), 0);
    }
    assert_int_equal(present_seq(), 1);
}

static void each_status_is_shown_as_it_was_set(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    heartbeat("tv", "default", "a");
    assert_string_equal(shown("tv"), "a");
    heartbeat("tv", "default", "b");
    assert_string_equal(shown("tv"), "b");
    heartbeat("tv", "default", "i");
    assert_string_equal(shown("tv"), "f");
    assert_consistent("tv");
    assert_int_equal(ask_number("PTTL presence:meta:tv"), -1);
    heartbeat("tv", "default", "o");
    assert_string_equal(shown("tv"), "o");
    assert_consistent("tv");
}

static void since_when_it_speaks_is_kept(void **state) {
    (void)state;
    char first[64];
    heartbeat("tv", "s\"1", "o");
    (void)snprintf(first, sizeof first, "%s", strchr(ask("HGET presence:meta:tv http/s\"1"), '['));
    usleep(2000);
    heartbeat("tv", "s\"1", "f");
    assert_non_null(strstr(ask("HGET presence:meta:tv http/s\"1"), ",\"leaves\"]]"));
    heartbeat("tv", "s\"1", "f");
    heartbeat("tv", "s\"1", "b");
    assert_string_equal(strchr(ask("HGET presence:meta:tv http/s\"1"), '['), first);
}

static void numbers_are_times_and_rise(void **state) {
    (void)state;
    uint64_t before = redis_ms();
    heartbeat("tv", "default", "o");
    long long first = source_number("tv");
    assert_in_range((uint64_t)first, before, redis_ms());
    heartbeat("tv", "default", "o");
    heartbeat("tv", "other", "o");
    assert_true(source_number("tv") > first);
    assert_true(ask_number("HGET presence:meta:tv http/other") > source_number("tv"));
}

static void offline_shows_only_after_its_delay(void **state) {
    (void)state;
    heartbeat("tv", "default", "b");
    heartbeat("tv", "default", "f");
    assert_int_equal(records_count(), 0);
    assert_string_equal(shown("tv"), "b");
    pass_ms(OFFLINE_DELAY - 1000);
    heartbeat("tv", "default", "f"); /* said again: no longer for that */
    assert_string_equal(shown("tv"), "b");
    pass_ms(1000);
    assert_int_equal(records_count(), 1);
    assert_non_null(strstr(record_text(0), " http-offline - tv"));
    assert_string_equal(shown("tv"), "f");
    assert_consistent("tv");
    heartbeat("tv", "default", "f"); /* of one who is not there: nothing */
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    assert_int_equal(ask_number("HEXISTS presence:meta:tv http/default"), 0);
}

static void the_next_page_never_shows_the_user_offline(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    for (int i = 0; i < 3; i++) {
        heartbeat("tv", "default", "f");
        pass_ms(OFFLINE_DELAY - 500);
        heartbeat("tv", "default", "o");
        pass_ms(OFFLINE_DELAY + 500);
        assert_int_equal(records_count(), 0);
    }
    assert_int_equal(present_seq(), 1);
    pass_ms(HTTP_TTL);
    assert_non_null(strstr(record_text(0), " ttl-expired - tv")); /* it is not leaving any more */
}

static void a_socket_and_a_page_are_two_connections_of_one_user(void **state) {
    (void)state;
    say("e1", "tv", 1, "o");
    heartbeat("tv", "default", "b");
    assert_string_equal(shown("tv"), "b");
    say("e1", "tv", 2, "-");
    assert_string_equal(shown("tv"), "b"); /* a closing socket leaves the page */
    say("e1", "tv", 3, "a");
    keep_edge();
    pass_ms(HTTP_TTL);
    assert_string_equal(shown("tv"), "a"); /* and the other way round */
    assert_non_null(strstr(record_text(0), " ttl-expired - tv"));
    heartbeat("tv", "default", "i");
    assert_string_equal(shown("tv"), "f");
    keep_edge();
    pass_ms(HTTP_TTL);
    assert_string_equal(shown("tv"), "a");
    assert_consistent("tv");
}

static void pages_with_names_of_their_own_are_counted_each(void **state) {
    (void)state;
    heartbeat("tv", "s1", "o");
    heartbeat("tv", "s2", "a");
    heartbeat("tv", "s1", "f");
    pass_ms(OFFLINE_DELAY);
    assert_string_equal(shown("tv"), "a");
    assert_int_equal(ask_number("HEXISTS presence:meta:tv http/s1"), 0);
}

static void of_too_many_the_oldest_leaves(void **state) {
    (void)state;
    char name[16];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        heartbeat("tv", name, i == 0 ? "b" : "o");
        assert_string_equal(shown("tv"), i < 16 ? "b" : "o");
    }
    assert_int_equal(ask_number("HEXISTS presence:meta:tv http/s3"), 0);
    assert_int_equal(ask_number("HEXISTS presence:meta:tv http/s4"), 1);
    heartbeat("tv", "s4", "o"); /* known: nobody has to go */
    assert_int_equal(ask_number("HEXISTS presence:meta:tv http/s5"), 1);
    assert_int_equal(ask_number("ZCARD presence:ends"), 1);
}

static void who_lingers_gives_way_to_a_heartbeat(void **state) {
    (void)state;
    say("e1", "tv", 1, "b");
    say_closed("e1", "-", "tv", 2);
    assert_string_equal(shown("tv"), "b");
    heartbeat("tv", "default", "a");
    assert_string_equal(shown("tv"), "a");
    say("e1", "tv", 2, "b"); /* late: still refused */
    assert_string_equal(shown("tv"), "a");
}

static void saying_offline_does_not_end_who_lingers(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    say("e1", "tv", 1, "b");
    heartbeat("tv", "default", "f");
    pass_ms(OFFLINE_DELAY);
    keep_edge();
    say_closed("e1", "-", "tv", 2);
    heartbeat("tv", "default", "f");
    assert_string_equal(shown("tv"), "b");
}

static void a_message_is_carried_out_once_however_often_it_comes(void **state) {
    (void)state;
    heartbeat_numbered("a7", 1, 0, "tv", "o");
    heartbeat_numbered("a7", 3, 0, "tv", "b");
    heartbeat_numbered("a7", 2, 0, "tv", "a"); /* another core was slower: not said before */
    assert_string_equal(shown("tv"), "a");
    heartbeat_numbered("a7", 3, 0, "tv", "b"); /* asked twice */
    assert_string_equal(answer_text(0), "1");
    assert_int_equal(records_count(), 0);
    assert_string_equal(shown("tv"), "a");
    heartbeat_numbered("a8", 3, 0, "tv", "b"); /* of another api */
    assert_string_equal(shown("tv"), "b");
}

static void a_message_that_was_given_up_changes_nothing_any_more(void **state) {
    (void)state;
    heartbeat_numbered("a7", 1, 0, "tv", "o");
    heartbeat_numbered("a7", 9, 8, "tv", "o");
    heartbeat_numbered("a7", 5, 4, "tv", "f"); /* stood still in a core all the time */
    pass_ms(OFFLINE_DELAY);
    assert_string_equal(shown("tv"), "o");
    assert_null(
        strchr(ask("HGET presence:apis a7") + strlen("1 8 9"), '1')); /* what is remembered is bounded */
}

static void apis_that_are_gone_are_forgotten(void **state) {
    (void)state;
    heartbeat_numbered("a7", 1, 0, "tv", "o");
    ask("HINCRBY presence:clock now 3600000");
    heartbeat_numbered("a8", 1, 0, "tv", "o");
    assert_int_equal(ask_number("HEXISTS presence:apis a7"), 0);
    assert_int_equal(ask_number("HEXISTS presence:apis a8"), 1);
}

static void an_account_is_active_unless_its_user_hides(void **state) {
    (void)state;
    ask("HSET presence:meta:tv account 1");
    heartbeat("tv", "page", "i");
    heartbeat("tv", "default", "o"); /* hidden still */
    assert_int_equal(ask_number("EXISTS presence:account:tv presence:active"), 0);
    ask("HDEL presence:meta:tv http/page");
    heartbeat("tv", "default", "o");
    uint64_t now = redis_ms();
    assert_in_range((uint64_t)ask_number("HGET presence:account:tv last_seen"), now - 5000, now);
    assert_in_range((uint64_t)ask_number("ZSCORE presence:active tv"), now - 5000, now);
    heartbeat("guest", "default", "o");
    assert_int_equal(ask_number("EXISTS presence:account:guest"), 0);
    assert_int_equal(ask_number("ZCARD presence:active"), 1);
}

static void last_seen_is_the_last_heartbeat_even_where_the_mirror_went_first(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    ask("HSET presence:meta:tv since 1000");
    long long heard_at = source_number("tv");
    ask("DEL presence:user:tv"); /* PRESENCE_TTL may be shorter than HTTP_PRESENCE_TTL */
    run(SCRIPT_EXAMINE, "tv", NULL);
    assert_int_equal(answer_number(1), 0); /* no anomaly */
    assert_int_equal(ask_number("GET presence:user:tv"), heard_at);
    ask("DEL presence:user:tv");
    pass_ms(HTTP_TTL);
    assert_int_equal(ask_number("HGET presence:meta:tv lastSeen"), heard_at);
    uint64_t long_ago = redis_ms() - 2 * (uint64_t)TTL;
    heartbeat("tv", "default", "o");
    char old_source[64];
    (void)snprintf(old_source, sizeof old_source, "%llu 90000000 o []", (unsigned long long)long_ago);
    ask("HSET presence:meta:tv since 1000 http/default %s", old_source);
    ask("DEL presence:user:tv");
    run(SCRIPT_EXAMINE, "tv", NULL);
    assert_int_equal(ask_number("GET presence:user:tv"), long_ago);
    assert_true(join("e2", "ws-edge-2", "-") && say("e2", "tv", 1, "o")); /* who may have been active since */
    ask("DEL presence:user:tv");
    run(SCRIPT_EXAMINE, "tv", NULL);
    assert_true((uint64_t)ask_number("GET presence:user:tv") >= redis_ms() - (uint64_t)TTL - 1000);
}

static void silence_is_not_counted_while_the_clock_stands(void **state) {
    (void)state;
    heartbeat("tv", "default", "o");
    ask("HINCRBY presence:clock at -3600000"); /* nobody has ticked for an hour */
    tick();
    assert_string_equal(shown("tv"), "o");
}

/* -- after data loss -- */

static void what_was_heard_is_announced_with_what_is_left_of_it(void **state) {
    (void)state;
    uint64_t heard_at = redis_ms() - 7000;
    heartbeat_announced("a1", "tv", "b", heard_at, HTTP_TTL - 5000, true);
    assert_string_equal(shown("tv"), "b");
    assert_non_null(strstr(record_text(0), " announced - tv"));
    assert_int_equal(source_number("tv"), heard_at);
    assert_int_equal(ask_number("GET presence:user:tv"), heard_at);
    pass_ms(4000);
    assert_string_equal(shown("tv"), "b");
    pass_ms(1000);
    assert_string_equal(shown("tv"), "f");
    assert_int_equal(ask_number("HGET presence:meta:tv lastSeen"), heard_at);
    heartbeat_announced("a1", "old", "o", heard_at, HTTP_TTL, true);
    assert_string_equal(shown("old"), "f");
    assert_int_equal(ask_number("EXISTS presence:meta:old"), 0);
}

static void the_newest_of_what_several_heard_counts_in_any_order(void **state) {
    (void)state;
    uint64_t now = redis_ms();
    heartbeat_announced("a1", "tv", "o", now - 9000, 9000, true);
    heartbeat_announced("a2", "tv", "b", now - 2000, 2000, true);
    assert_string_equal(shown("tv"), "b");
    heartbeat_announced("a2", "two", "b", now - 2000, 2000, true);
    heartbeat_announced("a1", "two", "o", now - 9000, 9000, true);
    assert_string_equal(shown("two"), "b");
    heartbeat("three", "default", "a");
    heartbeat_announced("a1", "three", "o", now - 9000, 9000, true);
    assert_string_equal(shown("three"), "a"); /* it is heard again already */
}

static void one_that_would_be_too_many_replaces_no_newer_one(void **state) {
    (void)state;
    char name[16];
    for (int i = 0; i < 16; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        heartbeat("tv", name, "o");
    }
    heartbeat_announced("a1", "tv", "b", redis_ms() - 5000, 5000, true);
    assert_string_equal(shown("tv"), "o");
    assert_int_equal(ask_number("HEXISTS presence:meta:tv http/s0"), 1);
}

static void who_has_left_is_brought_back_by_nobody(void **state) {
    (void)state;
    uint64_t now = redis_ms();
    heartbeat_announced("a1", "tv", "f", now - 5000, 5000, true);
    heartbeat_announced("a2", "tv", "o", now - 9000, 9000, true);
    assert_string_equal(shown("tv"), "f");
    assert_int_equal(ask_number("ZCARD presence:ends"), 1);
    pass_ms(HTTP_TTL - 5000);
    assert_int_equal(ask_number("HEXISTS presence:meta:tv http/default"), 0);
    assert_int_equal(ask_number("ZCARD presence:ends"), 0);
    assert_int_equal(ask_number("EXISTS presence:meta:tv"), 0); /* never had a status */
    heartbeat_announced("a2", "two", "o", now - 9000, 9000, true);
    heartbeat_announced("a1", "two", "f", now - 1000, 1000, true);
    assert_string_equal(shown("two"), "o"); /* their next page may load yet */
    pass_ms(OFFLINE_DELAY - 1000);
    assert_string_equal(shown("two"), "f");
    assert_int_equal(present_seq(), 2);
}

static void the_rebuilding_waits_for_an_api_that_was_heard(void **state) {
    (void)state;
    ask("FLUSHALL");
    assert_true(check_epoch("run-2", false, 0, 0, true, "a1"));
    assert_string_equal(answer_text(2), "1");
    heartbeat_announced("a1", "tv", "o", redis_ms() - 1000, 1000, false);
    assert_int_equal(ask_number("EXISTS presence:rebuild"), 1);
    heartbeat_announced("a1", "two", "o", redis_ms() - 1000, 1000, true);
    tick();
    assert_int_equal(ask_number("EXISTS presence:rebuild"), 0);
    assert_string_equal(shown("tv"), "o");
}

static void it_does_not_wait_for_one_that_is_gone(void **state) {
    (void)state;
    ask("FLUSHALL");
    assert_true(check_epoch("run-2", false, 0, 0, true, "a1"));
    pass_ms(LEASE + 1000);
    assert_int_equal(ask_number("EXISTS presence:rebuild"), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, with_an_edge)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_heartbeat_shows_online_until_its_ttl_has_passed),
        TEST(heartbeats_keep_a_user_online_without_a_transition),
        TEST(each_status_is_shown_as_it_was_set),
        TEST(since_when_it_speaks_is_kept),
        TEST(numbers_are_times_and_rise),
        TEST(offline_shows_only_after_its_delay),
        TEST(the_next_page_never_shows_the_user_offline),
        TEST(a_socket_and_a_page_are_two_connections_of_one_user),
        TEST(pages_with_names_of_their_own_are_counted_each),
        TEST(of_too_many_the_oldest_leaves),
        TEST(who_lingers_gives_way_to_a_heartbeat),
        TEST(saying_offline_does_not_end_who_lingers),
        TEST(a_message_is_carried_out_once_however_often_it_comes),
        TEST(a_message_that_was_given_up_changes_nothing_any_more),
        TEST(apis_that_are_gone_are_forgotten),
        TEST(an_account_is_active_unless_its_user_hides),
        TEST(last_seen_is_the_last_heartbeat_even_where_the_mirror_went_first),
        TEST(silence_is_not_counted_while_the_clock_stands),
        TEST(what_was_heard_is_announced_with_what_is_left_of_it),
        TEST(the_newest_of_what_several_heard_counts_in_any_order),
        TEST(one_that_would_be_too_many_replaces_no_newer_one),
        TEST(who_has_left_is_brought_back_by_nobody),
        TEST(the_rebuilding_waits_for_an_api_that_was_heard),
        TEST(it_does_not_wait_for_one_that_is_gone),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}
