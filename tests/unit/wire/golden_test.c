/* The files of golden/: every type of the client contract in each of its forms, as MessagePack libraries that
 * are not ours write and read it (tests/integration/test_wire.py holds them to that). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/wire/client_frame.h"
#include <dirent.h>
#include <stdio.h>

enum { GOLDEN_MAX_BYTES = 1024, PATH_BYTES = 512, CHECKS_MAX = 128 };

static const uint64_t AT_MS = UINT64_C(1765535445123); /* 2025-12-12T10:30:45.123Z */

static char checked[CHECKS_MAX][64];
static size_t checked_count;

/* The first line is the message as JSON, for people. */
static size_t read_golden(const char *name, char out[GOLDEN_MAX_BYTES]) {
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s.hex", GOLDEN_FOLDER, name);
    FILE *file = fopen(path, "r");
    if (!file) {
        fail_msg("%s is not there", path);
    }
    for (int c = 0; c != '\n' && c != EOF;) {
        c = fgetc(file);
    }
    size_t len = 0;
    unsigned byte;
    while (fscanf(file, "%2x", &byte) == 1) {
        assert_in_range(len, 0, GOLDEN_MAX_BYTES - 1);
        out[len++] = (char)byte;
    }
    assert_true(feof(file));
    fclose(file);
    assert_in_range(checked_count, 0, CHECKS_MAX - 1);
    snprintf(checked[checked_count++], sizeof checked[0], "%s.hex", name);
    return len;
}

static void assert_golden(const char *name, const char *bytes, size_t len_bytes) {
    char golden[GOLDEN_MAX_BYTES];
    size_t golden_bytes = read_golden(name, golden);
    print_message("%s\n", name);
    assert_int_equal(len_bytes, golden_bytes);
    assert_memory_equal(bytes, golden, golden_bytes);
}

static void assert_update(const char *name, wire_form form, str_view user_id, presence_status to) {
    char out[CLIENT_UPDATE_MAX_BYTES];
    size_t len = 0;
    presence_status from = to == STATUS_OFFLINE ? STATUS_ONLINE : STATUS_OFFLINE;
    assert_true(client_frame_update(form, user_id, from, to, AT_MS, out, &len));
    assert_golden(name, out, len);
}

static void updates(void **state) {
    (void)state;
    str_view user = str_view_of("123");
    assert_update("out-31-online.map", WIRE_MAP_BASIC, user, STATUS_ONLINE);
    assert_update("out-31-online.map", WIRE_MAP_BASIC, user, STATUS_AWAY);
    assert_update("out-31-online.map", WIRE_MAP_BASIC, user, STATUS_BUSY);
    assert_update("out-31-online.map", WIRE_MAP_FULL, user, STATUS_ONLINE);
    assert_update("out-31-offline.map", WIRE_MAP_BASIC, user, STATUS_OFFLINE);
    assert_update("out-31-offline.map", WIRE_MAP_FULL, user, STATUS_OFFLINE);
    assert_update("out-31-away.map-full", WIRE_MAP_FULL, user, STATUS_AWAY);
    assert_update("out-31-busy.map-full", WIRE_MAP_FULL, user, STATUS_BUSY);
    assert_update("out-31-online.array", WIRE_ARRAY_BASIC, user, STATUS_ONLINE);
    assert_update("out-31-online.array", WIRE_ARRAY_BASIC, user, STATUS_AWAY);
    assert_update("out-31-online.array", WIRE_ARRAY_BASIC, user, STATUS_BUSY);
    assert_update("out-31-online.array", WIRE_ARRAY_FULL, user, STATUS_ONLINE);
    assert_update("out-31-offline.array", WIRE_ARRAY_BASIC, user, STATUS_OFFLINE);
    assert_update("out-31-offline.array", WIRE_ARRAY_FULL, user, STATUS_OFFLINE);
    assert_update("out-31-away.array-full", WIRE_ARRAY_FULL, user, STATUS_AWAY);
    assert_update("out-31-busy.array-full", WIRE_ARRAY_FULL, user, STATUS_BUSY);
}

static void updates_of_ids_of_any_kind(void **state) {
    (void)state;
    char id[USER_ID_MAX_BYTES];
    memset(id, 'u', sizeof id);
    str_view longest = str_view_make(id, sizeof id);
    str_view odd = str_view_of("a:b \"*\" \xf0\x9f\x8e\x89");
    assert_update("out-31-odd-id.map", WIRE_MAP_BASIC, odd, STATUS_ONLINE);
    assert_update("out-31-odd-id.array", WIRE_ARRAY_BASIC, odd, STATUS_ONLINE);
    assert_update("out-31-longest-id.map", WIRE_MAP_FULL, longest, STATUS_OFFLINE);
    assert_update("out-31-longest-id.array", WIRE_ARRAY_FULL, longest, STATUS_OFFLINE);
}

static void assert_snapshot(const char *name, wire_form form, size_t users_count) {
    const snapshot_user users[] = {
        {str_view_of("123"), str_view_of("web_dashboard_1"), AT_MS, STATUS_BUSY},
        {str_view_of("456"), str_view_of(""), 0, STATUS_AWAY},
    };
    char out[CLIENT_SNAPSHOT_MIN_BYTES];
    size_t len = 0;
    uint64_t total = users_count ? 300 : 0;
    assert_int_equal(client_frame_snapshot(form, str_view_of("me"), AT_MS, total, users, users_count, out,
                                           sizeof out, &len),
                     users_count);
    assert_golden(name, out, len);
}

static void snapshots(void **state) {
    (void)state;
    assert_snapshot("out-32.map", WIRE_MAP_BASIC, 2);
    assert_snapshot("out-32.map-full", WIRE_MAP_FULL, 2);
    assert_snapshot("out-32.array", WIRE_ARRAY_BASIC, 2);
    assert_snapshot("out-32.array-full", WIRE_ARRAY_FULL, 2);
    assert_snapshot("out-32-nobody.map", WIRE_MAP_FULL, 0);
    assert_snapshot("out-32-nobody.array", WIRE_ARRAY_BASIC, 0);
}

static void login_duplicated(void **state) {
    (void)state;
    char out[CLIENT_LOGIN_DUPLICATED_MAX_BYTES];
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        size_t len = client_frame_login_duplicated((wire_form)form, str_view_of("123"), out);
        assert_golden(form < WIRE_ARRAY_BASIC ? "out-9.map" : "out-9.array", out, len);
    }
}

/* The payload of the 25s, as it came. */
static str_view payload_of(const char *name, char golden[GOLDEN_MAX_BYTES]) {
    client_message message;
    assert_int_equal(client_message_parse(str_view_make(golden, read_golden(name, golden)), &message), ZP_OK);
    return message.payload;
}

static void assert_ack(const char *name, wire_form form, str_view payload) {
    char out[GOLDEN_MAX_BYTES];
    size_t len = 0;
    assert_int_equal(client_frame_connection_ack(form, str_view_of("123"), payload, out, sizeof out, &len),
                     ZP_OK);
    assert_golden(name, out, len);
}

static void connection_tests_answered(void **state) {
    (void)state;
    static const char *const asked[] = {"in-25.map", "in-25-integer-ids.array", "in-25-string-ids.array",
                                        "in-25-message-id.array"};
    char golden[GOLDEN_MAX_BYTES];
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        str_view payload = payload_of(asked[i], golden);
        assert_ack("out-26.map", WIRE_MAP_BASIC, payload);
        assert_ack("out-26.map", WIRE_MAP_FULL, payload);
        assert_ack("out-26.array", WIRE_ARRAY_BASIC, payload);
        assert_ack("out-26.array", WIRE_ARRAY_FULL, payload);
    }
    str_view nothing = payload_of("in-25-nothing.map", golden);
    assert_ack("out-26-nothing.map", WIRE_MAP_BASIC, nothing);
    assert_ack("out-26-nothing.array", WIRE_ARRAY_BASIC, nothing);
}

static void errors(void **state) {
    (void)state;
    char out[CLIENT_ERROR_MAX_BYTES];
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        bool map = form < WIRE_ARRAY_BASIC;
        str_view user = str_view_of("123");
        size_t len = client_frame_error((wire_form)form, user, "unsupported", "not here", -1, out);
        assert_golden(map ? "out-35.map" : "out-35.array", out, len);
        len = client_frame_error((wire_form)form, user, "draining", "bye", 5000, out);
        assert_golden(map ? "out-35-draining.map" : "out-35-draining.array", out, len);
    }
}

static void assert_heard(const char *name, int64_t type, const char *status) {
    char golden[GOLDEN_MAX_BYTES];
    client_message message;
    print_message("%s\n", name);
    assert_int_equal(client_message_parse(str_view_make(golden, read_golden(name, golden)), &message), ZP_OK);
    assert_int_equal(message.type, type);
    assert_int_equal(message.array_form, strstr(name, ".array") != NULL);
    assert_true(str_view_equal(message.status, str_view_of(status)));
}

static void what_clients_say(void **state) {
    (void)state;
    assert_heard("in-30.map", MESSAGE_HEARTBEAT, "");
    assert_heard("in-30-named.map", MESSAGE_HEARTBEAT, "");
    assert_heard("in-30-integer-ids.array", MESSAGE_HEARTBEAT, "");
    assert_heard("in-30-string-ids.array", MESSAGE_HEARTBEAT, "");
    assert_heard("in-30-message-id.array", MESSAGE_HEARTBEAT, "");
    assert_heard("in-5-away.map", MESSAGE_STATUS, "away");
    assert_heard("in-5-busy.map", MESSAGE_STATUS, "busy");
    assert_heard("in-5-invisible.map", MESSAGE_STATUS, "invisible");
    assert_heard("in-5-away-integer-ids.array", MESSAGE_STATUS, "away");
    assert_heard("in-5-busy-string-ids.array", MESSAGE_STATUS, "busy");
    assert_heard("in-5-busy-message-id.array", MESSAGE_STATUS, "busy");
    assert_heard("in-15.map", MESSAGE_USER_ADD, "");
    assert_heard("in-15.array", MESSAGE_USER_ADD, "");
    assert_heard("in-16.map", MESSAGE_USER_REMOVE, "");
    assert_heard("in-16.array", MESSAGE_USER_REMOVE, "");
    assert_heard("in-33.map", MESSAGE_PRESENCE_SUBSCRIBE, "");
    assert_heard("in-33.array", MESSAGE_PRESENCE_SUBSCRIBE, "");
    assert_heard("in-34.map", MESSAGE_PRESENCE_UNSUBSCRIBE, "");
    assert_heard("in-34.array", MESSAGE_PRESENCE_UNSUBSCRIBE, "");
}

/* Runs last. */
static void no_file_is_left_out(void **state) {
    (void)state;
    DIR *folder = opendir(GOLDEN_FOLDER);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        bool found = entry->d_name[0] == '.';
        for (size_t i = 0; i < checked_count && !found; i++) {
            found = strcmp(checked[i], entry->d_name) == 0;
        }
        if (!found) {
            fail_msg("%s is not compared with anything", entry->d_name);
        }
    }
    closedir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates),
        cmocka_unit_test(updates_of_ids_of_any_kind),
        cmocka_unit_test(snapshots),
        cmocka_unit_test(login_duplicated),
        cmocka_unit_test(connection_tests_answered),
        cmocka_unit_test(errors),
        cmocka_unit_test(what_clients_say),
        cmocka_unit_test(no_file_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
