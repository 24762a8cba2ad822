/* health and the first page: what is wrong is said in words, and nothing from the bus gets to be markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/http-api/core/front_page.h"
#include "services/http-api/core/health_json.h"
#include "services/http-api/core/services_json.h"

static service_row row_of(const char *kind, const char *name) {
    return (service_row){.kind = kind,
                         .name = name,
                         .version = "0.1.0",
                         .address = "127.0.0.1:7100",
                         .admin = "127.0.0.1:7101",
                         .pid = 4711,
                         .up_ms = 3723000,
                         .beat_age_ms = 400};
}

typedef struct page_fixture {
    service_row rows[SERVICE_KINDS_COUNT];
    system_view view;
    system_health health;
} page_fixture;

static page_fixture well(void) {
    page_fixture made = {.rows = {row_of("ws-edge", "ws-edge-1"), row_of("presence-core", "presence-core-1"),
                                  row_of("fanout", "fanout-1"), row_of("expiry-watcher", "expiry-watcher-1"),
                                  row_of("http-api", "http-api-1")},
                         .view = {.source = SYSTEM_KNOWN,
                                  .presence_enabled = true,
                                  .clock_ms = 65000,
                                  .clock_age_ms = 200,
                                  .users_online = 42,
                                  .epoch = 1765535445123,
                                  .seq = 99,
                                  .rows_count = SERVICE_KINDS_COUNT,
                                  .silent_after_ms = 2500}};
    return made;
}

static void assess(page_fixture *fixture) {
    fixture->view.rows = fixture->rows;
    health_assess(&fixture->view, &fixture->health);
}

static void assert_only_reason(page_fixture *fixture, const char *expected) {
    assess(fixture);
    assert_int_equal(fixture->health.reasons_count, 1);
    assert_string_equal(fixture->health.reasons[0], expected);
}

static void all_kinds_running_is_well(void **state) {
    (void)state;
    page_fixture it = well();
    assess(&it);
    assert_int_equal(it.health.reasons_count, 0);
    for (size_t kind = 0; kind < SERVICE_KINDS_COUNT; kind++) {
        assert_int_equal(it.health.kind_counts[kind], 1);
    }
}

static void a_kind_that_is_missing_is_said_with_what_it_means(void **state) {
    (void)state;
    page_fixture it = well();
    it.rows[3].kind = "something-else";
    assert_only_reason(&it, "no expiry-watcher runs: nobody is taken offline when time passes");
}

static void an_edge_that_keeps_no_state_is_not_missed(void **state) {
    (void)state;
    page_fixture it = well();
    it.rows[0].kind = "something-else";
    it.view.presence_enabled = false;
    assess(&it);
    assert_int_equal(it.health.reasons_count, 0);
}

static void a_process_that_is_silent_counts_as_gone(void **state) {
    (void)state;
    page_fixture it = well();
    it.rows[0].beat_age_ms = 2500;
    assess(&it);
    assert_int_equal(it.health.reasons_count, 0);
    it.rows[0].beat_age_ms = 2501;
    assert_only_reason(&it, "no ws-edge runs: no client can connect");
}

static void a_clock_that_stands_still_is_said(void **state) {
    (void)state;
    page_fixture it = well();
    it.view.clock_age_ms = 12345;
    assert_only_reason(&it,
                       "service time has stood still for 12 s: nobody is taken offline when time passes");
}

static void rebuilding_is_said(void **state) {
    (void)state;
    page_fixture it = well();
    it.view.rebuilding = true;
    assert_only_reason(
        &it, "presence is being rebuilt after a loss of data: queries are refused until it is complete");
}

static void without_a_core_nothing_else_is_claimed(void **state) {
    (void)state;
    page_fixture it = well();
    it.view.source = SYSTEM_NO_CORE;
    it.view.rows_count = 0;
    assert_only_reason(&it, "no presence-core answers: nobody's presence is known or changes");
    it.view.source = SYSTEM_NO_ANSWER;
    assert_only_reason(&it,
                       "presence-core is there, but does not answer in time: nobody's presence is known");
    it.view.source = SYSTEM_NO_REDIS;
    it.view.trouble = "Redis does not answer";
    assert_only_reason(
        &it, "presence-core is there, but Redis does not answer: nobody's presence is known or changes");
}

static void with_figure(service_row *row, const struct service_figure *figure) {
    row->figures[0] = *figure;
    row->figures_count = 1;
}

static void what_works_less_well_is_noted_and_degrades_nothing(void **state) {
    (void)state;
    page_fixture it = well();
    static const struct service_figure no_hints = {"hintsOn", 0}, hints = {"hintsOn", 1},
                                       evicts = {"redisEvicts", 1}, keeps = {"redisEvicts", 0},
                                       lost = {"redisVolatile", 1};
    with_figure(&it.rows[3], &hints);
    with_figure(&it.rows[1], &keeps);
    assess(&it);
    assert_int_equal(it.health.notes_count, 0);
    with_figure(&it.rows[3], &no_hints);
    assess(&it);
    assert_int_equal(it.health.reasons_count, 0);
    assert_int_equal(it.health.notes_count, 1);
    assert_non_null(strstr(it.health.notes[0], "notify-keyspace-events"));
    with_figure(&it.rows[1], &evicts);
    assess(&it);
    assert_int_equal(it.health.notes_count, 2);
    assert_non_null(strstr(it.health.notes[1], "noeviction"));
    with_figure(&it.rows[1], &lost);
    assess(&it);
    assert_int_equal(it.health.notes_count, 2);
    assert_non_null(strstr(it.health.notes[1], "appendonly"));
    it.rows[3].beat_age_ms = it.rows[1].beat_age_ms = 9999; /* what the silent said is not known any more */
    assess(&it);
    assert_int_equal(it.health.notes_count, 0);
    service_row rows[SERVICE_KINDS_COUNT + 1];
    memcpy(rows, it.rows, sizeof it.rows);
    rows[3].beat_age_ms = 0;
    rows[SERVICE_KINDS_COUNT] = rows[3];
    with_figure(&rows[SERVICE_KINDS_COUNT], &hints); /* one that hears is enough */
    it.view.rows = rows;
    it.view.rows_count = SERVICE_KINDS_COUNT + 1;
    health_assess(&it.view, &it.health);
    assert_int_equal(it.health.notes_count, 0);
}

static void everything_wrong_at_once_fits(void **state) {
    (void)state;
    page_fixture it = well();
    it.view.rows_count = 0;
    it.view.rebuilding = true;
    it.view.clock_age_ms = UINT64_MAX;
    assess(&it);
    assert_int_equal(it.health.reasons_count, SERVICE_KINDS_COUNT + 2);
}

static char *text_of(text_buffer *text) {
    text_add_view(text, str_view_make("", 1));
    size_t len = 0;
    char *bytes = text_take(text, &len);
    assert_non_null(bytes);
    return bytes;
}

static void health_is_json(void **state) {
    (void)state;
    page_fixture it = well();
    it.view.rebuilding = true;
    assess(&it);
    text_buffer out = {0};
    health_json_add(&out, &it.view, &it.health);
    char *json = text_of(&out);
    assert_string_equal(
        json,
        "{\"status\":\"degraded\",\"reasons\":[\"presence is being rebuilt after a loss of data: queries are "
        "refused until it is complete\"],\"notes\":[],\"presenceEnabled\":true,\"services\":{\"ws-edge\":1,"
        "\"presence-core\":1,\"fanout\":1,\"expiry-watcher\":1,\"http-api\":1},\"usersOnline\":42,"
        "\"rebuilding\":true,\"clockMs\":65000,\"clockAgeMs\":200,\"epoch\":1765535445123,\"seq\":99}\n");
    free(json);
}

static void ops_health_names_the_silent(void **state) {
    (void)state;
    page_fixture it = well();
    it.rows[0].beat_age_ms = it.rows[2].beat_age_ms = 9999;
    assess(&it);
    text_buffer out = {0};
    health_json_add_for_ops(&out, &it.view, &it.health);
    char *json = text_of(&out);
    assert_non_null(strstr(json, "\"silent\":[\"ws-edge-1\",\"fanout-1\"]}\n"));
    free(json);
}

static void services_are_json_with_their_figures(void **state) {
    (void)state;
    page_fixture it = well();
    it.rows[0].figures[0] = (struct service_figure){"sockets", 7};
    it.rows[0].figures[1] = (struct service_figure){"a\"b", 0};
    it.rows[0].figures_count = 2;
    it.rows[1].beat_age_ms = 3000;
    it.view.rows_count = 2;
    assess(&it);
    text_buffer out = {0};
    services_json_add(&out, &it.view, 1765535445123);
    char *json = text_of(&out);
    assert_string_equal(
        json,
        "{\"asOf\":\"2025-12-12T10:30:45.123Z\",\"services\":[{\"kind\":\"ws-edge\",\"id\":\"ws-edge-1\","
        "\"version\":\"0.1.0\",\"address\":\"127.0.0.1:7100\",\"admin\":\"127.0.0.1:7101\",\"pid\":4711,"
        "\"uptimeMs\":3723000,\"beatAgeMs\":400,\"silent\":false,\"figures\":{\"sockets\":7,\"a\\\"b\":0}},"
        "{\"kind\":\"presence-core\",\"id\":\"presence-core-1\",\"version\":\"0.1.0\",\"address\":\"127.0.0."
        "1:"
        "7100\",\"admin\":\"127.0.0.1:7101\",\"pid\":4711,\"uptimeMs\":3723000,\"beatAgeMs\":3000,\"silent\":"
        "true,"
        "\"figures\":{}}]}\n");
    free(json);
}

static char *page_of(page_fixture *fixture) {
    assess(fixture);
    text_buffer out = {0};
    front_page_add(&out, &fixture->view, &fixture->health, true, 1765535445123);
    return text_of(&out);
}

static void the_page_names_every_process(void **state) {
    (void)state;
    page_fixture it = well();
    char *page = page_of(&it);
    assert_non_null(strstr(page, "All is well"));
    for (size_t i = 0; i < SERVICE_KINDS_COUNT; i++) {
        assert_non_null(strstr(page, it.rows[i].name));
    }
    assert_non_null(strstr(page, "1 h 2 min"));
    assert_non_null(strstr(page, "4711"));
    assert_non_null(strstr(page, "2025-12-12T10:30:45.123Z"));
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "://"));
    free(page);
}

static void who_may_not_see_what_runs_sees_how_it_does(void **state) {
    (void)state;
    page_fixture it = well();
    it.rows[2].beat_age_ms = 9999;
    assess(&it);
    text_buffer out = {0};
    front_page_add(&out, &it.view, &it.health, false, 0);
    char *page = text_of(&out);
    assert_non_null(strstr(page, "no fanout runs"));
    assert_null(strstr(page, "ws-edge-1"));
    assert_null(strstr(page, "127.0.0.1"));
    assert_null(strstr(page, "Users online"));
    free(page);
}

static void texts_from_the_bus_are_no_markup(void **state) {
    (void)state;
    page_fixture it = well();
    const char *hostile = "<script>\"'&";
    it.rows[0] = (service_row){
        .kind = hostile, .name = hostile, .version = hostile, .address = hostile, .admin = hostile};
    char *page = page_of(&it);
    assert_null(strstr(page, "<script"));
    assert_non_null(strstr(page, "&lt;script&gt;&quot;&#39;&amp;"));
    free(page);
}

static void a_silent_process_is_marked_and_not_counted(void **state) {
    (void)state;
    page_fixture it = well();
    it.rows[2].beat_age_ms = 7300;
    char *page = page_of(&it);
    assert_non_null(strstr(page, "Degraded"));
    assert_non_null(strstr(page, "no fanout runs"));
    assert_non_null(strstr(page, "<b>silent, 7.3 s ago</b>"));
    assert_non_null(strstr(page, "<dt>Processes</dt><dd>4</dd>"));
    free(page);
}

static void a_page_of_very_many_processes_is_bounded(void **state) {
    (void)state;
    enum { MANY = 10000 };
    service_row *rows = calloc(MANY, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < MANY; i++) {
        rows[i] = row_of("ws-edge", "ws-edge-1");
    }
    page_fixture it = well();
    it.view.rows = rows;
    it.view.rows_count = MANY;
    health_assess(&it.view, &it.health);
    text_buffer out = {0};
    front_page_add(&out, &it.view, &it.health, true, 0);
    char *page = text_of(&out);
    assert_non_null(strstr(page, "and 9500 more"));
    assert_true(strlen(page) < 512 * 1024);
    free(page);
    free(rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_running_is_well),
        cmocka_unit_test(a_kind_that_is_missing_is_said_with_what_it_means),
        cmocka_unit_test(an_edge_that_keeps_no_state_is_not_missed),
        cmocka_unit_test(a_process_that_is_silent_counts_as_gone),
        cmocka_unit_test(a_clock_that_stands_still_is_said),
        cmocka_unit_test(rebuilding_is_said),
        cmocka_unit_test(without_a_core_nothing_else_is_claimed),
        cmocka_unit_test(what_works_less_well_is_noted_and_degrades_nothing),
        cmocka_unit_test(everything_wrong_at_once_fits),
        cmocka_unit_test(ops_health_names_the_silent),
        cmocka_unit_test(services_are_json_with_their_figures),
        cmocka_unit_test(who_may_not_see_what_runs_sees_how_it_does),
        cmocka_unit_test(health_is_json),
        cmocka_unit_test(the_page_names_every_process),
        cmocka_unit_test(texts_from_the_bus_are_no_markup),
        cmocka_unit_test(a_silent_process_is_marked_and_not_counted),
        cmocka_unit_test(a_page_of_very_many_processes_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
