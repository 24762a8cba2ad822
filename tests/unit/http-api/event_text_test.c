/* event_text: the blocks of an event stream, to the byte, and the ids that come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/http-api/core/event_news.h"
#include "tests/unit/http-api/text_assert.h"

static const log_position AT = {1765535445123, 42};

static void a_change_carries_its_position_as_id(void **state) {
    (void)state;
    text_buffer out = {0};
    presence_status from = STATUS_ONLINE;
    event_text_add_presence(
        &out, &AT, &(event_presence){str_view_of("a \"b\" \\ ü"), STATUS_OFFLINE, &from, 1765535445123, 42});
    assert_text(&out, "id: 1765535445123-42\nevent: presence\n"
                      "data: {\"userId\":\"a \\\"b\\\" \\\\ ü\",\"status\":\"offline\",\"from\":\"online\","
                      "\"timestamp\":\"2025-12-12T10:30:45.123Z\",\"seq\":42}\n\n");
}

static void a_state_has_no_id_and_a_change_without_one_takes_it_back(void **state) {
    (void)state;
    text_buffer out = {0};
    presence_status from = STATUS_OFFLINE;
    event_text_add_presence(&out, NULL, &(event_presence){str_view_of("u"), STATUS_OFFLINE, NULL, 0, 0});
    event_text_add_presence(&out, NULL, &(event_presence){str_view_of("u"), STATUS_AWAY, &from, 1, 2});
    assert_text(
        &out,
        "event: presence\ndata: {\"userId\":\"u\",\"status\":\"offline\",\"timestamp\":null,\"seq\":0}\n\n"
        "id:\nevent: presence\ndata: {\"userId\":\"u\",\"status\":\"away\",\"from\":\"offline\","
        "\"timestamp\":\"1970-01-01T00:00:00.001Z\",\"seq\":2}\n\n");
}

static void what_is_no_presence_frames_it(void **state) {
    (void)state;
    text_buffer out = {0};
    event_text_add_retry(&out, 2000);
    event_text_add_reset(&out, RESET_LOG);
    event_text_add_ready(&out, &AT, 3);
    event_text_add_ready(&out, NULL, 0);
    event_text_add_comment(&out, NULL);
    event_text_add_comment(&out, &AT);
    event_text_add_id(&out, AT);
    assert_text(&out, "retry: 2000\n\n"
                      "event: reset\nid:\ndata: {\"reason\":\"log-trimmed\"}\n\n"
                      "id: 1765535445123-42\nevent: ready\ndata: {\"users\":3}\n\n"
                      "event: ready\ndata: {\"users\":0}\n\n"
                      ":\n\n"
                      ":\nid: 1765535445123-42\n\n"
                      "id: 1765535445123-42\n\n");
}

static void news_show_what_each_reader_can_see(void **state) {
    (void)state;
    const watch_change hidden = {str_view_of("u"), STATUS_ONLINE, STATUS_BUSY, {5, 6}, 7, 0};
    event_news news = event_news_of(&hidden, true);
    assert_int_equal(event_news_text(&news, false, true).len, 0);
    str_view full = event_news_text(&news, true, true);
    assert_non_null(strstr(full.ptr, "\"status\":\"busy\",\"from\":\"online\""));
    assert_ptr_equal(full.ptr, event_news_text(&news, true, true).ptr); /* made once */
    event_news_free(&news);
    const watch_change seen = {str_view_of("u"), STATUS_OFFLINE, STATUS_AWAY, {5, 6}, 7, 0};
    news = event_news_of(&seen, true);
    assert_non_null(
        strstr(event_news_text(&news, false, true).ptr, "\"status\":\"online\",\"from\":\"offline\""));
    assert_int_equal(strncmp(event_news_text(&news, false, true).ptr, "id: 5-6\n", 8), 0);
    assert_int_equal(strncmp(event_news_text(&news, false, false).ptr, "id:\n", 4), 0);
    event_news_free(&news);
}

static void an_id_is_a_position_and_nothing_else(void **state) {
    (void)state;
    log_position position = {9, 9};
    assert_true(event_id_parse(str_view_of("1765535445123-42"), &position));
    assert_int_equal(position.epoch, AT.epoch);
    assert_int_equal(position.seq, AT.seq);
    assert_true(event_id_parse(str_view_of("1-0"), &position));
    const char *const bad[] = {"",
                               "-",
                               "1",
                               "1-",
                               "-1",
                               "0-1",
                               "1-1-1",
                               " 1-1",
                               "1-1 ",
                               "a-1",
                               "1-a",
                               "+1-1",
                               "1--1",
                               "1-0x1",
                               "9007199254740993-1",
                               "1-9007199254740993",
                               "99999999999999999999-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        position = (log_position){9, 9};
        assert_false(event_id_parse(str_view_of(bad[i]), &position));
        assert_int_equal(position.epoch, 9);
    }
    assert_false(event_id_parse((str_view){0}, &position));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_carries_its_position_as_id),
        cmocka_unit_test(a_state_has_no_id_and_a_change_without_one_takes_it_back),
        cmocka_unit_test(what_is_no_presence_frames_it),
        cmocka_unit_test(news_show_what_each_reader_can_see),
        cmocka_unit_test(an_id_is_a_position_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
