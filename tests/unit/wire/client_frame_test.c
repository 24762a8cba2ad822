/* client_frame: the bytes that clients of the guide and deployed SDKs read, written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/wire/client_frame.h"

#define AT_MS_VALUE UINT64_C(1765535445123)
static const uint64_t AT_MS = AT_MS_VALUE; /* 2025-12-12T10:30:45.123Z, the guide's example */

static void assert_bytes(const char *bytes, size_t len_bytes, const char *golden, size_t golden_bytes) {
    assert_int_equal(len_bytes, golden_bytes);
    assert_memory_equal(bytes, golden, golden_bytes);
}
#define assert_golden(bytes, len_bytes, golden) assert_bytes(bytes, len_bytes, golden, sizeof(golden) - 1)

static void update_map_has_the_keys_and_order_of_the_guide(void **state) {
    (void)state;
    char out[CLIENT_UPDATE_MAX_BYTES];
    size_t len = 0;
    assert_true(client_frame_update(WIRE_MAP_BASIC, str_view_of("123"), STATUS_OFFLINE, STATUS_ONLINE, AT_MS,
                                    out, &len));
    assert_golden(out, len,
                  "\x86"
                  "\xabmessageType\x1f"
                  "\xa6"
                  "fromId\xa3"
                  "123"
                  "\xa4toId\xa0"
                  "\xa6status\xa6online"
                  "\xa9timestamp\xb8"
                  "2025-12-12T10:30:45.123Z"
                  "\xab"
                  "channelType\x01");
}

static void update_array_is_what_deployed_clients_read(void **state) {
    (void)state;
    char out[CLIENT_UPDATE_MAX_BYTES];
    size_t len = 0;
    assert_true(client_frame_update(WIRE_ARRAY_BASIC, str_view_of("123"), STATUS_ONLINE, STATUS_OFFLINE,
                                    AT_MS, out, &len));
    assert_golden(out, len,
                  "\x95\x00\x1f\x00\xa9"
                  "broadcast"
                  "\x84"
                  "\xa4type\xafpresence_update"
                  "\xa6userId\xa3"
                  "123"
                  "\xa6status\xa7offline"
                  "\xa9timestamp\xcf\x00\x00\x01\x9b\x12\x1c\xf0\x83");
}

static void basic_clients_do_not_see_away_and_busy(void **state) {
    (void)state;
    char out[CLIENT_UPDATE_MAX_BYTES];
    size_t len = 77;
    str_view user = str_view_of("u");
    assert_false(client_frame_update(WIRE_MAP_BASIC, user, STATUS_ONLINE, STATUS_AWAY, AT_MS, out, &len));
    assert_false(client_frame_update(WIRE_ARRAY_BASIC, user, STATUS_BUSY, STATUS_ONLINE, AT_MS, out, &len));
    assert_int_equal(len, 77);
    assert_true(client_frame_update(WIRE_MAP_BASIC, user, STATUS_OFFLINE, STATUS_BUSY, AT_MS, out, &len));
    assert_non_null(memmem(out, len, "\xa6online", 7));
    assert_null(memmem(out, len, "busy", 4));
}

static void full_clients_see_all_four(void **state) {
    (void)state;
    char out[CLIENT_UPDATE_MAX_BYTES];
    size_t len = 0;
    str_view user = str_view_of("u");
    assert_true(client_frame_update(WIRE_MAP_FULL, user, STATUS_ONLINE, STATUS_AWAY, AT_MS, out, &len));
    assert_non_null(memmem(out, len,
                           "\xa4"
                           "away",
                           5));
    assert_true(client_frame_update(WIRE_ARRAY_FULL, user, STATUS_AWAY, STATUS_BUSY, AT_MS, out, &len));
    assert_non_null(memmem(out, len,
                           "\xa4"
                           "busy",
                           5));
    assert_false(client_frame_update(WIRE_MAP_FULL, user, STATUS_BUSY, STATUS_BUSY, AT_MS, out, &len));
}

static void invisible_is_offline_in_every_form(void **state) {
    (void)state;
    char out[CLIENT_UPDATE_MAX_BYTES];
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        size_t len = 0;
        assert_false(client_frame_update((wire_form)form, str_view_of("u"), STATUS_OFFLINE, STATUS_INVISIBLE,
                                         AT_MS, out, &len));
        assert_true(client_frame_update((wire_form)form, str_view_of("u"), STATUS_ONLINE, STATUS_INVISIBLE,
                                        AT_MS, out, &len));
        assert_null(memmem(out, len, "invisible", 9));
    }
}

static void longest_user_id_fits_every_form(void **state) {
    (void)state;
    char out[CLIENT_UPDATE_MAX_BYTES], error[CLIENT_ERROR_MAX_BYTES], user[USER_ID_MAX_BYTES];
    memset(user, 'x', sizeof(user));
    str_view user_id = str_view_make(user, sizeof(user));
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        size_t len = 0;
        assert_true(client_frame_update((wire_form)form, user_id, STATUS_ONLINE, STATUS_OFFLINE,
                                        UINT64_MAX / 1000000, out, &len));
        assert_true(len < CLIENT_UPDATE_MAX_BYTES);
        /* 128 bytes need the str 8 header, and no larger one. */
        assert_non_null(memmem(out, len, "\xd9\x80xxx", 5));
        assert_true(client_frame_error((wire_form)form, user_id, "unsupported", "not built yet", 5000,
                                       error) < CLIENT_ERROR_MAX_BYTES);
    }
}

static void errors_name_code_and_message(void **state) {
    (void)state;
    char out[CLIENT_ERROR_MAX_BYTES];
    size_t len = client_frame_error(WIRE_MAP_BASIC, str_view_of("123"), "garbage", "no message", -1, out);
    assert_golden(out, len,
                  "\x83\xabmessageType\x23\xa4"
                  "code\xa7garbage\xa7message\xaano message");
    len = client_frame_error(WIRE_MAP_FULL, str_view_of("123"), "draining", "bye", 300, out);
    assert_golden(out, len,
                  "\x84\xabmessageType\x23\xa4"
                  "code\xa8"
                  "draining\xa7message\xa3"
                  "bye"
                  "\xb0reconnectAfterMs\xcd\x01\x2c");
    len = client_frame_error(WIRE_ARRAY_FULL, str_view_of("123"), "draining", "bye", 0, out);
    assert_golden(out, len,
                  "\x95\x01\x23\x00\xa3"
                  "123\x83\xa4"
                  "code\xa8"
                  "draining\xa7message\xa3"
                  "bye"
                  "\xb0reconnectAfterMs\x00");
}

static void connection_ack_echoes_the_payload_byte_for_byte(void **state) {
    (void)state;
    char out[128];
    size_t len = 0;
    str_view payload = str_view_make("\x82\xa1"
                                     "a\xcd\x00\x01\xa1"
                                     "b\xc4\x01\xff",
                                     11);
    assert_int_equal(
        client_frame_connection_ack(WIRE_MAP_BASIC, str_view_of("123"), payload, out, sizeof(out), &len),
        ZP_OK);
    assert_golden(out, len,
                  "\x82\xabmessageType\x1a\xa7payload\x82\xa1"
                  "a\xcd\x00\x01\xa1"
                  "b\xc4\x01\xff");
    assert_int_equal(
        client_frame_connection_ack(WIRE_ARRAY_BASIC, str_view_of("123"), payload, out, sizeof(out), &len),
        ZP_OK);
    assert_golden(out, len,
                  "\x95\x01\x1a\x00\xa3"
                  "123\x82\xa1"
                  "a\xcd\x00\x01\xa1"
                  "b\xc4\x01\xff");
}

static void connection_ack_without_payload_has_none(void **state) {
    (void)state;
    char out[128];
    size_t len = 0;
    str_view none = {0};
    assert_int_equal(
        client_frame_connection_ack(WIRE_MAP_FULL, str_view_of("9"), none, out, sizeof(out), &len), ZP_OK);
    assert_golden(out, len, "\x81\xabmessageType\x1a");
    assert_int_equal(
        client_frame_connection_ack(WIRE_ARRAY_FULL, str_view_of("9"), none, out, sizeof(out), &len), ZP_OK);
    assert_golden(out, len,
                  "\x95\x01\x1a\x00\xa1"
                  "9\xc0");
}

static void connection_ack_that_does_not_fit_is_too_large(void **state) {
    (void)state;
    char out[64], big[64];
    size_t len = 7;
    memset(big, 1, sizeof(big));
    for (size_t room = 0; room < sizeof(out); room++) {
        assert_int_equal(client_frame_connection_ack(WIRE_MAP_BASIC, str_view_of("123"),
                                                     str_view_make(big, 40), out, room, &len),
                         room < 62 ? ZP_TOO_LARGE : ZP_OK);
    }
    assert_int_equal(len, 62);
}

static void login_duplicated_in_both_forms(void **state) {
    (void)state;
    char out[CLIENT_LOGIN_DUPLICATED_MAX_BYTES];
    size_t len = client_frame_login_duplicated(WIRE_MAP_FULL, str_view_of("123"), out);
    assert_golden(out, len,
                  "\x83"
                  "\xabmessageType\x09"
                  "\xa4toId\xa3"
                  "123"
                  "\xa7message\xd9\x29this user has logged in on another device");
    len = client_frame_login_duplicated(WIRE_ARRAY_BASIC, str_view_of("123"), out);
    assert_golden(out, len,
                  "\x95\x01\x09\x00\xa3"
                  "123"
                  "\xd9\x29this user has logged in on another device");
    char id[USER_ID_MAX_BYTES];
    memset(id, 'u', sizeof id);
    len = client_frame_login_duplicated(WIRE_MAP_BASIC, str_view_make(id, sizeof id), out);
    assert_in_range(len, USER_ID_MAX_BYTES, sizeof out);
}

static const snapshot_user two_users[] = {
    {{"123", 3}, {"device-1", 8}, AT_MS_VALUE, STATUS_BUSY},
    {{"456", 3}, {"", 0}, 0, STATUS_ONLINE},
};

static void snapshot_map_has_the_keys_and_order_of_the_guide(void **state) {
    (void)state;
    char out[CLIENT_SNAPSHOT_MIN_BYTES];
    size_t len = 0;
    size_t count = client_frame_snapshot(WIRE_MAP_BASIC, str_view_of("me"), AT_MS, 2, two_users, 2, out,
                                         sizeof out, &len);
    assert_int_equal(count, 2);
    assert_golden(out, len,
                  "\x82"
                  "\xabmessageType\x20"
                  "\xa5users\x92"
                  "\x83"
                  "\xa6userId\xa3"
                  "123"
                  "\xa6status\xa6online"
                  "\xa8lastSeen\xb8"
                  "2025-12-12T10:30:45.123Z"
                  "\x83"
                  "\xa6userId\xa3"
                  "456"
                  "\xa6status\xa6online"
                  "\xa8lastSeen\xc0");
}

static void snapshot_array_is_what_deployed_clients_read(void **state) {
    (void)state;
    char out[CLIENT_SNAPSHOT_MIN_BYTES];
    size_t len = 0;
    size_t count = client_frame_snapshot(WIRE_ARRAY_FULL, str_view_of("me"), AT_MS, 300, two_users, 1, out,
                                         sizeof out, &len);
    assert_int_equal(count, 1);
    assert_golden(out, len,
                  "\x95\x00\x20\x00\xa2me"
                  "\x83"
                  "\xa9timestamp\xcf\x00\x00\x01\x9b\x12\x1c\xf0\x83"
                  "\xabtotalOnline\xcd\x01\x2c"
                  "\xa5users\x91"
                  "\x84"
                  "\xa6userId\xa3"
                  "123"
                  "\xa6status\xa4"
                  "busy"
                  "\xa8lastSeen\xcf\x00\x00\x01\x9b\x12\x1c\xf0\x83"
                  "\xa8"
                  "deviceId\xa8"
                  "device-1");
}

static void snapshot_of_nobody_is_an_empty_list(void **state) {
    (void)state;
    char out[CLIENT_SNAPSHOT_MIN_BYTES];
    size_t len = 0;
    assert_int_equal(
        client_frame_snapshot(WIRE_MAP_FULL, str_view_of("me"), AT_MS, 0, NULL, 0, out, sizeof out, &len), 0);
    assert_golden(out, len, "\x82\xabmessageType\x20\xa5users\x90");
    (void)client_frame_snapshot(WIRE_ARRAY_BASIC, str_view_of("me"), AT_MS, 0, NULL, 0, out, sizeof out,
                                &len);
    assert_golden(out, len,
                  "\x95\x00\x20\x00\xa2me\x83\xa9timestamp\xcf\x00\x00\x01\x9b\x12\x1c\xf0\x83"
                  "\xabtotalOnline\x00\xa5users\x90");
}

/* As many as fit, at least one, in any room and form, of the longest ids and devices. */
static void snapshot_keeps_to_its_room(void **state) {
    (void)state;
    enum { MANY = 600 };
    static char out[CLIENT_SNAPSHOT_MIN_BYTES + 200000];
    static snapshot_user users[MANY];
    char id[USER_ID_MAX_BYTES], device[DEVICE_MAX_BYTES];
    memset(id, 'u', sizeof id);
    memset(device, 'd', sizeof device);
    for (size_t i = 0; i < MANY; i++) {
        users[i] =
            (snapshot_user){{id, sizeof id}, {device, sizeof device}, UINT64_C(1) << 52, STATUS_ONLINE};
    }
    size_t before = 0;
    for (size_t room = CLIENT_SNAPSHOT_MIN_BYTES; room <= sizeof out; room += 7919) {
        for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
            size_t len = 0;
            size_t count = client_frame_snapshot((wire_form)form, str_view_make(id, sizeof id), AT_MS,
                                                 1 << 20, users, MANY, out, room, &len);
            assert_in_range(count, 1, MANY);
            assert_in_range(len, 1, room);
            if (form == WIRE_ARRAY_FULL) {
                assert_true(count >= before);
                before = count;
            }
        }
    }
    assert_int_equal(before, MANY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(update_map_has_the_keys_and_order_of_the_guide),
        cmocka_unit_test(update_array_is_what_deployed_clients_read),
        cmocka_unit_test(basic_clients_do_not_see_away_and_busy),
        cmocka_unit_test(full_clients_see_all_four),
        cmocka_unit_test(invisible_is_offline_in_every_form),
        cmocka_unit_test(longest_user_id_fits_every_form),
        cmocka_unit_test(errors_name_code_and_message),
        cmocka_unit_test(connection_ack_echoes_the_payload_byte_for_byte),
        cmocka_unit_test(connection_ack_without_payload_has_none),
        cmocka_unit_test(connection_ack_that_does_not_fit_is_too_large),
        cmocka_unit_test(login_duplicated_in_both_forms),
        cmocka_unit_test(snapshot_map_has_the_keys_and_order_of_the_guide),
        cmocka_unit_test(snapshot_array_is_what_deployed_clients_read),
        cmocka_unit_test(snapshot_of_nobody_is_an_empty_list),
        cmocka_unit_test(snapshot_keeps_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
