/* valid_accounts: what a core and an http-api may say to each other about accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/bus/valid_fixture.h"

#define NONCE "0123456789abcdef"
#define TOKEN NONCE NONCE NONCE NONCE

static Zp__AccountQuery query;
static char long_text[VALID_METADATA_MAX_BYTES + 2];

static const char *text_of(size_t len_bytes) {
    memset(long_text, 'x', len_bytes);
    long_text[len_bytes] = '\0';
    return long_text;
}

static int reset(void **state) {
    query = (Zp__AccountQuery)ZP__ACCOUNT_QUERY__INIT;
    query.username = "HI20E";
    query.nonce = NONCE;
    return reset_shared(state);
}

static bool core_takes(void) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_ACCOUNT_QUERY;
    message.account_query = &query;
    return api_to_core_valid(&message);
}

static void a_question_asks_something(void **state) {
    (void)state;
    assert_false(core_takes());
}

static void a_look_names_a_user_and_has_no_nonce(void **state) {
    (void)state;
    Zp__AccountRead read = ZP__ACCOUNT_READ__INIT;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_READ;
    query.read = &read;
    assert_false(core_takes());
    query.nonce = "";
    assert_true(core_takes());
    query.username = "";
    assert_false(core_takes());
    query.username = text_of_129;
    assert_false(core_takes());
    query.username = text_of_128;
    assert_true(core_takes());
}

static void a_write_names_a_user_and_a_nonce_and_keeps_its_limits(void **state) {
    (void)state;
    Zp__AccountWrite write = ZP__ACCOUNT_WRITE__INIT;
    Zp__Given given = ZP__GIVEN__INIT;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_WRITE;
    query.write = &write;
    assert_true(core_takes());
    query.nonce = "";
    assert_false(core_takes());
    query.nonce = "0123456789ABCDEF";
    assert_false(core_takes());
    query.nonce = NONCE "0";
    assert_false(core_takes());
    query.nonce = NONCE;
    write.display_name = &given;
    assert_true(core_takes());
    given.text = (char *)text_of(VALID_DISPLAY_NAME_MAX_BYTES);
    assert_true(core_takes());
    given.text = (char *)text_of(VALID_DISPLAY_NAME_MAX_BYTES + 1);
    assert_false(core_takes());
    given.text = "a\nb";
    assert_false(core_takes());
    write.display_name = NULL;
    write.device_type = &given;
    given.text = text_of_64;
    assert_true(core_takes());
    given.text = text_of_65;
    assert_false(core_takes());
    write.device_type = NULL;
    write.metadata = &given;
    given.text = (char *)text_of(VALID_METADATA_MAX_BYTES);
    assert_true(core_takes());
    given.text = (char *)text_of(VALID_METADATA_MAX_BYTES + 1);
    assert_false(core_takes());
}

static void a_session_has_a_token_of_256_bits(void **state) {
    (void)state;
    Zp__SessionStart start = ZP__SESSION_START__INIT;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_SESSION_START;
    query.session_start = &start;
    start.token = TOKEN;
    start.session_type = "video_call";
    assert_true(core_takes());
    start.token = NONCE;
    assert_false(core_takes());
    start.token = TOKEN "0";
    assert_false(core_takes());
    start.token = TOKEN;
    start.session_type = "";
    assert_false(core_takes());
    start.session_type = text_of_65;
    assert_false(core_takes());
    start.session_type = text_of_64;
    start.room_name = text_of_128;
    assert_true(core_takes());
    start.room_name = text_of_129;
    assert_false(core_takes());
    start.room_name = "";
    query.nonce = "";
    assert_false(core_takes());
}

static void an_end_names_a_token_and_nobody(void **state) {
    (void)state;
    Zp__SessionEnd end = ZP__SESSION_END__INIT;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_SESSION_END;
    query.session_end = &end;
    end.token = TOKEN;
    assert_false(core_takes());
    query.username = "";
    assert_false(core_takes());
    query.nonce = "";
    assert_true(core_takes());
    end.token = "x";
    assert_false(core_takes());
}

static void a_list_of_active_users_is_bounded(void **state) {
    (void)state;
    Zp__ActiveRead active = ZP__ACTIVE_READ__INIT;
    query.username = query.nonce = "";
    query.body_case = ZP__ACCOUNT_QUERY__BODY_ACTIVE;
    query.active = &active;
    assert_false(core_takes());
    active.most = VALID_ACCOUNTS_MAX;
    assert_true(core_takes());
    active.most++;
    assert_false(core_takes());
    active.most = 1;
    query.username = "HI20E";
    assert_false(core_takes());
}

static void contacts_are_of_users(void **state) {
    (void)state;
    Zp__ContactsRead contacts = ZP__CONTACTS_READ__INIT;
    Zp__ContactWrite write = ZP__CONTACT_WRITE__INIT;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_CONTACTS;
    query.contacts = &contacts;
    query.nonce = "";
    assert_true(core_takes());
    contacts.contact = text_of_129;
    assert_false(core_takes());
    query.body_case = ZP__ACCOUNT_QUERY__BODY_CONTACT_WRITE;
    query.contact_write = &write;
    query.nonce = NONCE;
    write.contact = "mum";
    for (int change = -1; change <= 4; change++) {
        for (int favorite = -1; favorite <= 3; favorite++) {
            write.change = (Zp__ContactChange)change;
            write.favorite = (Zp__Favorite)favorite;
            assert_int_equal(core_takes(), change >= 1 && change <= 3 && favorite >= 0 && favorite <= 2);
        }
    }
    write.change = ZP__CONTACT_CHANGE__CONTACT_ADD;
    write.favorite = ZP__FAVORITE__FAVORITE_YES;
    write.contact = "";
    assert_false(core_takes());
}

static void an_answer_has_a_result_and_accounts_that_can_be_shown(void **state) {
    (void)state;
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    Zp__AccountReply reply = ZP__ACCOUNT_REPLY__INIT;
    Zp__Account account = ZP__ACCOUNT__INIT;
    Zp__Account *accounts[VALID_ACCOUNTS_MAX + 1];
    for (size_t i = 0; i < COUNT(accounts); i++) {
        accounts[i] = &account;
    }
    message.body_case = ZP__CORE_TO_API__BODY_ACCOUNT_REPLY;
    message.account_reply = &reply;
    assert_false(core_to_api_valid(&message));
    reply.outcome = ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    assert_true(core_to_api_valid(&message));
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.position = &position;
    assert_false(core_to_api_valid(&message));
    reply.result = (Zp__AccountResult)(ZP__ACCOUNT_RESULT__RESULT_ACCOUNTS_FULL + 1);
    assert_false(core_to_api_valid(&message));
    reply.result = ZP__ACCOUNT_RESULT__RESULT_ACCOUNTS_FULL;
    assert_true(core_to_api_valid(&message));
    reply.result = ZP__ACCOUNT_RESULT__RESULT_DONE;
    reply.accounts = accounts;
    reply.n_accounts = VALID_ACCOUNTS_MAX;
    assert_false(core_to_api_valid(&message));
    account.username = "HI20E";
    assert_true(core_to_api_valid(&message));
    reply.n_accounts++;
    assert_false(core_to_api_valid(&message));
    reply.n_accounts = 1;
    account.status = ZP__STATUS__STATUS_INVISIBLE;
    assert_false(core_to_api_valid(&message));
    account.status = ZP__STATUS__STATUS_BUSY;
    uint64_t *const numbers[] = {&account.created_at_ms,         &account.last_seen_ms,
                                 &account.total_sessions,        &account.since_ms,
                                 &account.presence_last_seen_ms, &account.added_at_ms};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        *numbers[i] = LARGEST_NUMBER + 1;
        assert_false(core_to_api_valid(&message));
        *numbers[i] = LARGEST_NUMBER;
    }
    account.device_type = text_of_65;
    assert_false(core_to_api_valid(&message));
    account.device_type = "";
    account.display_name = "\x01";
    assert_false(core_to_api_valid(&message));
    account.display_name = "";
    account.metadata = (char *)text_of(VALID_METADATA_MAX_BYTES + 1);
    assert_false(core_to_api_valid(&message));
    account.metadata = "{}";
    assert_true(core_to_api_valid(&message));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_question_asks_something, reset),
        cmocka_unit_test_setup(a_look_names_a_user_and_has_no_nonce, reset),
        cmocka_unit_test_setup(a_write_names_a_user_and_a_nonce_and_keeps_its_limits, reset),
        cmocka_unit_test_setup(a_session_has_a_token_of_256_bits, reset),
        cmocka_unit_test_setup(an_end_names_a_token_and_nobody, reset),
        cmocka_unit_test_setup(a_list_of_active_users_is_bounded, reset),
        cmocka_unit_test_setup(contacts_are_of_users, reset),
        cmocka_unit_test_setup(an_answer_has_a_result_and_accounts_that_can_be_shown, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
