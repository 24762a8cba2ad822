/* What a script call costs Redis, so that a change that makes it dear is noticed (FACTS, Redis: 20 to 26 us
 * for a user who opens, 8 to 10 for a touch, 64 to 100 users to a call). The limits are loose: machines
 * differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"

enum { USERS_A_CALL = 100, CALLS = 100, LIMIT_US = 200, ARGUMENTS = 10 + 7 * USERS_A_CALL };

/* CPU time that Redis has spent: what else runs on this machine does not count. */
static double spent_us(void) {
    double seconds = 0;
    redisReply *info = redisCommand(redis_link(), "INFO cpu");
    static const char *const fields[] = {"\nused_cpu_user:", "\nused_cpu_sys:"};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(info->str, fields[i]);
        assert_non_null(at);
        seconds += strtod(at + strlen(fields[i]), NULL);
    }
    freeReplyObject(info);
    return seconds * 1e6;
}

static char users[USERS_A_CALL][24];
static char numbers[USERS_A_CALL][24];
static char epoch[24];

static void name_users(int call, int first_number) {
    for (int i = 0; i < USERS_A_CALL; i++) {
        (void)snprintf(users[i], sizeof users[i], "user-%d", call * USERS_A_CALL + i);
        (void)snprintf(numbers[i], sizeof numbers[i], "%d", first_number + i);
    }
}

static double statements_us(const char *letters, int first_number) {
    double before_us = spent_us();
    for (int call = 0; call < CALLS; call++) {
        name_users(call, first_number);
        const char *argv[ARGUMENTS] = {epoch,       TTL_MS, "2592000000", "1000", "e1",
                                       "ws-edge-1", "-",    "0",          "0",    NEVER};
        int argc = 10;
        for (int i = 0; i < USERS_A_CALL; i++) {
            const char *statement[] = {users[i],
                                       numbers[i],
                                       "connected",
                                       "5",
                                       "-",
                                       letters,
                                       "[[\"4f\",\"t-0123456789abcdef\",1701516645123]]"};
            memcpy(&argv[argc], statement, sizeof statement);
            argc += 7;
        }
        run_raw(SCRIPT_STATEMENTS, argc, argv, NULL);
        assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
    }
    return (spent_us() - before_us) / (CALLS * USERS_A_CALL);
}

static double touches_us(void) {
    double before_us = spent_us();
    for (int call = 0; call < CALLS; call++) {
        name_users(call, 1);
        const char *argv[ARGUMENTS] = {epoch, TTL_MS, "2592000000", "1000", "e1"};
        int argc = 5;
        for (int i = 0; i < USERS_A_CALL; i++) {
            argv[argc++] = users[i];
            argv[argc++] = "7";
        }
        run_raw(SCRIPT_TOUCHES, argc, argv, NULL);
    }
    return (spent_us() - before_us) / (CALLS * USERS_A_CALL);
}

/* `letter` of each, `users_a_call` to a call. */
static double heartbeats_us(const char *letter, int users_a_call) {
    static uint64_t number;
    double before_us = spent_us();
    for (int call = 0; call < CALLS * USERS_A_CALL / users_a_call; call++) {
        char number_text[24];
        char floor[24];
        (void)snprintf(floor, sizeof floor, "%llu", (unsigned long long)number);
        (void)snprintf(number_text, sizeof number_text, "%llu", (unsigned long long)++number);
        const char *argv[ARGUMENTS] = {epoch,       TTL_MS, "2592000000", "1000",      "0123456789abcdef",
                                       number_text, floor,  "0",          HTTP_TTL_MS, OFFLINE_DELAY_MS};
        int argc = 10;
        for (int i = 0; i < users_a_call; i++) {
            (void)snprintf(users[i], sizeof users[i], "tv-%d", call * users_a_call + i);
            const char *one[] = {users[i], "default", letter, "0", "0", "0"};
            memcpy(&argv[argc], one, sizeof one);
            argc += 6;
        }
        run_raw(SCRIPT_HEARTBEAT, argc, argv, NULL);
        assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
    }
    return (spent_us() - before_us) / (CALLS * USERS_A_CALL);
}

static void a_heartbeat_costs_a_call_of_100_no_more_than_it_may(void **state) {
    (void)state;
    (void)snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)present_epoch());
    double first_us = heartbeats_us("o", USERS_A_CALL), again_us = heartbeats_us("o", USERS_A_CALL);
    double change_us = heartbeats_us("a", USERS_A_CALL), offline_us = heartbeats_us("f", USERS_A_CALL);
    double alone_us = heartbeats_us("a", 1);
    print_message(
        "us of Redis a heartbeat: first %.1f, again %.1f, other status %.1f, offline %.1f; again, one to a "
        "call %.1f\n",
        first_us, again_us, change_us, offline_us, alone_us);
    assert_true(first_us < LIMIT_US && again_us < LIMIT_US && change_us < LIMIT_US && offline_us < LIMIT_US);
}

static void a_user_costs_a_call_of_100_no_more_than_it_may(void **state) {
    (void)state;
    (void)snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)present_epoch());
    assert_true(join("e1", "ws-edge-1", "-"));
    double open_us = statements_us("o", 1);
    assert_int_equal(present_seq(), USERS_A_CALL * CALLS);
    double touch_us = touches_us();
    long long memory =
        ask_number("MEMORY USAGE presence:meta:user-1") + ask_number("MEMORY USAGE presence:user:user-1");
    double change_us = statements_us("oo", 1000);
    double sweep_us = spent_us();
    for (int call = 0; call < CALLS; call++) {
        tick(); /* looks at 100 mirrors */
    }
    sweep_us = (spent_us() - sweep_us) / (CALLS * USERS_A_CALL);
    double close_us = statements_us("-", 2000);
    print_message(
        "us of Redis a user: open %.1f, touch %.1f, second device %.1f, close %.1f, mirror looked at %.1f; "
        "bytes of meta and mirror: %lld\n",
        open_us, touch_us, change_us, close_us, sweep_us, memory);
    assert_true(open_us < LIMIT_US && close_us < LIMIT_US && touch_us < LIMIT_US);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_user_costs_a_call_of_100_no_more_than_it_may, redis_fresh),
        cmocka_unit_test_setup(a_heartbeat_costs_a_call_of_100_no_more_than_it_may, redis_fresh),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}
