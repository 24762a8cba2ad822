/* account_rows: what somebody's hand left in Redis costs itself, never the whole answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/presence-core/account_rows.h"

enum { ROWS_MAX = 3 };

static account_list list;
static redisReply cells[ROWS_MAX * ACCOUNT_COLUMNS], parts[ACCOUNT_PARTS];
static redisReply *cell_pointers[ROWS_MAX * ACCOUNT_COLUMNS], *part_pointers[ACCOUNT_PARTS];
static redisReply reply;

static void set_text(redisReply *cell, const char *text) {
    *cell = (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)text, .len = strlen(text)};
}

static redisReply *cell(size_t row, size_t column) {
    return &cells[row * ACCOUNT_COLUMNS + column];
}

static int three_accounts(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    static const char *const row[] = {"", "Name", "tv", "{}", "1", "2", "3", "b", "4", "5", "1", "1", "6"};
    for (size_t i = 0; i < ROWS_MAX * ACCOUNT_COLUMNS; i++) {
        set_text(&cells[i], i % ACCOUNT_COLUMNS == 0 ? names[i / ACCOUNT_COLUMNS] : row[i % ACCOUNT_COLUMNS]);
        cell_pointers[i] = &cells[i];
    }
    for (size_t i = 0; i < ACCOUNT_PARTS; i++) {
        set_text(&parts[i], "0");
        part_pointers[i] = &parts[i];
    }
    set_text(&parts[2], "done");
    parts[5] = (redisReply){
        .type = REDIS_REPLY_ARRAY, .elements = ROWS_MAX * ACCOUNT_COLUMNS, .element = cell_pointers};
    reply = (redisReply){.type = REDIS_REPLY_ARRAY, .elements = ACCOUNT_PARTS, .element = part_pointers};
    return 0;
}

static Zp__AccountReply read_reply(bool expected) {
    Zp__AccountReply body = ZP__ACCOUNT_REPLY__INIT;
    assert_int_equal(account_rows_read(&list, &reply, &body), expected);
    return body;
}

static void every_column_is_read(void **state) {
    (void)state;
    Zp__AccountReply body = read_reply(true);
    assert_int_equal(body.result, ZP__ACCOUNT_RESULT__RESULT_DONE);
    assert_true(body.presence_known);
    assert_int_equal(body.n_accounts, 3);
    const Zp__Account *account = body.accounts[1];
    assert_string_equal(account->username, "b");
    assert_string_equal(account->display_name, "Name");
    assert_string_equal(account->device_type, "tv");
    assert_string_equal(account->metadata, "{}");
    assert_int_equal(account->created_at_ms, 1);
    assert_int_equal(account->last_seen_ms, 2);
    assert_int_equal(account->total_sessions, 3);
    assert_int_equal(account->status, ZP__STATUS__STATUS_BUSY);
    assert_int_equal(account->since_ms, 4);
    assert_int_equal(account->presence_last_seen_ms, 5);
    assert_true(account->is_online);
    assert_true(account->is_favorite);
    assert_int_equal(account->added_at_ms, 6);
}

static void a_row_that_the_bus_would_refuse_is_left_out(void **state) {
    (void)state;
    set_text(cell(1, 0), "");
    set_text(cell(2, 1), "a\nb");
    Zp__AccountReply body = read_reply(true);
    assert_int_equal(body.n_accounts, 1);
    assert_string_equal(body.accounts[0]->username, "a");
}

static void values_of_another_kind_are_none(void **state) {
    (void)state;
    cell(0, 3)->str = "\0{"; /* text behind a NUL */
    cell(0, 3)->len = 2;
    *cell(0, 1) = (redisReply){.type = REDIS_REPLY_NIL};
    set_text(cell(0, 5), "yesterday");
    set_text(cell(0, 7), "i");
    Zp__AccountReply body = read_reply(true);
    assert_int_equal(body.n_accounts, 3);
    assert_string_equal(body.accounts[0]->metadata, "");
    assert_string_equal(body.accounts[0]->display_name, "");
    assert_int_equal(body.accounts[0]->last_seen_ms, 0);
    assert_int_equal(body.accounts[0]->status, ZP__STATUS__STATUS_OFFLINE);
}

static void a_result_that_is_none_is_no_answer(void **state) {
    (void)state;
    set_text(&parts[2], "perhaps");
    read_reply(false);
    parts[2] = (redisReply){.type = REDIS_REPLY_NIL};
    read_reply(false);
}

static void while_presence_is_rebuilt_it_is_not_known(void **state) {
    (void)state;
    parts[1] = (redisReply){.type = REDIS_REPLY_INTEGER, .integer = 1};
    parts[5] = (redisReply){.type = REDIS_REPLY_NIL};
    Zp__AccountReply body = read_reply(true);
    assert_false(body.presence_known);
    assert_int_equal(body.n_accounts, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_column_is_read, three_accounts),
        cmocka_unit_test_setup(a_row_that_the_bus_would_refuse_is_left_out, three_accounts),
        cmocka_unit_test_setup(values_of_another_kind_are_none, three_accounts),
        cmocka_unit_test_setup(a_result_that_is_none_is_no_answer, three_accounts),
        cmocka_unit_test_setup(while_presence_is_rebuilt_it_is_not_known, three_accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
