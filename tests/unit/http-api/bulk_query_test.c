/* bulk_query: what clients of the bulk endpoint ask, and the bytes that they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/http-api/core/bulk_query.h"

enum { IDS_MAX = 10 };

/* A copy of exactly that size, so that the sanitizer sees a read beyond it. */
static api_error parse(str_view body, bulk_query *ret_query) {
    char *copy = malloc(body.len ? body.len : 1);
    assert_non_null(copy);
    memcpy(copy, body.ptr, body.len);
    api_error error = bulk_query_parse(str_view_make(copy, body.len), IDS_MAX, ret_query);
    free(copy);
    return error;
}

static void assert_refused(const char *body, api_error expected) {
    bulk_query query = {.user_ids_count = 77};
    assert_int_equal(parse(str_view_of(body), &query), expected);
    assert_int_equal(query.user_ids_count, 77);
}

/* `expected` is the ids, joined by spaces. */
static void assert_asks(const char *body, const char *expected) {
    bulk_query query;
    assert_int_equal(parse(str_view_of(body), &query), API_OK);
    char joined[512] = "";
    for (size_t i = 0; i < query.user_ids_count; i++) {
        size_t used = strlen(joined);
        snprintf(joined + used, sizeof joined - used, "%s%s", i > 0 ? " " : "", query.user_ids[i]);
    }
    assert_string_equal(joined, expected);
    bulk_query_free(&query);
}

static void ids_are_strings_or_integers(void **state) {
    (void)state;
    assert_asks("{\"userIds\":[\"123\",\"alice\",456,-7,0]}", "123 alice 456 -7 0");
    assert_asks(" { \"userIds\" : [ ] } ", "");
    assert_asks("{\"userIds\":[9223372036854775807,-9223372036854775808]}",
                "9223372036854775807 -9223372036854775808");
    assert_asks("{\"userIds\":[\"J\\u00fcrgen\",\"\\ud83d\\ude00\"]}", "J\xc3\xbcrgen \xf0\x9f\x98\x80");
}

static void equal_ids_are_asked_once_in_the_order_of_their_first(void **state) {
    (void)state;
    assert_asks("{\"userIds\":[\"b\",\"a\",\"b\",\"c\",\"a\"]}", "b a c");
    assert_asks("{\"userIds\":[7,\"7\",7]}", "7");
    assert_asks("{\"userIds\":[\"\\u0061\",\"a\"]}", "a");
}

static void other_keys_are_ignored_and_the_last_of_equal_keys_counts(void **state) {
    (void)state;
    assert_asks("{\"x\":{\"userIds\":3},\"userIds\":[\"a\"],\"y\":null}", "a");
    assert_asks("{\"userIds\":\"no\",\"userIds\":[\"a\"]}", "a");
}

static void what_is_no_json_is_refused_as_such(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "nope",
        "{\"userIds\":[\"a\"]",
        "{\"userIds\":[\"a\"]} x",
        "{'userIds':[]}",
        "{\"userIds\":[a]}",
        "{,}",
        "\xef\xbb\xbf{\"userIds\":[]}",
        "{\"userIds\":[\"\xff\"]}",
        "{\"userIds\":[\"\\ud800\"]}",
        "{\"userIds\":[\"a\nb\"]}",
        "{\"userIds\":[01]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_refused(bodies[i], API_INVALID_JSON);
    }
    bulk_query query;
    assert_int_equal(parse(str_view_make("{\"userIds\":[]}\0", 15), &query), API_INVALID_JSON);
}

static void deep_nesting_is_refused_and_not_followed(void **state) {
    (void)state;
    enum { DEPTH = 200000 };
    char *body = malloc(DEPTH);
    assert_non_null(body);
    memset(body, '[', DEPTH);
    bulk_query query;
    assert_int_equal(parse(str_view_make(body, DEPTH), &query), API_INVALID_JSON);
    free(body);
}

static void user_ids_must_be_an_array(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{}",
        "{\"userIds\":null}",
        "{\"userIds\":\"a\"}",
        "{\"userIds\":{\"0\":\"a\"}}",
        "{\"userids\":[\"a\"]}",
        "[\"a\"]",
        "\"userIds\"",
        "null",
        "5",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_refused(bodies[i], API_IDS_NOT_ARRAY);
    }
}

static void an_id_of_another_kind_or_unclean_is_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "{\"userIds\":[\"a\",\"\"]}",  "{\"userIds\":[null]}",      "{\"userIds\":[true]}",
        "{\"userIds\":[1.0]}",         "{\"userIds\":[1e3]}",       "{\"userIds\":[[\"a\"]]}",
        "{\"userIds\":[{}]}",          "{\"userIds\":[\"a\\nb\"]}", "{\"userIds\":[\"a\\u0000\"]}",
        "{\"userIds\":[\"\\u007f\"]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_refused(bodies[i], API_INVALID_ID);
    }
}

static void an_id_has_at_most_128_bytes(void **state) {
    (void)state;
    char body[256], id[130];
    memset(id, 'x', 128);
    id[128] = '\0';
    snprintf(body, sizeof body, "{\"userIds\":[\"%s\"]}", id);
    assert_asks(body, id);
    id[128] = 'x';
    id[129] = '\0';
    snprintf(body, sizeof body, "{\"userIds\":[\"%s\"]}", id);
    assert_refused(body, API_INVALID_ID);
}

static void a_number_beyond_64_bits_is_refused_and_not_rounded(void **state) {
    (void)state;
    assert_refused("{\"userIds\":[9223372036854775808]}", API_NUMBER_TOO_LARGE);
    assert_refused("{\"userIds\":[123456789012345678901234567890]}", API_NUMBER_TOO_LARGE);
}

static void more_ids_than_allowed_are_refused_duplicates_included(void **state) {
    (void)state;
    assert_asks("{\"userIds\":[1,1,1,1,1,1,1,1,1,1]}", "1");
    assert_refused("{\"userIds\":[1,1,1,1,1,1,1,1,1,1,1]}", API_TOO_MANY_IDS);
}

static void assert_text(text_buffer *text, const char *expected) {
    size_t len = 0;
    char *bytes = text_take(text, &len);
    assert_non_null(bytes);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(bytes, expected, len);
    free(bytes);
}

static void an_answer_is_to_the_byte_what_the_guide_shows(void **state) {
    (void)state;
    text_buffer out = {0};
    bulk_answer_begin(&out);
    bulk_answer_add(&out, str_view_of("123"), STATUS_ONLINE, 1765535445123);
    bulk_answer_add(&out, str_view_of("456"), STATUS_OFFLINE, 1765530922456);
    bulk_answer_add(&out, str_view_of("1011"), STATUS_OFFLINE, 0);
    bulk_answer_end(&out);
    assert_text(
        &out, "{\"123\":{\"userId\":\"123\",\"status\":\"online\",\"lastSeen\":\"2025-12-12T10:30:45.123Z\"},"
              "\"456\":{\"userId\":\"456\",\"status\":\"offline\",\"lastSeen\":\"2025-12-12T09:15:22.456Z\"},"
              "\"1011\":{\"userId\":\"1011\",\"status\":\"offline\",\"lastSeen\":null}}");
}

static void away_and_busy_show_as_online_and_invisible_as_offline(void **state) {
    (void)state;
    text_buffer out = {0};
    bulk_answer_begin(&out);
    bulk_answer_add(&out, str_view_of("a"), STATUS_AWAY, 0);
    bulk_answer_add(&out, str_view_of("b"), STATUS_BUSY, 0);
    bulk_answer_add(&out, str_view_of("i"), STATUS_INVISIBLE, 0);
    bulk_answer_end(&out);
    assert_text(&out, "{\"a\":{\"userId\":\"a\",\"status\":\"online\",\"lastSeen\":null},"
                      "\"b\":{\"userId\":\"b\",\"status\":\"online\",\"lastSeen\":null},"
                      "\"i\":{\"userId\":\"i\",\"status\":\"offline\",\"lastSeen\":null}}");
}

static void ids_are_escaped_in_an_answer(void **state) {
    (void)state;
    text_buffer out = {0};
    bulk_answer_begin(&out);
    bulk_answer_add(&out, str_view_of("a\"b\\c"), STATUS_OFFLINE, 0);
    bulk_answer_end(&out);
    assert_text(&out,
                "{\"a\\\"b\\\\c\":{\"userId\":\"a\\\"b\\\\c\",\"status\":\"offline\",\"lastSeen\":null}}");
}

static void nobody_asked_is_an_empty_object(void **state) {
    (void)state;
    text_buffer out = {0};
    bulk_answer_begin(&out);
    bulk_answer_end(&out);
    assert_text(&out, "{}");
}

static void errors_carry_the_literal_texts_of_the_guide(void **state) {
    (void)state;
    text_buffer out = {0};
    api_error_add_body(&out, API_IDS_NOT_ARRAY, NULL);
    assert_text(&out, "{\"error\":\"userIds must be an array\",\"code\":\"user_ids_not_array\"}");
    api_error_add_body(&out, API_INVALID_JSON, NULL);
    assert_text(&out, "{\"error\":\"Invalid JSON\",\"code\":\"invalid_json\"}");
    api_error_add_body(&out, API_FETCH_FAILED, "no \"core\"");
    assert_text(&out, "{\"error\":\"Failed to fetch presence status\",\"code\":\"fetch_failed\","
                      "\"details\":\"no \\\"core\\\"\"}");
    api_error_add_body(&out, API_DISABLED, NULL);
    assert_text(&out, "{\"error\":\"Presence is disabled\",\"code\":\"presence_disabled\"}");
    assert_int_equal(api_error_http_status(API_IDS_NOT_ARRAY), 400);
    assert_int_equal(api_error_http_status(API_TOO_MANY_IDS), 413);
    assert_int_equal(api_error_http_status(API_BODY_TOO_LARGE), 413);
    assert_int_equal(api_error_http_status(API_FETCH_FAILED), 500);
    assert_int_equal(api_error_http_status(API_DISABLED), 503);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_strings_or_integers),
        cmocka_unit_test(equal_ids_are_asked_once_in_the_order_of_their_first),
        cmocka_unit_test(other_keys_are_ignored_and_the_last_of_equal_keys_counts),
        cmocka_unit_test(what_is_no_json_is_refused_as_such),
        cmocka_unit_test(deep_nesting_is_refused_and_not_followed),
        cmocka_unit_test(user_ids_must_be_an_array),
        cmocka_unit_test(an_id_of_another_kind_or_unclean_is_refused),
        cmocka_unit_test(an_id_has_at_most_128_bytes),
        cmocka_unit_test(a_number_beyond_64_bits_is_refused_and_not_rounded),
        cmocka_unit_test(more_ids_than_allowed_are_refused_duplicates_included),
        cmocka_unit_test(an_answer_is_to_the_byte_what_the_guide_shows),
        cmocka_unit_test(away_and_busy_show_as_online_and_invisible_as_offline),
        cmocka_unit_test(ids_are_escaped_in_an_answer),
        cmocka_unit_test(nobody_asked_is_an_empty_object),
        cmocka_unit_test(errors_carry_the_literal_texts_of_the_guide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
