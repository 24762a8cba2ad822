/* The body of POST /api/calls/presence: what is taken, what is refused as what, and in which envelope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/http-api/core/heartbeat_body.h"
#include "services/http-api/core/tv_json.h"

static void taken_as(const char *text, const char *username, presence_status status, const char *socket_id) {
    heartbeat_body body;
    assert_int_equal(heartbeat_body_parse(str_view_of(text), &body), API_OK);
    assert_string_equal(body.username, username);
    assert_string_equal(body.socket_id, socket_id);
    assert_int_equal(body.status, status);
    heartbeat_body_free(&body);
}

static void refused_as(const char *text, size_t len, api_error error) {
    heartbeat_body body = {.username = "untouched"};
    assert_int_equal(heartbeat_body_parse(str_view_make(text, len), &body), error);
    assert_string_equal(body.username, "untouched");
}

static void the_overviews_example_is_taken(void **state) {
    (void)state;
    taken_as("{\"username\": \"HI20E\", \"status\": \"online\", \"socket_id\": \"optional_ws_id\"}", "HI20E",
             STATUS_ONLINE, "optional_ws_id");
}

static void status_and_socket_id_may_be_left_out_or_null(void **state) {
    (void)state;
    taken_as("{\"username\":\"u\"}", "u", STATUS_ONLINE, "default");
    taken_as("{\"username\":\"u\",\"status\":null,\"socket_id\":null,\"more\":[1]}", "u", STATUS_ONLINE,
             "default");
    taken_as("{\"username\":\"u\",\"socket_id\":\"\"}", "u", STATUS_ONLINE, "default");
}

static void every_status_is_known_by_its_name(void **state) {
    (void)state;
    taken_as("{\"username\":\"u\",\"status\":\"away\"}", "u", STATUS_AWAY, "default");
    taken_as("{\"username\":\"u\",\"status\":\"busy\"}", "u", STATUS_BUSY, "default");
    taken_as("{\"username\":\"u\",\"status\":\"offline\"}", "u", STATUS_OFFLINE, "default");
    taken_as("{\"username\":\"u\",\"status\":\"invisible\"}", "u", STATUS_INVISIBLE, "default");
}

static void what_is_no_heartbeat_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        api_error error;
    } rows[] = {
        {"", API_INVALID_JSON},
        {"{", API_INVALID_JSON},
        {"[]", API_BODY_NOT_OBJECT},
        {"{\"username\":\"u\"} x", API_INVALID_JSON},
        {"{\"username\":\"\xff\"}", API_INVALID_JSON},
        {"{}", API_USERNAME_MISSING},
        {"{\"username\":\"\"}", API_USERNAME_MISSING},
        {"{\"username\":1}", API_INVALID_USER},
        {"{\"username\":\"a\\u0000b\"}", API_INVALID_USER},
        {"{\"username\":\"a\\u0085b\"}", API_INVALID_USER},
        {"{\"username\":\"u\",\"status\":\"Online\"}", API_INVALID_STATUS},
        {"{\"username\":\"u\",\"status\":true}", API_INVALID_STATUS},
        {"{\"username\":\"u\",\"socket_id\":\"\xc3\xbc\"}", API_INVALID_SOCKET_ID},
        {"{\"username\":\"u\",\"socket_id\":7}", API_INVALID_SOCKET_ID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        refused_as(rows[i].text, strlen(rows[i].text), rows[i].error);
    }
}

static void names_have_limits(void **state) {
    (void)state;
    char name[130] = {0}, text[400];
    memset(name, 'u', 128);
    (void)snprintf(text, sizeof text, "{\"username\":\"%s\"}", name);
    taken_as(text, name, STATUS_ONLINE, "default");
    name[128] = 'u';
    (void)snprintf(text, sizeof text, "{\"username\":\"%s\"}", name);
    refused_as(text, strlen(text), API_INVALID_USER);
    name[64] = '\0';
    (void)snprintf(text, sizeof text, "{\"username\":\"u\",\"socket_id\":\"%s\"}", name);
    taken_as(text, "u", STATUS_ONLINE, name);
    (void)snprintf(text, sizeof text, "{\"username\":\"u\",\"socket_id\":\"%sx\"}", name);
    refused_as(text, strlen(text), API_INVALID_SOCKET_ID);
}

static void the_envelope_is_that_of_the_path(void **state) {
    (void)state;
    assert_true(tv_json_is_path("/api/calls/presence"));
    assert_true(tv_json_is_path("/api/users/register"));
    assert_false(tv_json_is_path("/api/presence/status"));
    assert_false(tv_json_is_path("/api/calls"));
    text_buffer out = {0};
    tv_json_add_refusal(&out, API_INVALID_STATUS, "\"x\"");
    text_add_view(&out, str_view_make("", 1));
    assert_string_equal(out.bytes,
                        "{\"success\":false,\"error\":\"status must be online, away, busy, offline or "
                        "invisible\",\"code\":\"invalid_status\",\"details\":\"\\\"x\\\"\"}");
    text_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_overviews_example_is_taken),
        cmocka_unit_test(status_and_socket_id_may_be_left_out_or_null),
        cmocka_unit_test(every_status_is_known_by_its_name),
        cmocka_unit_test(what_is_no_heartbeat_is_refused),
        cmocka_unit_test(names_have_limits),
        cmocka_unit_test(the_envelope_is_that_of_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
