/* What is read from Redis and sent on: a value that somebody's hand left there costs itself at most, never
 * the whole message, which its receiver would refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/presence-core/explanation.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/rows.h"
#include "services/presence-core/transitions.h"

enum { USERS_MAX = 4 };

static redisReply *parse(const char *bytes) {
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    redisReaderFree(reader);
    return reply;
}

static uint64_t number_of(const char *bytes) {
    redisReply *reply = parse(bytes);
    uint64_t number = reply_number(reply);
    freeReplyObject(reply);
    return number;
}

static void a_number_is_one_that_the_bus_can_carry_or_none(void **state) {
    (void)state;
    assert_int_equal(number_of(":42\r\n"), 42);
    assert_int_equal(number_of("+42\r\n"), 0);
    assert_int_equal(number_of("$2\r\n42\r\n"), 42);
    assert_int_equal(number_of("$16\r\n9007199254740992\r\n"), UINT64_C(1) << 53);
    assert_int_equal(number_of("$16\r\n9007199254740993\r\n"), 0);
    assert_int_equal(number_of(":9007199254740993\r\n"), 0);
    assert_int_equal(number_of("$20\r\n18446744073709551616\r\n"), 0);
    assert_int_equal(number_of(":-1\r\n"), 0);
    assert_int_equal(number_of("$-1\r\n"), 0);
}

static void a_status_that_is_never_shown_is_offline(void **state) {
    (void)state;
    static const char letters[] = "foabi?";
    static const presence_status shown[] = {STATUS_OFFLINE, STATUS_ONLINE,  STATUS_AWAY,
                                            STATUS_BUSY,    STATUS_OFFLINE, STATUS_OFFLINE};
    for (size_t i = 0; i < sizeof letters - 1; i++) {
        char bytes[] = "$1\r\n?\r\n";
        bytes[4] = letters[i];
        redisReply *reply = parse(bytes);
        assert_int_equal(reply_status(reply), shown[i]);
        freeReplyObject(reply);
    }
}

#define ROW(len, id) "$" len "\r\n" id "\r\n$1\r\no\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n"

static void a_row_of_no_user_id_is_left_out(void **state) {
    (void)state;
    redisReply *reply = parse("*25\r\n" ROW("1", "b") ROW(
        "1", "\n") ":7\r\n$1\r\no\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n" ROW("1", "a") ROW("1", "c"));
    Zp__UserState states[USERS_MAX], *pointers[USERS_MAX];
    assert_int_equal(rows_count(reply, USER_COLUMNS), 5);
    assert_int_equal(rows_read_users(reply, USERS_MAX, states, pointers), 2);
    assert_string_equal(pointers[0]->user_id, "b");
    assert_string_equal(pointers[1]->user_id, "c"); /* "a" came behind "b" */
    assert_int_equal(pointers[1]->status, ZP__STATUS__STATUS_ONLINE);
    assert_int_equal(pointers[1]->last_seen_ms, 1);
    assert_int_equal(pointers[1]->since_ms, 2);
    assert_int_equal(pointers[1]->seq, 3);
    assert_int_equal(rows_read_users(reply, 1, states, pointers), 1);
    freeReplyObject(reply);
}

static void users_that_are_no_rows_are_none(void **state) {
    (void)state;
    Zp__UserState states[USERS_MAX], *pointers[USERS_MAX];
    static const char *const odd[] = {"*0\r\n", "*-1\r\n", "$1\r\na\r\n", "*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        redisReply *reply = parse(odd[i]);
        assert_int_equal(rows_read_users(reply, USERS_MAX, states, pointers), 0);
        freeReplyObject(reply);
    }
}

#define PROCESS(name)                                                                                        \
    "{\"kind\":\"fanout\",\"name\":\"" name "\",\"version\":\"1\",\"pid\":7,\"startedAt\":5,"                \
    "\"address\":\"\",\"admin\":\"\"}"

static void a_process_that_the_bus_would_refuse_is_left_out(void **state) {
    (void)state;
    static service_list list;
    static const char *const processes[] = {PROCESS("a b"), PROCESS("fanout-1"), "not JSON", PROCESS("")};
    char bytes[1024] = "*8\r\n";
    for (size_t i = 0; i < sizeof processes / sizeof *processes; i++) {
        char row[256];
        snprintf(row, sizeof row, ":1%zu\r\n$%zu\r\n%s\r\n", i, strlen(processes[i]), processes[i]);
        strcat(bytes, row);
    }
    redisReply *reply = parse(bytes);
    rows_read_services(reply, &list);
    assert_int_equal(list.count, 1);
    assert_string_equal(list.pointers[0]->process->name, "fanout-1");
    assert_int_equal(list.pointers[0]->beat_age_ms, 11);
    service_list_clear(&list);
    freeReplyObject(reply);
}

static void figures_are_read_as_they_were_written(void **state) {
    (void)state;
    Zp__ProcessInfo process = ZP__PROCESS_INFO__INIT, read;
    Zp__Figure figures[] = {ZP__FIGURE__INIT, ZP__FIGURE__INIT};
    Zp__Figure *pointers[] = {&figures[0], &figures[1]};
    process_figures storage;
    process.kind = process.name = process.version = "x";
    figures[0].name = "sockets";
    figures[0].value = UINT64_C(1) << 53;
    figures[1].name = "users";
    process.figures = pointers;
    process.n_figures = 2;
    char *text = process_json_dup(&process);
    json_t *json = process_json_read(str_view_of(text), &read, &storage);
    assert_non_null(json);
    assert_int_equal(read.n_figures, 2);
    assert_string_equal(read.figures[0]->name, "sockets");
    assert_int_equal(read.figures[0]->value, UINT64_C(1) << 53);
    json_decref(json);
    free(text);
    /* What is no figure, and what is one too many, is left out. */
    static const char odd[] =
        "{\"kind\":\"x\",\"name\":\"x\",\"version\":\"x\",\"pid\":1,\"startedAt\":1,\"address\":\"\","
        "\"admin\":\"\",\"figures\":{\"a\":-1,\"b\":\"1\",\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,"
        "\"i\":1,\"j\":1,\"k\":1}}";
    json = process_json_read(str_view_of(odd), &read, &storage);
    assert_int_equal(read.n_figures, 8);
    assert_string_equal(read.figures[0]->name, "c");
    json_decref(json);
}

static zp_error read_record(const char *record) {
    static transitions_t transitions;
    char bytes[512];
    snprintf(bytes, sizeof bytes, "*2\r\n$%zu\r\n42 f o 1 1 0 connected e 123\r\n$%zu\r\n%s\r\n",
             strlen("42 f o 1 1 0 connected e 123"), strlen(record), record);
    redisReply *reply = parse(bytes);
    zp_error error = transitions_read(&transitions, 1765535445123, reply);
    freeReplyObject(reply);
    return error;
}

static void transitions_that_the_bus_would_refuse_are_not_read(void **state) {
    (void)state;
    assert_int_equal(read_record("43 o a 1 1 0 status-set - anna b"), ZP_OK);
    static const char *const refused[] = {
        "44 o a 1 1 0 status-set e 1",                /* a hole */
        "42 o a 1 1 0 status-set e 1",                /* twice */
        "43 o o 1 1 0 status-set e 1",                /* no change */
        "43 o i 1 1 0 status-set e 1",                /* never shown */
        "43 o a 9007199254740993 1 0 status-set e 1", /* beyond 2^53 */
        "43 o a 1 1 0 Status e 1",
        "43 o a 1 1 0 status-set \xc3\xa4 1",
        "43 o a 1 1 0 status-set e a\nb",
        "43 o a 1 1 0 status-set e \xff",
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(read_record(refused[i]), ZP_INVALID);
    }
}

static void an_explanation_leaves_out_what_the_bus_would_refuse(void **state) {
    (void)state;
    static explanation_t explanation;
    redisReply *reply = parse(
        "*6\r\n:9\r\n*4\r\n$1\r\nb\r\n$1\r\n7\r\n$1\r\n5\r\n$1\r\n9\r\n"
        "*24\r\n"
        "$3\r\ne/1\r\n$1\r\n-\r\n$6\r\nleased\r\n$1\r\n0\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\nb\r\n$1\r\n5\r\n"
        "$3\r\ne/2\r\n$1\r\n-\r\n$6\r\nasleep\r\n$1\r\n0\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\nb\r\n$1\r\n5\r\n"
        "$3\r\ne/3\r\n$1\r\n-\r\n$7\r\nlingers\r\n$1\r\n8\r\n$1\r\n-\r\n$1\r\n-\r\n$1\r\nf\r\n$1\r\n0\r\n"
        "*3\r\n$26\r\n9 o b 5 5 4 status-set e 1\r\n$7\r\nspoiled\r\n:1\r\n"
        ":1\r\n$1\r\n3\r\n");
    Zp__ExplainReply body = ZP__EXPLAIN_REPLY__INIT;
    char user_id[] = "123";
    explanation_read(&explanation, reply, user_id, &body);
    assert_int_equal(body.user->status, ZP__STATUS__STATUS_BUSY);
    assert_int_equal(body.user->last_seen_ms, 7);
    assert_int_equal(body.n_speakers, 1);
    assert_string_equal(body.speakers[0]->source, "e/1");
    assert_string_equal(body.speakers[0]->edge, "");
    assert_int_equal(body.n_transitions, 1);
    assert_int_equal(body.transitions[0]->seq, 9);
    assert_true(body.complete);
    assert_int_equal(body.log_from_ms, 3);
    freeReplyObject(reply);
}

static void a_spoilt_row_of_a_directory_costs_itself_at_most(void **state) {
    (void)state;
    redisReply *reply = parse("*25\r\n"
                              "$1\r\na\r\n$3\r\nAda\r\n$1\r\no\r\n$2\r\n70\r\n$1\r\n1\r\n$1\r\n0\r\n"
                              "$2\r\n\001x\r\n$-1\r\n$1\r\no\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n"
                              "$1\r\nc\r\n$2\r\n\001x\r\n$1\r\n?\r\n$2\r\n-1\r\n$1\r\nx\r\n$1\r\n1\r\n"
                              "$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"
                              "$1\r\nd\r\n");
    Zp__DirectoryUser users[USERS_MAX], *pointers[USERS_MAX];
    assert_int_equal(rows_read_directory(reply, USERS_MAX, users, pointers), 2);
    assert_string_equal(pointers[0]->user_id, "a");
    assert_string_equal(pointers[0]->display_name, "Ada");
    assert_int_equal(pointers[0]->status, ZP__STATUS__STATUS_ONLINE);
    assert_int_equal(pointers[0]->last_seen_ms, 70);
    assert_true(pointers[0]->fresh && !pointers[0]->favourite);
    assert_string_equal(pointers[1]->user_id, "c");
    assert_string_equal(pointers[1]->display_name, "");
    assert_int_equal(pointers[1]->status, ZP__STATUS__STATUS_OFFLINE);
    assert_true(!pointers[1]->fresh && pointers[1]->favourite);
    assert_int_equal(rows_read_directory(reply, 1, users, pointers), 1);
    freeReplyObject(reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_one_that_the_bus_can_carry_or_none),
        cmocka_unit_test(a_status_that_is_never_shown_is_offline),
        cmocka_unit_test(a_row_of_no_user_id_is_left_out),
        cmocka_unit_test(users_that_are_no_rows_are_none),
        cmocka_unit_test(a_process_that_the_bus_would_refuse_is_left_out),
        cmocka_unit_test(figures_are_read_as_they_were_written),
        cmocka_unit_test(transitions_that_the_bus_would_refuse_are_not_read),
        cmocka_unit_test(an_explanation_leaves_out_what_the_bus_would_refuse),
        cmocka_unit_test(a_spoilt_row_of_a_directory_costs_itself_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
