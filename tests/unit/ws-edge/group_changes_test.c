/* What users say of groups: carried out in their order, one of each user at a time. In the place of cores
 * stands a function that notes what it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/ws-edge/group_changes.h"

#define DONE ZP__GROUP_RESULT__GROUP_RESULT_DONE
#define FULL ZP__GROUP_RESULT__GROUP_RESULT_FULL

enum { TEXT_BYTES = 256 };

static process_t process;
static group_changes changes;
static edge_user *users[2];
static edge_client *clients[3]; /* of user 0, 0, 1 */
static uint64_t last_id;
static bool nobody_answers;
static char asked[TEXT_BYTES];   /* "a+g" for each */
static char refused[TEXT_BYTES]; /* "0 group_full" for each */

static bool ask(void *context, const char *user_id, str_view group_id, bool joins, uint64_t *ret_request_id) {
    (void)context;
    if (nobody_answers) {
        return false;
    }
    *ret_request_id = ++last_id;
    size_t len = strlen(asked);
    (void)snprintf(asked + len, sizeof asked - len, "%s%s%c%.*s", len ? " " : "", user_id, joins ? '+' : '-',
                   (int)group_id.len, group_id.ptr);
    return true;
}

static void on_refused(void *context, edge_client *client, group_change_result result) {
    (void)context;
    size_t len = strlen(refused), i = 0;
    while (clients[i] != client) {
        i++;
    }
    (void)snprintf(refused + len, sizeof refused - len, "%s%zu %s", len ? ", " : "", i,
                   group_change_code(result));
}

static edge_user *make_user(char letter) {
    edge_user *user = calloc(1, sizeof *user + 2);
    assert_non_null(user);
    user->id[0] = letter;
    user->id_len_bytes = 1;
    return user;
}

static int begin(void **state) {
    (void)state;
    static const group_changes_hooks hooks = {.ask = ask, .refused = on_refused};
    char *argv[] = {"ws-edge", NULL};
    bool leave = false;
    setenv("ZPRESENCE_ENV_FILE", "/dev/null", 1);
    process = (process_t){0};
    assert_int_equal(config_load(&process.config, &leave, EDGE, 1, argv), ZP_OK);
    process.metrics = metrics_new(EDGE);
    assert_int_equal(uv_loop_init(&process.loop), 0);
    group_changes_init(&changes, &process, &hooks, NULL, NULL);
    for (size_t i = 0; i < 2; i++) {
        users[i] = make_user((char)('a' + i));
    }
    for (size_t i = 0; i < 3; i++) {
        clients[i] = calloc(1, sizeof *clients[i] + 1);
        clients[i]->user = users[i / 2];
    }
    last_id = 0;
    asked[0] = refused[0] = '\0';
    nobody_answers = false;
    return 0;
}

static int end(void **state) {
    (void)state;
    group_changes_clear(&changes);
    assert_int_equal(changes.count, 0);
    for (size_t i = 0; i < 3; i++) {
        free(clients[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        free(users[i]);
    }
    assert_int_equal(uv_loop_close(&process.loop), 0);
    metrics_destroy(&process.metrics);
    config_destroy(&process.config);
    return 0;
}

/* A text of up to 31 bytes, as MessagePack has it. */
static group_change_result say(size_t client, int64_t type, const char *group) {
    char value[33];
    value[0] = (char)(0xa0 | strlen(group));
    memcpy(value + 1, group, strlen(group));
    const client_message message = {.type = type, .to = str_view_make(value, strlen(group) + 1)};
    return group_changes_begin(&changes, clients[client], &message);
}

static void one_of_each_user_is_under_way_and_the_others_follow_in_order(void **state) {
    (void)state;
    assert_int_equal(say(0, MESSAGE_USER_ADD, "g"), GROUP_CHANGE_DONE);
    assert_int_equal(say(1, MESSAGE_USER_REMOVE, "g"), GROUP_CHANGE_DONE);
    assert_int_equal(say(2, MESSAGE_USER_ADD, "g"), GROUP_CHANGE_DONE);
    assert_int_equal(say(0, MESSAGE_USER_ADD, "h"), GROUP_CHANGE_DONE);
    assert_string_equal(asked, "a+g b+g");
    group_changes_end(&changes, 1, DONE);
    assert_string_equal(asked, "a+g b+g a-g");
    group_changes_end(&changes, 1, DONE); /* twice */
    group_changes_end(&changes, 3, DONE);
    assert_string_equal(asked, "a+g b+g a-g a+h");
    group_changes_end(&changes, 4, DONE);
    group_changes_end(&changes, 2, DONE);
    assert_int_equal(changes.count, 0);
    assert_string_equal(refused, "");
}

static void whoever_is_refused_is_told_and_what_they_said_next_is_asked(void **state) {
    (void)state;
    (void)say(0, MESSAGE_USER_ADD, "g");
    (void)say(1, MESSAGE_USER_ADD, "h");
    (void)say(0, MESSAGE_USER_ADD, "i");
    group_changes_end(&changes, 1, FULL);
    group_changes_end(&changes, 2, ZP__GROUP_RESULT__GROUP_RESULT_UNKNOWN);
    assert_string_equal(asked, "a+g a+h a+i");
    assert_string_equal(refused, "0 group_full, 1 unavailable");
}

static void where_no_core_can_be_asked_everything_is_refused(void **state) {
    (void)state;
    (void)say(0, MESSAGE_USER_ADD, "g");
    (void)say(0, MESSAGE_USER_ADD, "h");
    (void)say(1, MESSAGE_USER_ADD, "i");
    nobody_answers = true;
    assert_int_equal(say(2, MESSAGE_USER_ADD, "g"), GROUP_CHANGE_UNAVAILABLE);
    group_changes_end(&changes, 1, DONE);
    assert_string_equal(refused, "0 unavailable, 1 unavailable");
    assert_int_equal(changes.count, 0);
    nobody_answers = false;
    assert_int_equal(say(0, MESSAGE_USER_ADD, "j"), GROUP_CHANGE_DONE);
    assert_string_equal(asked, "a+g a+j");
}

static void who_has_left_is_told_nothing_and_what_they_said_is_done(void **state) {
    (void)state;
    (void)say(0, MESSAGE_USER_ADD, "g");
    (void)say(1, MESSAGE_USER_ADD, "h");
    (void)say(0, MESSAGE_USER_ADD, "i");
    group_changes_forget(&changes, clients[0]);
    group_changes_forget(&changes, clients[2]);
    group_changes_end(&changes, 1, FULL);
    group_changes_end(&changes, 2, FULL);
    group_changes_end(&changes, 3, FULL);
    assert_string_equal(asked, "a+g a+h a+i");
    assert_string_equal(refused, "1 group_full");
}

static void one_user_has_so_many_and_the_others_have_room(void **state) {
    (void)state;
    for (int i = 0; i < GROUP_CHANGES_OF_USER_MAX; i++) {
        assert_int_equal(say((size_t)i % 2, MESSAGE_USER_ADD, "g"), GROUP_CHANGE_DONE);
    }
    assert_int_equal(say(1, MESSAGE_USER_ADD, "g"), GROUP_CHANGE_WAITING);
    assert_int_equal(say(2, MESSAGE_USER_ADD, "g"), GROUP_CHANGE_DONE);
    group_changes_end(&changes, 1, DONE);
    assert_int_equal(say(1, MESSAGE_USER_ADD, "g"), GROUP_CHANGE_DONE);
}

static void what_is_no_group_is_refused(void **state) {
    (void)state;
    assert_int_equal(say(0, MESSAGE_USER_ADD, ""), GROUP_CHANGE_INVALID_ID);
    assert_int_equal(say(0, MESSAGE_USER_ADD, "a\nb"), GROUP_CHANGE_INVALID_ID);
    assert_string_equal(asked, "");
}

static void so_many_are_under_way_and_the_others_wait_for_their_turn(void **state) {
    (void)state;
    enum { CROWD = GROUP_CHANGES_UNDER_WAY_MAX + 2 };
    edge_user *crowd[CROWD];
    edge_client *of_crowd[CROWD];
    const client_message message = {.type = MESSAGE_USER_ADD, .to = str_view_of("\xa1g")};
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = make_user((char)('A' + i));
        of_crowd[i] = calloc(1, sizeof *of_crowd[i]);
        assert_non_null(of_crowd[i]);
        of_crowd[i]->user = crowd[i];
        assert_int_equal(group_changes_begin(&changes, of_crowd[i], &message), GROUP_CHANGE_DONE);
    }
    assert_int_equal(group_changes_begin(&changes, of_crowd[0], &message), GROUP_CHANGE_DONE);
    assert_int_equal(last_id, GROUP_CHANGES_UNDER_WAY_MAX);
    asked[0] = '\0';
    group_changes_end(&changes, 1, DONE); /* the first user's; what it said next comes behind the others' */
    group_changes_end(&changes, 2, DONE);
    group_changes_end(&changes, 3, DONE);
    assert_string_equal(asked, "a+g b+g A+g");
    group_changes_end(&changes, 4, DONE);
    assert_int_equal(last_id, GROUP_CHANGES_UNDER_WAY_MAX + 3);
    for (size_t i = 0; i < CROWD; i++) {
        group_changes_forget(&changes, of_crowd[i]);
        free(of_crowd[i]);
        free(crowd[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_of_each_user_is_under_way_and_the_others_follow_in_order),
        TEST(whoever_is_refused_is_told_and_what_they_said_next_is_asked),
        TEST(where_no_core_can_be_asked_everything_is_refused),
        TEST(who_has_left_is_told_nothing_and_what_they_said_is_done),
        TEST(one_user_has_so_many_and_the_others_have_room),
        TEST(what_is_no_group_is_refused),
        TEST(so_many_are_under_way_and_the_others_wait_for_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
