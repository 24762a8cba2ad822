/* account_json and tv_json: what clients of the overview read, to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/http-api/core/account_json.h"
#include "services/http-api/core/json_fields.h"
#include "services/http-api/core/tv_json.h"

static void assert_text(text_buffer *out, const char *expected) {
    size_t len_bytes = 0;
    char *text = text_take(out, &len_bytes);
    assert_non_null(text);
    assert_int_equal(len_bytes, strlen(expected));
    assert_memory_equal(text, expected, len_bytes);
    free(text);
}

static const account_view tv = {
    .username = "HI\"20E",
    .display_name = "The TV",
    .device_type = "smarttv",
    .metadata = "{\"a\":1}",
    .created_at_ms = 1765535445000,
    .last_seen_ms = 1765535445123,
    .total_sessions = 15,
    .status = STATUS_AWAY,
    .since_ms = 1765535445001,
    .presence_last_seen_ms = 1765535445002,
    .presence_known = true,
    .is_favorite = true,
    .added_at_ms = 1765535445003,
};

static void a_profile_shows_all_of_an_account(void **state) {
    (void)state;
    text_buffer out = {0};
    account_json_add(&out, ACCOUNT_PROFILE, &tv);
    assert_text(&out, "{\"username\":\"HI\\\"20E\",\"display_name\":\"The TV\",\"device_type\":\"smarttv\","
                      "\"metadata\":{\"a\":1},\"created_at\":\"2025-12-12T10:30:45.000Z\","
                      "\"last_seen\":\"2025-12-12T10:30:45.123Z\",\"total_sessions\":15,"
                      "\"presence_status\":\"away\",\"is_online\":false,"
                      "\"since\":\"2025-12-12T10:30:45.001Z\","
                      "\"presence_last_seen\":\"2025-12-12T10:30:45.002Z\"}");
}

static void a_list_has_no_metadata_and_a_contact_says_what_makes_it_one(void **state) {
    (void)state;
    text_buffer out = {0};
    account_view nobody = {.username = "x", .display_name = "", .device_type = "", .metadata = ""};
    nobody.presence_known = true;
    account_json_add(&out, ACCOUNT_ENTRY, &nobody);
    assert_text(&out, "{\"username\":\"x\",\"display_name\":\"x\",\"device_type\":null,\"created_at\":null,"
                      "\"last_seen\":null,\"total_sessions\":0,\"presence_status\":\"offline\","
                      "\"is_online\":false,\"since\":null,\"presence_last_seen\":null}");
    account_json_add(&out, ACCOUNT_CONTACT, &nobody);
    assert_text(&out, "{\"username\":\"x\",\"display_name\":\"x\",\"device_type\":null,\"created_at\":null,"
                      "\"last_seen\":null,\"total_sessions\":0,\"presence_status\":\"offline\","
                      "\"is_online\":false,\"since\":null,\"presence_last_seen\":null,"
                      "\"is_favorite\":false,\"added_at\":null}");
}

static void what_is_not_known_of_presence_is_null(void **state) {
    (void)state;
    text_buffer out = {0};
    account_view unknown = tv;
    unknown.presence_known = false;
    unknown.metadata = "{\"a\":1},\"b\":{}";
    account_json_add(&out, ACCOUNT_PROFILE, &unknown);
    assert_text(&out, "{\"username\":\"HI\\\"20E\",\"display_name\":\"The TV\",\"device_type\":\"smarttv\","
                      "\"metadata\":{},\"created_at\":\"2025-12-12T10:30:45.000Z\","
                      "\"last_seen\":\"2025-12-12T10:30:45.123Z\",\"total_sessions\":15,"
                      "\"presence_status\":null,\"is_online\":null,\"since\":null,"
                      "\"presence_last_seen\":null}");
}

static void favourites_come_first_then_who_is_online_then_by_name(void **state) {
    (void)state;
    account_view contacts[] = {
        {.username = "b"},
        {.username = "a"},
        {.username = "d", .is_online = true},
        {.username = "c", .is_online = true},
        {.username = "z", .is_favorite = true},
        {.username = "y", .is_favorite = true, .is_online = true},
        {.username = "B"},
    };
    enum { COUNT = sizeof contacts / sizeof *contacts };
    char order[COUNT + 1] = "";
    account_json_sort_contacts(contacts, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        order[i] = contacts[i].username[0];
    }
    assert_string_equal(order, "yzcdBab");
}

static void the_envelope_says_whether_it_went_well(void **state) {
    (void)state;
    text_buffer out = {0};
    tv_json_begin(&out);
    json_add_text(&out, "message", str_view_of("a \"b\""));
    json_add_text_or_null(&out, "room_name", "");
    json_add_time(&out, "at", 0);
    json_add_number(&out, "count", 7);
    json_add_bool(&out, "created", true);
    tv_json_end(&out);
    assert_text(&out, "{\"success\":true,\"message\":\"a \\\"b\\\"\",\"room_name\":null,\"at\":null,"
                      "\"count\":7,\"created\":true}");
    tv_json_add_refusal(&out, API_USER_UNKNOWN, NULL);
    assert_text(&out, "{\"success\":false,\"error\":\"User not found\",\"code\":\"user_unknown\"}");
    tv_json_add_refusal(&out, API_UNAVAILABLE, "why");
    assert_text(&out, "{\"success\":false,\"error\":\"presence is out of reach: ask again later\","
                      "\"code\":\"unavailable\",\"details\":\"why\"}");
}

static void its_paths_are_those_of_the_overview(void **state) {
    (void)state;
    assert_true(tv_json_is_path("/api/users/x"));
    assert_true(tv_json_is_path("/api/calls/presence"));
    assert_false(tv_json_is_path("/api/users"));
    assert_false(tv_json_is_path("/api/presence/status"));
    assert_false(tv_json_is_path("/"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_shows_all_of_an_account),
        cmocka_unit_test(a_list_has_no_metadata_and_a_contact_says_what_makes_it_one),
        cmocka_unit_test(what_is_not_known_of_presence_is_null),
        cmocka_unit_test(favourites_come_first_then_who_is_online_then_by_name),
        cmocka_unit_test(the_envelope_says_whether_it_went_well),
        cmocka_unit_test(its_paths_are_those_of_the_overview),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
