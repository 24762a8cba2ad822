/* account_body: what clients of the accounts' endpoints may send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/http-api/core/account_body.h"

static const unsigned EVERYTHING =
    ACCOUNT_READS(ACCOUNT_TEXTS_COUNT) - 1 + ACCOUNT_READS_METADATA + ACCOUNT_READS_FAVORITE;
static const account_limits limits = {.display_name_max_bytes = 8, .metadata_max_bytes = 16};
static const char *details;

/* A copy of exactly that size, so that the sanitizer sees a read beyond it. */
static api_error parse(str_view bytes, unsigned reads, bool may_be_empty, account_body *ret_body) {
    char *copy = malloc(bytes.len ? bytes.len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes.ptr, bytes.len);
    api_error error =
        account_body_parse(str_view_make(copy, bytes.len), reads, may_be_empty, &limits, ret_body, &details);
    free(copy);
    return error;
}

static void assert_refused(const char *text, api_error expected, const char *field) {
    account_body body = {.metadata = (char *)"untouched"};
    assert_int_equal(parse(str_view_of(text), EVERYTHING, false, &body), expected);
    assert_string_equal(body.metadata, "untouched");
    if (field) {
        assert_non_null(details);
        assert_ptr_equal(strstr(details, field), details);
    } else {
        assert_null(details);
    }
}

static void every_field_is_read(void **state) {
    (void)state;
    account_body body;
    assert_int_equal(
        parse(str_view_of("{\"username\":\"HI20E\",\"display_name\":\"\\u00dc TV\",\"device_type\":\"tv\","
                          "\"session_type\":\"call\",\"room_name\":\"r\",\"session_token\":\"t\","
                          "\"contact\":\"c\",\"is_favorite\":true,\"metadata\":{ \"a\" : [1, null] },"
                          "\"other\":[]}"),
              EVERYTHING, false, &body),
        API_OK);
    assert_string_equal(body.texts[TEXT_USERNAME], "HI20E");
    assert_string_equal(body.texts[TEXT_DISPLAY_NAME], "\xc3\x9c TV");
    assert_string_equal(body.texts[TEXT_DEVICE_TYPE], "tv");
    assert_string_equal(body.texts[TEXT_SESSION_TYPE], "call");
    assert_string_equal(body.texts[TEXT_ROOM_NAME], "r");
    assert_string_equal(body.texts[TEXT_SESSION_TOKEN], "t");
    assert_string_equal(body.texts[TEXT_CONTACT], "c");
    assert_string_equal(body.metadata, "{\"a\":[1,null]}");
    assert_int_equal(body.favorite, FAVORITE_TRUE);
    account_body_free(&body);
}

static void null_is_missing(void **state) {
    (void)state;
    account_body body;
    assert_int_equal(parse(str_view_of("{\"username\":null,\"metadata\":null,\"is_favorite\":null}"),
                           EVERYTHING, false, &body),
                     API_OK);
    assert_null(body.texts[TEXT_USERNAME]);
    assert_null(body.metadata);
    assert_int_equal(body.favorite, FAVORITE_MISSING);
    account_body_free(&body);
}

static void what_an_endpoint_does_not_read_may_be_anything(void **state) {
    (void)state;
    account_body body;
    assert_int_equal(parse(str_view_of("{\"username\":\"u\",\"metadata\":5,\"is_favorite\":\"x\"}"),
                           ACCOUNT_READS(TEXT_USERNAME), false, &body),
                     API_OK);
    assert_string_equal(body.texts[TEXT_USERNAME], "u");
    assert_null(body.metadata);
    account_body_free(&body);
}

static void an_empty_body_is_one_without_fields_where_it_may_be(void **state) {
    (void)state;
    account_body body;
    assert_int_equal(parse(str_view_of(""), EVERYTHING, true, &body), API_OK);
    assert_null(body.texts[TEXT_USERNAME]);
    account_body_free(&body);
    assert_refused("", API_INVALID_JSON, NULL);
}

static void what_is_no_json_object_is_refused(void **state) {
    (void)state;
    static const char *const bodies[] = {"nope", "{", "{\"a\":1} x", "{'a':1}", "{\"username\":\"\xff\"}"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        assert_refused(bodies[i], API_INVALID_JSON, NULL);
    }
    assert_refused("[]", API_BODY_NOT_OBJECT, NULL);
    assert_refused("\"x\"", API_BODY_NOT_OBJECT, NULL);
    assert_refused("null", API_BODY_NOT_OBJECT, NULL);
    assert_refused("{\"a\":9223372036854775808}", API_NUMBER_TOO_LARGE, NULL);
}

static void deep_nesting_is_refused_and_not_followed(void **state) {
    (void)state;
    enum { DEPTH = 200000 };
    char *text = malloc(DEPTH);
    account_body body;
    assert_non_null(text);
    memset(text, '[', DEPTH);
    assert_int_equal(parse(str_view_make(text, DEPTH), EVERYTHING, false, &body), API_INVALID_JSON);
    free(text);
}

static void a_field_of_another_kind_or_unclean_is_named(void **state) {
    (void)state;
    assert_refused("{\"username\":5}", API_INVALID_FIELD, "username");
    assert_refused("{\"username\":\"\"}", API_INVALID_FIELD, "username");
    assert_refused("{\"username\":\"a\\u0000\"}", API_INVALID_FIELD, "username");
    assert_refused("{\"display_name\":\"a\\nb\"}", API_INVALID_FIELD, "display_name");
    assert_refused("{\"session_type\":\"\"}", API_INVALID_FIELD, "session_type");
    assert_refused("{\"metadata\":[]}", API_INVALID_FIELD, "metadata");
    assert_refused("{\"is_favorite\":1}", API_INVALID_FIELD, "is_favorite");
}

static void a_text_has_its_most_bytes(void **state) {
    (void)state;
    char text[256], name[130];
    memset(name, 'x', 129);
    name[128] = '\0';
    snprintf(text, sizeof text, "{\"username\":\"%s\"}", name);
    account_body body;
    assert_int_equal(parse(str_view_of(text), EVERYTHING, false, &body), API_OK);
    account_body_free(&body);
    name[128] = 'x';
    name[129] = '\0';
    snprintf(text, sizeof text, "{\"username\":\"%s\"}", name);
    assert_refused(text, API_INVALID_FIELD, "username");
}

static void what_is_beyond_a_configured_limit_is_too_large(void **state) {
    (void)state;
    account_body body;
    assert_int_equal(parse(str_view_of("{\"display_name\":\"12345678\",\"metadata\":{\"a\":\"12345678\"}}"),
                           EVERYTHING, false, &body),
                     API_OK);
    account_body_free(&body);
    assert_refused("{\"display_name\":\"123456789\"}", API_FIELD_TOO_LARGE, "display_name");
    assert_refused("{\"metadata\":{\"a\":\"123456789\"}}", API_FIELD_TOO_LARGE, "metadata");
}

static void metadata_is_kept_whole(void **state) {
    (void)state;
    account_body body;
    assert_int_equal(parse(str_view_of("{\"metadata\":{\"\\u00fc\":\"\\u0000\"}}"), EVERYTHING, false, &body),
                     API_OK);
    assert_string_equal(body.metadata, "{\"\xc3\xbc\":\"\\u0000\"}");
    assert_true(account_body_is_object(body.metadata));
    account_body_free(&body);
    assert_false(account_body_is_object(""));
    assert_false(account_body_is_object("[]"));
    assert_false(account_body_is_object("{}}"));
    assert_false(account_body_is_object("{\"a\":1},\"is_admin\":{}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(null_is_missing),
        cmocka_unit_test(what_an_endpoint_does_not_read_may_be_anything),
        cmocka_unit_test(an_empty_body_is_one_without_fields_where_it_may_be),
        cmocka_unit_test(what_is_no_json_object_is_refused),
        cmocka_unit_test(deep_nesting_is_refused_and_not_followed),
        cmocka_unit_test(a_field_of_another_kind_or_unclean_is_named),
        cmocka_unit_test(a_text_has_its_most_bytes),
        cmocka_unit_test(what_is_beyond_a_configured_limit_is_too_large),
        cmocka_unit_test(metadata_is_kept_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
