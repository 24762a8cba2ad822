/* roster_rows: an answer that is none of rosters.lua is refused as a whole; an id that somebody's hand left
 * in a list costs itself alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "services/presence-core/roster_rows.h"

/* What Redis sends: an array, a text, a number. */
#define A(count) "*" #count "\r\n"
#define T(len, text) "$" #len "\r\n" text "\r\n"
#define N(number) ":" #number "\r\n"
#define ANSWER(rows) A(3) T(1, "9") N(0) rows

enum { ASKED_AT = 1 };

static roster_list list;
static arguments_t asked;
static redisReader *reader;
static void *answer;
static Zp__RostersReply body;

static int ask_two(void **state) {
    (void)state;
    Zp__Roster group = ZP__ROSTER__INIT, contacts = ZP__ROSTER__INIT;
    group.kind = ZP__ROSTER__KIND__KIND_GROUP;
    group.id = "team";
    contacts.kind = ZP__ROSTER__KIND__KIND_CONTACTS;
    contacts.id = "tv";
    contacts.version = 7;
    Zp__Roster *rosters[] = {&group, &contacts};
    Zp__RostersQuery query = ZP__ROSTERS_QUERY__INIT;
    query.n_rosters = 2;
    query.rosters = rosters;
    arguments_clear(&asked);
    arguments_add(&asked, str_view_of("1000"));
    roster_rows_ask(&asked, &query);
    reader = redisReaderCreate();
    return reader ? 0 : -1;
}

static int forget(void **state) {
    (void)state;
    freeReplyObject(answer);
    answer = NULL;
    redisReaderFree(reader);
    arguments_free(&asked);
    return 0;
}

static bool read_answer(const char *text) {
    freeReplyObject(answer);
    answer = NULL;
    assert_int_equal(redisReaderFeed(reader, text, strlen(text)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &answer), REDIS_OK);
    assert_non_null(answer);
    zp__rosters_reply__init(&body);
    return roster_rows_read(&list, answer, &asked, ASKED_AT, &body);
}

static void what_is_asked_stands_in_columns(void **state) {
    (void)state;
    static const char *const columns[] = {"1000", "g", "team", "0", "c", "tv", "7"};
    assert_int_equal(asked.count, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < asked.count; i++) {
        assert_true(str_view_equal(arguments_get(&asked, i), str_view_of(columns[i])));
    }
}

static void each_list_is_the_one_that_its_index_names(void **state) {
    (void)state;
    assert_true(
        read_answer(ANSWER(A(6) N(1) T(2, "17") A(2) T(1, "a") T(1, "b") N(2) T(2, "18") A(1) T(1, "a"))));
    assert_int_equal(body.n_rosters, 2);
    assert_false(body.more);
    assert_int_equal(body.rosters[0]->kind, ZP__ROSTER__KIND__KIND_GROUP);
    assert_string_equal(body.rosters[0]->id, "team");
    assert_int_equal(body.rosters[0]->version, 17);
    assert_int_equal(body.rosters[0]->n_user_ids, 2);
    assert_string_equal(body.rosters[0]->user_ids[1], "b");
    assert_int_equal(body.rosters[1]->version, 18);
    assert_int_equal(body.rosters[1]->n_user_ids, 1);
    assert_true(read_answer(A(3) T(1, "9") N(1) A(3) N(2) T(1, "1") A(0)));
    assert_int_equal(body.n_rosters, 1);
    assert_int_equal(body.rosters[0]->kind, ZP__ROSTER__KIND__KIND_CONTACTS);
    assert_string_equal(body.rosters[0]->id, "tv");
    assert_int_equal(body.rosters[0]->n_user_ids, 0);
    assert_true(body.more);
    assert_true(read_answer(ANSWER(A(0))));
    assert_int_equal(body.n_rosters, 0);
}

static void an_id_that_the_bus_would_refuse_is_left_out(void **state) {
    (void)state;
    assert_true(
        read_answer(ANSWER(A(3) N(1) T(2, "17") A(5) T(1, "a") T(3, "a\nb") T(0, "") N(5) T(1, "b"))));
    assert_int_equal(body.rosters[0]->n_user_ids, 2);
    assert_string_equal(body.rosters[0]->user_ids[0], "a");
    assert_string_equal(body.rosters[0]->user_ids[1], "b");
}

static void what_is_no_answer_to_these_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        ANSWER(N(1)),                                           /* no array */
        ANSWER(A(2) N(1) T(2, "17")),                           /* half a row */
        ANSWER(A(3) N(0) T(2, "17") A(0)),                      /* which one? */
        ANSWER(A(3) N(3) T(2, "17") A(0)),                      /* was not asked for */
        ANSWER(A(6) N(2) T(2, "17") A(0) N(1) T(2, "17") A(0)), /* not in the order asked */
        ANSWER(A(6) N(1) T(2, "17") A(0) N(1) T(2, "17") A(0)), /* twice */
        ANSWER(A(3) N(1) T(1, "0") A(0)),                       /* no version */
        ANSWER(A(3) N(1) T(1, "x") A(0)),                       /* likewise */
        ANSWER(A(3) N(1) T(2, "17") T(1, "a")),                 /* no users */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(read_answer(bad[i]));
    }
}

/* `count` users, for the array that follows. */
static char *add_users(char *at, int count) {
    at += sprintf(at, "*%d\r\n", count);
    for (int i = 0; i < count; i++) {
        at += sprintf(at, "$4\r\n%04d\r\n", i);
    }
    return at;
}

static void one_list_that_is_too_large_is_cut_and_a_second_is_refused(void **state) {
    (void)state;
    static char text[32768];
    char *at = text + sprintf(text, "%s", ANSWER(A(6) N(1) T(2, "17")));
    at = add_users(at, VALID_ROSTER_USERS_MAX + 1);
    char *second = at + sprintf(at, "%s", N(2) T(2, "18"));
    (void)add_users(second, 0);
    assert_true(read_answer(text));
    assert_int_equal(body.rosters[0]->n_user_ids, VALID_ROSTER_USERS_MAX);
    assert_int_equal(body.n_rosters, 2);
    (void)add_users(second, 1);
    assert_false(read_answer(text));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, ask_two, forget)
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked_stands_in_columns),
        TEST(each_list_is_the_one_that_its_index_names),
        TEST(an_id_that_the_bus_would_refuse_is_left_out),
        TEST(what_is_no_answer_to_these_is_refused),
        TEST(one_list_that_is_too_large_is_cut_and_a_second_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
