/* client_message_parse: what clients say in both forms, and what hostile ones send instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/wire/client_frame.h"
#include "common/wire/msgpack_bounds.h"

/* A copy of exactly that size, so that the sanitizer sees a read beyond it. */
static zp_error parse(const char *bytes, size_t len_bytes, client_message *ret_message, char **ret_copy) {
    *ret_copy = malloc(len_bytes ? len_bytes : 1);
    assert_non_null(*ret_copy);
    memcpy(*ret_copy, bytes, len_bytes);
    return client_message_parse(str_view_make(*ret_copy, len_bytes), ret_message);
}
#define PARSE(literal, message, copy) parse(literal, sizeof(literal) - 1, message, copy)

static void assert_garbage(const char *bytes, size_t len_bytes) {
    client_message message = {.type = 77};
    char *copy;
    assert_int_equal(parse(bytes, len_bytes, &message, &copy), ZP_INVALID);
    assert_int_equal(message.type, 77);
    free(copy);
}
#define GARBAGE(literal) assert_garbage(literal, sizeof(literal) - 1)

static void assert_text(str_view text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr, expected, text.len);
}

static void heartbeat_in_both_forms(void **state) {
    (void)state;
    client_message message;
    char *copy;
    assert_int_equal(PARSE("\x81\xabmessageType\x1e", &message, &copy), ZP_OK);
    assert_int_equal(message.type, MESSAGE_HEARTBEAT);
    assert_false(message.array_form);
    free(copy);
    assert_int_equal(PARSE("\x95\x01\x1e\x7b\x00\xc0", &message, &copy), ZP_OK);
    assert_int_equal(message.type, MESSAGE_HEARTBEAT);
    assert_true(message.array_form);
    free(copy);
}

static void status_in_both_forms(void **state) {
    (void)state;
    client_message message;
    char *copy;
    assert_int_equal(PARSE("\x83\xa6status\xa4"
                           "busy\xa6"
                           "fromId\xcd\x01\x02\xabmessageType\x05",
                           &message, &copy),
                     ZP_OK);
    assert_int_equal(message.type, MESSAGE_STATUS);
    assert_text(message.status, "busy");
    free(copy);
    assert_int_equal(PARSE("\x95\x00\x05\xa3"
                           "123\xa0\xa4"
                           "away",
                           &message, &copy),
                     ZP_OK);
    assert_text(message.status, "away");
    free(copy);
    assert_int_equal(PARSE("\x96\x00\x05\xa3"
                           "123\xa0\xa4uuid\x81\xa6status\xa4"
                           "away",
                           &message, &copy),
                     ZP_OK);
    assert_text(message.status, "away");
    free(copy);
    assert_int_equal(PARSE("\x82\xabmessageType\x05\xaastatusText\xa2hi", &message, &copy), ZP_OK);
    assert_int_equal(message.status.len, 0);
    free(copy);
}

static void ids_may_be_integers_strings_or_nil(void **state) {
    (void)state;
    client_message message;
    char *copy;
    assert_int_equal(PARSE("\x95\x01\x1e\xce\x00\x01\x00\x00\xa3"
                           "abc\xc0",
                           &message, &copy),
                     ZP_OK);
    free(copy);
    assert_int_equal(PARSE("\x95\x01\x1e\xff\xc0\xc0", &message, &copy), ZP_OK);
    free(copy);
    GARBAGE("\x95\x01\x1e\x90\x00\xc0");                                 /* an array as id */
    GARBAGE("\x95\x01\x1e\xcb\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc0"); /* a float as id */
}

static void connection_test_gives_the_raw_payload(void **state) {
    (void)state;
    client_message message;
    char *copy;
    assert_int_equal(PARSE("\x82\xabmessageType\x19\xa7payload\x92\xcd\x00\x01\xc0", &message, &copy), ZP_OK);
    assert_int_equal(message.payload.len, 5);
    assert_memory_equal(message.payload.ptr, "\x92\xcd\x00\x01\xc0", 5);
    free(copy);
    assert_int_equal(PARSE("\x95\x01\x19\x00\x00\x81\xa1"
                           "a\xc3",
                           &message, &copy),
                     ZP_OK);
    assert_int_equal(message.payload.len, 4);
    free(copy);
    assert_int_equal(PARSE("\x81\xabmessageType\x19", &message, &copy), ZP_OK);
    assert_int_equal(message.payload.len, 0);
    free(copy);
}

/* The ids of an array, a space behind each; one that is no id as "-". */
static void assert_ids(str_view array, const char *expected) {
    char text[128] = "";
    client_ids ids = {.array = array};
    str_view id;
    while (client_ids_next(&ids, &id)) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%.*s ", id.len ? (int)id.len : 1,
                       id.len ? id.ptr : "-");
    }
    assert_string_equal(text, expected);
}

static void subscriptions_name_users_everybody_groups_or_contacts(void **state) {
    (void)state;
    client_message message;
    char *copy;
    assert_int_equal(PARSE("\x82\xabmessageType\x21\xa7userIds\x94\xa3"
                           "abc\x7b\xd0\x85\xc0",
                           &message, &copy),
                     ZP_OK);
    assert_int_equal(message.type, MESSAGE_PRESENCE_SUBSCRIBE);
    assert_ids(message.user_ids, "abc 123 -123 - ");
    assert_false(message.all || message.contacts);
    assert_int_equal(message.group_ids.len, 0);
    free(copy);
    assert_int_equal(PARSE("\x84\xabmessageType\x21\xa3"
                           "all\xc3\xa8"
                           "contacts\xc2\xa8groupIds\x91\x07",
                           &message, &copy),
                     ZP_OK);
    assert_true(message.all);
    assert_false(message.contacts);
    assert_int_equal(message.user_ids.len, 0);
    assert_ids(message.group_ids, "7 ");
    free(copy);
    assert_int_equal(PARSE("\x95\x00\x21\x07\x00\x82\xa7userIds\x90\xa8"
                           "contacts\xc3",
                           &message, &copy),
                     ZP_OK);
    assert_true(message.contacts);
    assert_int_equal(message.user_ids.len, 1); /* an empty array is not none */
    assert_ids(message.user_ids, "");
    free(copy);
    assert_int_equal(PARSE("\x95\x00\x22\x07\x00\xc0", &message, &copy), ZP_OK);
    assert_int_equal(message.type, MESSAGE_PRESENCE_UNSUBSCRIBE);
    free(copy);
    GARBAGE("\x95\x00\x22\x07\x00\xa3"
            "bob");
    GARBAGE("\x95\x00\x21\x07\x00\xc0"); /* names nothing at all */
    GARBAGE("\x82\xabmessageType\x21\xa7userIds\xa1"
            "a");                                              /* a text for an array */
    GARBAGE("\x82\xabmessageType\x21\xa7userIds\x81\x01\x02"); /* a map for an array */
    GARBAGE("\x82\xabmessageType\x21\xa3"
            "all\x01"); /* a number for a truth */
    GARBAGE("\x83\xabmessageType\x21\xa3"
            "all\xc3\xa3"
            "all\xc3"); /* twice */
}

static void types_of_other_services_are_read_and_left_to_the_caller(void **state) {
    (void)state;
    client_message message;
    char *copy;
    assert_int_equal(PARSE("\x96\x00\x03\x01\x02\xa2id\xc4\x03\x00\x01\x02", &message, &copy), ZP_OK);
    assert_int_equal(message.type, 3);
    assert_int_equal(message.payload.len, 0);
    free(copy);
    assert_int_equal(PARSE("\x81\xabmessageType\xd3\x80\x00\x00\x00\x00\x00\x00\x00", &message, &copy),
                     ZP_OK);
    assert_true(message.type == INT64_MIN);
    free(copy);
}

static void what_has_no_type_is_garbage(void **state) {
    (void)state;
    GARBAGE("");
    GARBAGE("\xc1");
    GARBAGE("\x05");
    GARBAGE("\xa5hello");
    GARBAGE("{\"messageType\": 30}");
    GARBAGE("\x80");
    GARBAGE("\x90");
    GARBAGE("\x81\xabmessageType\xa2"
            "30");
    GARBAGE("\x81\xabmessageType\xcb\x40\x3e\x00\x00\x00\x00\x00\x00"); /* 30.0 */
    GARBAGE("\x81\xabmessageType\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    GARBAGE("\x81\xabmessageType\x81\x01\x02");
    GARBAGE("\x94\x01\x1e\x00\x00");
    GARBAGE("\x97\x01\x1e\x00\x00\x00\x00\x00");
    GARBAGE("\x95\xa1"
            "1\x1e\x00\x00\x00");
    GARBAGE("\x81\xabmessageType\x1e\x00"); /* a byte after the message */
    GARBAGE("\x82\xabmessageType\x05\xa6status\x01");
    GARBAGE("\x95\x00\x05\x00\x00\x01");
}

static void a_key_said_twice_is_garbage(void **state) {
    (void)state;
    GARBAGE("\x82\xabmessageType\x1e\xabmessageType\x05");
    GARBAGE("\x83\xabmessageType\x05\xa6status\xa4"
            "busy\xa6status\xa4"
            "away");
    GARBAGE("\x83\xabmessageType\x19\xa7payload\x01\xa7payload\x02");
    client_message message;
    char *copy;
    assert_int_equal(PARSE("\x83\xabmessageType\x1e\xa1x\x01\xa1x\x02", &message, &copy), ZP_OK);
    free(copy);
}

static void odd_keys_are_passed_over(void **state) {
    (void)state;
    client_message message;
    char *copy;
    assert_int_equal(
        PARSE("\x84\x01\x02\x92\x01\x02\x80\xc4\x0bmessageType\x05\xabmessageType\x1e", &message, &copy),
        ZP_OK);
    assert_int_equal(message.type, MESSAGE_HEARTBEAT);
    free(copy);
}

static void every_truncation_is_garbage(void **state) {
    (void)state;
    static const char map[] = "\x84\xabmessageType\x19\xa6"
                              "fromId\xcd\x01\x02\xa6status\xd9\x04"
                              "busy\xa7payload\x82\x01\xcb"
                              "\x00\x00\x00\x00\x00\x00\x00\x00\x02\xc7\x02\x01\x09\x09";
    static const char array[] =
        "\xdc\x00\x06\x00\x19\xd2\x00\x00\x00\x01\xda\x00\x01x\xdb\x00\x00\x00\x01y\xde\x00\x01"
        "\xd4\x01\x02\xdd\x00\x00\x00\x02\xca\x00\x00\x00\x00\xc5\x00\x01z";
    client_message message;
    char *copy;
    assert_int_equal(PARSE(map, &message, &copy), ZP_OK);
    free(copy);
    assert_int_equal(PARSE(array, &message, &copy), ZP_OK);
    assert_int_equal(message.payload.len, 20);
    free(copy);
    for (size_t len = 0; len < sizeof(map) - 1; len++) {
        assert_garbage(map, len);
    }
    for (size_t len = 0; len < sizeof(array) - 1; len++) {
        assert_garbage(array, len);
    }
}

static void claims_beyond_the_bytes_are_garbage_and_cost_nothing(void **state) {
    (void)state;
    GARBAGE("\xdd\xff\xff\xff\xff\x01\x1e\x00\x00\x00");
    GARBAGE("\xdf\xff\xff\xff\xff\xabmessageType\x1e");
    GARBAGE("\xdf\x80\x00\x00\x00\xabmessageType\x1e");
    GARBAGE("\x82\xabmessageType\x19\xa7payload\xdd\xff\xff\xff\xff");
    GARBAGE("\x82\xabmessageType\x19\xa7payload\xdb\xff\xff\xff\xff"
            "abc");
    GARBAGE("\x82\xabmessageType\x19\xa7payload\xc6\xff\xff\xff\xff"
            "abc");
    GARBAGE("\x82\xabmessageType\x19\xa7payload\xc9\xff\xff\xff\xff\x01"
            "abc");
    GARBAGE("\x81\xdb\xff\xff\xff\xff"
            "abc");
}

static void nesting_is_bounded(void **state) {
    (void)state;
    static char deep[10001];
    memset(deep, '\x91', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = '\xc0';
    assert_garbage(deep, sizeof(deep));
    memset(deep, '\x81', sizeof(deep));
    assert_garbage(deep, sizeof(deep));

    str_view value;
    for (size_t depth = 1; depth < 40; depth++) {
        memset(deep, '\x91', depth);
        deep[depth] = '\x05';
        assert_int_equal(msgpack_bounds_first(str_view_make(deep, depth + 1), &value),
                         depth <= MSGPACK_DEPTH_MAX ? ZP_OK : ZP_INVALID);
    }
}

/* Nothing is expected of the answer but that there is one: the sanitizers watch. */
static void random_bytes_do_no_harm(void **state) {
    (void)state;
    static const char heads[] = "\x81\x82\x95\x96\xab\xa6\xdc\xde\xdf\xc7\xc9\xd4\xd8\x05\x19\x1e";
    uint64_t seed = 20251212;
    for (int round = 0; round < 200000; round++) {
        char bytes[48];
        size_t len = 0;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t wanted = (seed >> 33) % sizeof(bytes);
        while (len < wanted) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bytes[len++] = (seed >> 60) < 8 ? heads[(seed >> 40) % (sizeof(heads) - 1)] : (char)(seed >> 33);
        }
        client_message message;
        char *copy;
        if (parse(bytes, len, &message, &copy) == ZP_OK && message.payload.len > 0) {
            str_view value;
            assert_int_equal(msgpack_bounds_first(message.payload, &value), ZP_OK);
            assert_int_equal(value.len, message.payload.len);
        }
        free(copy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heartbeat_in_both_forms),
        cmocka_unit_test(status_in_both_forms),
        cmocka_unit_test(ids_may_be_integers_strings_or_nil),
        cmocka_unit_test(connection_test_gives_the_raw_payload),
        cmocka_unit_test(subscriptions_name_users_everybody_groups_or_contacts),
        cmocka_unit_test(types_of_other_services_are_read_and_left_to_the_caller),
        cmocka_unit_test(what_has_no_type_is_garbage),
        cmocka_unit_test(a_key_said_twice_is_garbage),
        cmocka_unit_test(odd_keys_are_passed_over),
        cmocka_unit_test(every_truncation_is_garbage),
        cmocka_unit_test(claims_beyond_the_bytes_are_garbage_and_cost_nothing),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(random_bytes_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
