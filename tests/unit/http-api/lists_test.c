/* What lists are asked by and answer: user ids in a query, cursors, rates, and JSON to the byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "services/http-api/core/list_cursor.h"
#include "services/http-api/core/online_json.h"
#include "services/http-api/core/query_ids.h"
#include "services/http-api/core/rate_window.h"
#include "services/http-api/core/stats_json.h"
#include "services/http-api/core/wanted_ids.h"
#include "tests/unit/http-api/text_assert.h"

enum { IDS_MAX = 4 };

/* What is asked, as "a|b|"; or the code of the refusal. */
static const char *asked(const char *list, const char *one) {
    static char text[512];
    query_ids ids = {0};
    text[0] = '\0';
    api_error error = list ? query_ids_add(&ids, str_view_of(list), true, IDS_MAX) : API_OK;
    if (error == API_OK && one) {
        error = query_ids_add(&ids, str_view_of(one), false, IDS_MAX);
    }
    if (error == API_OK) {
        error = query_ids_finish(&ids);
    }
    for (size_t i = 0; i < ids.count && error == API_OK; i++) {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof text - len, "%s|", ids.user_ids[i]);
    }
    query_ids_free(&ids);
    if (error == API_TOO_MANY_IDS) {
        return "too many";
    }
    return error == API_OK ? text : error == API_INVALID_ID ? "invalid" : "malformed";
}

static void ids_are_separated_by_commas_however_they_are_encoded(void **state) {
    (void)state;
    assert_string_equal(asked("a,b", NULL), "a|b|");
    assert_string_equal(asked("a%2Cb%2cc", NULL), "a|b|c|");
    assert_string_equal(asked("a+b,%C3%BC,100%25", NULL), "a b|ü|100%|");
    assert_string_equal(asked("", NULL), "");
    assert_string_equal(asked(NULL, "a%2Cb"), "a,b|"); /* one id, commas and all */
    assert_string_equal(asked("a,b", "c"), "a|b|c|");
}

static void an_id_asked_twice_is_asked_once(void **state) {
    (void)state;
    assert_string_equal(asked("b,a,b,a", NULL), "b|a|");
    assert_string_equal(asked("a,a", "a"), "a|");
}

static void what_is_no_id_is_refused(void **state) {
    (void)state;
    assert_string_equal(asked("a,,b", NULL), "invalid");
    assert_string_equal(asked("a,", NULL), "invalid");
    assert_string_equal(asked(",", NULL), "invalid");
    assert_string_equal(asked("a%00b", NULL), "invalid");
    assert_string_equal(asked("a%0Ab", NULL), "invalid");
    assert_string_equal(asked("%ff", NULL), "invalid");
    assert_string_equal(asked("a%2", NULL), "malformed");
    assert_string_equal(asked("a,b,c,d", NULL), "a|b|c|d|");
    assert_string_equal(asked("a,b,c,d,e", NULL), "too many");
    assert_string_equal(asked("a,b,c,d", "e"), "too many");
    char long_id[131];
    memset(long_id, 'u', 130);
    long_id[129] = '\0';
    assert_string_equal(asked(long_id, NULL), "invalid");
}

static void a_cursor_comes_back_as_it_was(void **state) {
    (void)state;
    const char *const users[] = {"a", "ü 🎉", "\"\\", "-"};
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        text_buffer out = {0};
        char user[LIST_CURSOR_USER_BYTES];
        list_cursor_add(&out, str_view_of(users[i]));
        assert_true(list_cursor_read(str_view_make(out.bytes + 1, out.len_bytes - 2), user));
        assert_string_equal(user, users[i]);
        text_free(&out);
    }
    char user[LIST_CURSOR_USER_BYTES], long_text[2 * LIST_CURSOR_USER_BYTES + 1];
    memset(long_text, '6', sizeof long_text);
    const char *const bad[] = {"", "6", "616", "6g", "6G", "00", "ff", "6100", "41 "};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(list_cursor_read(str_view_of(bad[i]), user));
    }
    assert_true(list_cursor_read(str_view_make(long_text, 256), user));
    assert_false(list_cursor_read(str_view_make(long_text, 258), user));
}

static void a_rate_is_that_of_the_last_seconds(void **state) {
    (void)state;
    rate_window window = {0};
    assert_true(rate_window_per_second(&window) == 0);
    rate_window_note(&window, 100, 1000);
    assert_true(rate_window_per_second(&window) == 0);
    rate_window_note(&window, 110, 2000);
    assert_true(rate_window_per_second(&window) == 10);
    for (uint64_t second = 3; second <= 100; second++) { /* 1 a second from here on */
        rate_window_note(&window, 110 + second, second * 1000);
    }
    assert_true(rate_window_per_second(&window) == 1);
    rate_window_clear(&window);
    rate_window_note(&window, 0, 1000);
    for (uint64_t second = 2; second <= 20; second++) { /* much at once, then nothing for longer than that */
        rate_window_note(&window, 5000, second * 1000);
    }
    assert_true(rate_window_per_second(&window) == 0);
    rate_window_note(&window, 5, 101000); /* of another series */
    assert_true(rate_window_per_second(&window) == 0);
    for (uint64_t ms = 0; ms < 20000; ms++) { /* noted far more often than samples are kept */
        rate_window_note(&window, 5 + ms, 101000 + ms);
    }
    assert_true(rate_window_per_second(&window) == 1000);
}

static void a_wanted_id_is_found_and_no_other(void **state) {
    (void)state;
    enum { COUNT = 300 };
    char *ids[COUNT], text[16];
    bool seen[COUNT] = {0};
    wanted_ids wanted = {0};
    assert_true(wanted_ids_are_all(&wanted));
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(text, sizeof text, "u%d", i);
        ids[i] = str_view_dup(str_view_of(text));
    }
    assert_true(wanted_ids_take(&wanted, ids, COUNT));
    assert_false(wanted_ids_are_all(&wanted));
    for (int i = 0; i < 2 * COUNT; i++) {
        (void)snprintf(text, sizeof text, "u%d", i);
        str_view id = str_view_of(text);
        long place = wanted_ids_find(&wanted, id, wanted_ids_hash(id));
        assert_int_equal(place >= 0, i < COUNT);
        if (place >= 0) {
            assert_false(seen[place]);
            seen[place] = true;
        }
    }
    /* Of equal hashes the text decides. */
    assert_int_equal(wanted_ids_find(&wanted, str_view_of("x"), wanted.sorted[7].hash), -1);
    wanted_ids_free(&wanted);
}

static void a_page_of_users_says_where_the_next_begins(void **state) {
    (void)state;
    text_buffer out = {0};
    online_json_begin(&out);
    online_json_add(&out, str_view_of("a\"b"), STATUS_BUSY, 1765535445123, 0);
    online_json_add(&out, str_view_of("c"), STATUS_ONLINE, 0, 1765535445123);
    online_json_end(&out, 7, str_view_of("c"));
    assert_text(&out, "{\"users\":[{\"userId\":\"a\\\"b\",\"status\":\"busy\","
                      "\"lastSeen\":\"2025-12-12T10:30:45.123Z\",\"since\":null},"
                      "{\"userId\":\"c\",\"status\":\"online\",\"lastSeen\":null,"
                      "\"since\":\"2025-12-12T10:30:45.123Z\"}],\"total\":7,\"next\":\"63\"}\n");
    online_json_begin(&out);
    online_json_end(&out, 0, (str_view){0});
    assert_text(&out, "{\"users\":[],\"total\":0,\"next\":null}\n");
}

static void figures_count_live_edges_and_statuses(void **state) {
    (void)state;
    const service_row rows[] = {
        {.kind = "ws-edge",
         .name = "ws-edge-1",
         .figures = {{"users", 2}, {"sockets", 3}},
         .figures_count = 2},
        {.kind = "ws-edge", .name = "old", .figures_count = 0},
        {.kind = "ws-edge",
         .name = "gone",
         .beat_age_ms = 5000,
         .figures = {{"sockets", 9}},
         .figures_count = 1},
        {.kind = "fanout", .name = "fanout-1", .figures = {{"sockets", 9}}, .figures_count = 1},
    };
    const system_view view = {.source = SYSTEM_KNOWN,
                              .users_online = 9,
                              .users_away = 2,
                              .users_busy = 3,
                              .epoch = 5,
                              .seq = 6,
                              .transitions_per_second = 1.5,
                              .age_ms = 40,
                              .rows = rows,
                              .rows_count = 4,
                              .silent_after_ms = 2500};
    text_buffer out = {0};
    stats_json_add(&out, &view);
    assert_text(&out, "{\"usersOnline\":9,\"byStatus\":{\"online\":4,\"away\":2,\"busy\":3},\"edges\":["
                      "{\"name\":\"ws-edge-1\",\"sockets\":3,\"users\":2},{\"name\":\"old\",\"sockets\":0,"
                      "\"users\":0}],\"sockets\":3,\"transitionsPerSecond\":1.50,\"epoch\":5,\"seq\":6,"
                      "\"rebuilding\":false,\"ageMs\":40}\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_separated_by_commas_however_they_are_encoded),
        cmocka_unit_test(an_id_asked_twice_is_asked_once),
        cmocka_unit_test(what_is_no_id_is_refused),
        cmocka_unit_test(a_cursor_comes_back_as_it_was),
        cmocka_unit_test(a_rate_is_that_of_the_last_seconds),
        cmocka_unit_test(a_wanted_id_is_found_and_no_other),
        cmocka_unit_test(a_page_of_users_says_where_the_next_begins),
        cmocka_unit_test(figures_count_live_edges_and_statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
