/* What a socket reads of the shared log: everything in order while it keeps up, and what it comes down to
 * when it does not. */
#include "common/wire/client_frame.h"
#include "services/ws-edge/core/outbox.h"
#include "services/ws-edge/core/server_frame.h"
#include "services/ws-edge/core/update_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ONE_BY_ONE = 1000000, ALWAYS_COALESCE = 0, BUFFER = 4096 };

/* A payload that can be read again: "<user>:<letter of to>" in the basic form where something visible
 * changes. */
static void append(update_log_t *log, const char *user, presence_status from, presence_status to) {
    char full[64], basic[64];
    str_view payloads[WIRE_FORMS_COUNT] = {0};
    int len = snprintf(full, sizeof full, "%s:%c", user, status_letter(to));
    payloads[WIRE_MAP_FULL] = str_view_make(full, (size_t)len);
    if (status_basic(from) != status_basic(to)) {
        len = snprintf(basic, sizeof basic, "%s:%c", user, status_letter(status_basic(to)));
        payloads[WIRE_MAP_BASIC] = str_view_make(basic, (size_t)len);
    }
    assert_int_equal(update_log_append(log, str_view_of(user), from, to, payloads), ZP_OK);
}

/* The payloads of `frames`, each followed by a space. */
static const char *payloads_of(const char *frames, size_t len) {
    static char text[65536];
    char *out = text;
    for (size_t i = 0; i < len; i += 2 + (unsigned char)frames[i + 1]) {
        assert_int_equal((unsigned char)frames[i], 0x82);
        out += sprintf(out, "%.*s ", frames[i + 1], frames + i + 2);
    }
    *out = '\0';
    return text;
}

static void a_reader_that_keeps_up_reads_every_frame_of_its_form(void **state) {
    (void)state;
    update_log_t *log = update_log_new(16);
    char out[BUFFER];
    uint64_t basic = 0, full = 0;
    size_t coalesced = 0;
    append(log, "a", STATUS_OFFLINE, STATUS_ONLINE);
    append(log, "a", STATUS_ONLINE, STATUS_AWAY);
    append(log, "a", STATUS_AWAY, STATUS_OFFLINE);
    size_t len = update_log_read(log, &basic, WIRE_MAP_BASIC, ONE_BY_ONE, out, sizeof out, &coalesced);
    assert_string_equal(payloads_of(out, len), "a:o a:f ");
    len = update_log_read(log, &full, WIRE_MAP_FULL, ONE_BY_ONE, out, sizeof out, &coalesced);
    assert_string_equal(payloads_of(out, len), "a:o a:a a:f ");
    assert_int_equal(basic, 3);
    assert_int_equal(coalesced, 0);
    update_log_destroy(&log);
}

static void a_reader_that_is_behind_reads_per_user_what_it_comes_down_to(void **state) {
    (void)state;
    update_log_t *log = update_log_new(16);
    char out[BUFFER];
    uint64_t position = 0;
    size_t coalesced = 0;
    append(log, "flaps", STATUS_OFFLINE, STATUS_ONLINE);
    append(log, "stays", STATUS_OFFLINE, STATUS_ONLINE);
    append(log, "flaps", STATUS_ONLINE, STATUS_OFFLINE);
    append(log, "ends-up", STATUS_ONLINE, STATUS_OFFLINE);
    append(log, "ends-up", STATUS_OFFLINE, STATUS_ONLINE);
    append(log, "ends-up", STATUS_ONLINE, STATUS_OFFLINE);
    size_t len =
        update_log_read(log, &position, WIRE_MAP_BASIC, ALWAYS_COALESCE, out, sizeof out, &coalesced);
    assert_string_equal(payloads_of(out, len), "stays:o ends-up:f ");
    assert_int_equal(coalesced, 4);
    assert_int_equal(position, 6);
    update_log_destroy(&log);
}

/* Whatever is coalesced, a user's visible statuses must alternate and end where the log ends. */
static void coalescing_in_small_stretches_still_alternates_and_ends_right(void **state) {
    (void)state;
    enum { USERS = 40, UPDATES = 5000 };
    update_log_t *log = update_log_new(UPDATES);
    presence_status now[USERS] = {0};
    char last_seen[USERS];
    memset(last_seen, 'f', sizeof last_seen);
    srand(7);
    for (int i = 0; i < UPDATES; i++) {
        int user = rand() % USERS;
        presence_status to = (presence_status)((now[user] + 1 + (unsigned)rand() % 3) % 4);
        char name[16];
        snprintf(name, sizeof name, "u%d", user);
        append(log, name, now[user], to);
        now[user] = to;
    }
    char out[CLIENT_UPDATE_MAX_BYTES + SERVER_FRAME_HEADER_MAX];
    uint64_t position = 0;
    while (position < update_log_end(log)) {
        size_t coalesced = 0;
        size_t len =
            update_log_read(log, &position, WIRE_MAP_BASIC, ALWAYS_COALESCE, out, sizeof out, &coalesced);
        char *rest = NULL;
        char *text = strdup(payloads_of(out, len));
        for (char *item = strtok_r(text, " ", &rest); item; item = strtok_r(NULL, " ", &rest)) {
            long user = strtol(item + 1, NULL, 10);
            char status = strchr(item, ':')[1];
            assert_int_not_equal(last_seen[user], status);
            last_seen[user] = status;
        }
        free(text);
    }
    for (int user = 0; user < USERS; user++) {
        assert_int_equal(last_seen[user], status_letter(status_basic(now[user])));
    }
    update_log_destroy(&log);
}

static void reading_stops_where_the_buffer_is_full_and_goes_on_there(void **state) {
    (void)state;
    update_log_t *log = update_log_new(1000);
    char out[CLIENT_UPDATE_MAX_BYTES + SERVER_FRAME_HEADER_MAX];
    uint64_t position = 0;
    size_t coalesced = 0, frames = 0, reads = 0;
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "u%d", i);
        append(log, name, STATUS_OFFLINE, STATUS_ONLINE);
    }
    for (; position < update_log_end(log); reads++) {
        size_t before = (size_t)position;
        size_t len = update_log_read(log, &position, WIRE_MAP_BASIC, ONE_BY_ONE, out, sizeof out, &coalesced);
        assert_true(len > 0 && len <= sizeof out);
        frames += (size_t)position - before;
    }
    assert_int_equal(frames, 1000);
    assert_true(reads > 1);
    update_log_destroy(&log);
}

static void a_socket_that_falls_behind_the_log_has_overflowed(void **state) {
    (void)state;
    update_log_t *log = update_log_new(4);
    outbox box = {0};
    for (int i = 0; i < 4; i++) {
        append(log, "u", STATUS_OFFLINE, STATUS_ONLINE);
    }
    assert_false(outbox_has_overflowed(&box, log));
    append(log, "u", STATUS_OFFLINE, STATUS_ONLINE);
    assert_true(outbox_has_overflowed(&box, log));
    update_log_destroy(&log);
}

static void answers_go_before_updates_and_are_bounded(void **state) {
    (void)state;
    update_log_t *log = update_log_new(4);
    outbox box = {.form = WIRE_MAP_BASIC};
    char out[BUFFER];
    size_t coalesced = 0;
    append(log, "u", STATUS_OFFLINE, STATUS_ONLINE);
    assert_int_equal(outbox_put(&box, str_view_of("answer"), 64), ZP_OK);
    assert_int_equal(
        outbox_put(&box, str_view_of("a longer answer that does not fit any more, so to say"), 64), ZP_FULL);
    size_t len = outbox_take(&box, log, true, ONE_BY_ONE, out, sizeof out, &coalesced);
    assert_string_equal(payloads_of(out, len), "answer u:o ");
    assert_true(outbox_is_empty(&box, log, true));
    assert_null(box.answers);
    update_log_destroy(&log);
}

static void a_change_of_form_loses_no_update_that_waits_already(void **state) {
    (void)state;
    update_log_t *log = update_log_new(4);
    outbox box = {.form = WIRE_MAP_BASIC};
    char out[BUFFER];
    size_t coalesced = 0;
    append(log, "u", STATUS_OFFLINE, STATUS_ONLINE);
    assert_int_equal(outbox_change_form(&box, log, true, WIRE_MAP_FULL, BUFFER, out, sizeof out), ZP_OK);
    append(log, "u", STATUS_ONLINE, STATUS_AWAY);
    size_t len = outbox_take(&box, log, true, ONE_BY_ONE, out, sizeof out, &coalesced);
    assert_string_equal(payloads_of(out, len), "u:o u:a ");
    outbox_clear(&box);
    update_log_destroy(&log);
}

static void frame_headers_have_the_three_lengths_of_the_rfc(void **state) {
    (void)state;
    char header[SERVER_FRAME_HEADER_MAX];
    assert_int_equal(server_frame_header(125, header), 2);
    assert_memory_equal(header, "\x82\x7d", 2);
    assert_int_equal(server_frame_header(126, header), 4);
    assert_memory_equal(header, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(server_frame_header(65536, header), 10);
    assert_memory_equal(header, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_keeps_up_reads_every_frame_of_its_form),
        cmocka_unit_test(a_reader_that_is_behind_reads_per_user_what_it_comes_down_to),
        cmocka_unit_test(coalescing_in_small_stretches_still_alternates_and_ends_right),
        cmocka_unit_test(reading_stops_where_the_buffer_is_full_and_goes_on_there),
        cmocka_unit_test(a_socket_that_falls_behind_the_log_has_overflowed),
        cmocka_unit_test(answers_go_before_updates_and_are_bounded),
        cmocka_unit_test(a_change_of_form_loses_no_update_that_waits_already),
        cmocka_unit_test(frame_headers_have_the_three_lengths_of_the_rfc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
