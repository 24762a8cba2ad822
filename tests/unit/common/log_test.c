#include "common/log/log.h"
#include "common_fixture.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void start_log(const char *level, const char *debug) {
    setenv("LOG_LEVEL", level, 1);
    setenv("DEBUG", debug, 1);
    config_t *config = load_config(EDGE);
    log_init(config);
    config_destroy(&config);
}

static void an_event_is_one_line_of_time_level_process_and_pairs(void **state) {
    (void)state;
    start_log("info", "");
    capture_begin(STDERR_FILENO);
    log_info("edge.joined", "incarnation=%s replaces=%d", "4f", 7);
    const char *line = capture_end();
    /* 2025-12-12T10:30:45.123Z */
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        assert_true(shape[i] == 'd' ? isdigit((unsigned char)line[i]) != 0 : line[i] == shape[i]);
    }
    assert_string_equal(line + sizeof shape - 1, " INFO ws-edge-1 edge.joined incarnation=4f replaces=7\n");
}

static void levels_below_the_least_are_not_written(void **state) {
    (void)state;
    start_log("warn", "");
    capture_begin(STDERR_FILENO);
    log_debug("a.debug", "x=%d", 1);
    log_info("a.info", "x=%d", 1);
    log_warn("a.warn", "x=%d", 1);
    log_error("a.error", "x=%d", 1);
    const char *lines = capture_end();
    assert_lacks(lines, "a.debug");
    assert_lacks(lines, "a.info");
    assert_contains(lines, " WARN ws-edge-1 a.warn x=1\n");
    assert_contains(lines, " ERROR ws-edge-1 a.error x=1\n");
}

static void debug_of_the_guide_turns_on_debug_lines(void **state) {
    (void)state;
    static const char *const on[] = {"vp:*", "vp:presence", "express:*,vp:*", "http vp:redis*", "*"};
    static const char *const off[] = {"", "express:*", "-vp:*", "vp:", "avp:*"};
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        start_log("info", on[i]);
        assert_true(log_enabled(LOG_LEVEL_DEBUG));
    }
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        start_log("info", off[i]);
        assert_false(log_enabled(LOG_LEVEL_DEBUG));
        assert_true(log_enabled(LOG_LEVEL_INFO));
    }
    start_log("debug", "");
    assert_true(log_enabled(LOG_LEVEL_DEBUG));
}

static void control_characters_cannot_forge_a_line(void **state) {
    (void)state;
    start_log("info", "");
    capture_begin(STDERR_FILENO);
    log_info("a.event", "id=%s", "x\n2025 INFO forged\x1b[31m\x7f");
    const char *lines = capture_end();
    assert_contains(lines, "id=x?2025 INFO forged?[31m?\n");
    assert_ptr_equal(strchr(lines, '\n'), lines + strlen(lines) - 1);
}

static void a_line_that_is_too_long_is_cut_and_still_one_line(void **state) {
    (void)state;
    start_log("info", "");
    char text[10000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    capture_begin(STDERR_FILENO);
    log_info("a.event", "text=%s", text);
    const char *line = capture_end();
    assert_in_range(strlen(line), 4000, 4096);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void errno_survives_a_line(void **state) {
    (void)state;
    start_log("info", "");
    capture_begin(STDERR_FILENO);
    errno = EADDRINUSE;
    log_info("a.event", "x=%d", 1);
    int kept = errno;
    (void)capture_end();
    assert_int_equal(kept, EADDRINUSE);
}

static void a_closed_stderr_stops_nothing(void **state) {
    (void)state;
    start_log("info", "");
    int kept = dup(STDERR_FILENO);
    close(STDERR_FILENO);
    log_info("a.event", "x=%d", 1);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_one_line_of_time_level_process_and_pairs),
        cmocka_unit_test(levels_below_the_least_are_not_written),
        cmocka_unit_test(debug_of_the_guide_turns_on_debug_lines),
        cmocka_unit_test(control_characters_cannot_forge_a_line),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_still_one_line),
        cmocka_unit_test(errno_survives_a_line),
        cmocka_unit_test(a_closed_stderr_stops_nothing),
    };
    return cmocka_run_group_tests(tests, clean_environment, NULL);
}
