/* What the load generator of tests/bench makes of a server's bytes, and of durations: a measurement is worth
 * as much. */

#include "tests/bench/load/histogram.h"
#include "tests/bench/load/http_answer.h"
#include "tests/bench/load/update.h"
#include "tests/bench/load/ws_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

/* WIRE.md: user 123 comes online. */
#define ONLINE_123                                                                                           \
    "\x86\xabmessageType\x1f\xa6"                                                                            \
    "fromId\xa3"                                                                                             \
    "123\xa4toId\xa0\xa6status\xa6online\xa9timestamp\xb8"                                                   \
    "2025-12-12T10:30:45.123Z\xab"                                                                           \
    "channelType\x01"

static void a_frame_is_whole_when_its_last_byte_is_there(void **state) {
    static const uint8_t bytes[] = {0x82, 0x7e, 0x00, 0x80, [131] = 0xff};
    ws_frame frame;
    (void)state;
    for (size_t len = 0; len < sizeof bytes; len++) {
        assert_int_equal(ws_frame_read(bytes, len, &frame), WS_FRAME_INCOMPLETE);
    }
    assert_int_equal(ws_frame_read(bytes, sizeof bytes, &frame), WS_FRAME_WHOLE);
    assert_int_equal(frame.opcode, WS_BINARY);
    assert_int_equal(frame.payload_bytes, 128);
    assert_int_equal(frame.whole_bytes, sizeof bytes);
    assert_ptr_equal(frame.payload, bytes + 4);
}

static void a_server_masks_nothing_and_its_control_frames_are_small(void **state) {
    ws_frame frame;
    (void)state;
    assert_int_equal(ws_frame_read(BYTES("\x82\x81mask_"), &frame), WS_FRAME_INVALID);
    assert_int_equal(ws_frame_read(BYTES("\xc2\x01x"), &frame), WS_FRAME_INVALID);
    assert_int_equal(ws_frame_read(BYTES("\x89\x7e\x01\x00"), &frame), WS_FRAME_INVALID);
}

/* RFC 6455, 5.7: "Hello", masked. */
static void a_frame_is_written_masked(void **state) {
    uint8_t out[5 + WS_FRAME_OVERHEAD_BYTES];
    uint32_t mask;
    (void)state;
    memcpy(&mask, "\x37\xfa\x21\x3d", sizeof mask);
    assert_int_equal(ws_frame_write(out, WS_TEXT, "Hello", 5, mask), 11);
    assert_memory_equal(out, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
}

static void an_update_names_its_user_and_status(void **state) {
    update u;
    (void)state;
    assert_true(update_read_map(BYTES(ONLINE_123), &u));
    assert_int_equal(u.type, UPDATE_MESSAGE);
    assert_int_equal(u.user, 123);
    assert_int_equal(u.status, SEEN_ONLINE);
    for (size_t len = 0; len < sizeof ONLINE_123 - 1; len++) {
        assert_false(update_read_map((const uint8_t *)ONLINE_123, len, &u));
    }
}

static void a_client_is_told_when_to_come_back(void **state) {
    update u;
    (void)state;
    assert_true(update_read_map(BYTES("\x84\xabmessageType\x23\xa4"
                                      "code\xa8"
                                      "draining\xa7message\xa3"
                                      "bye\xb0reconnectAfterMs\xcd\x01\x2c"),
                                &u));
    assert_int_equal(u.type, ERROR_MESSAGE);
    assert_int_equal(u.reconnect_after_ms, 300);
}

static void of_a_snapshot_only_the_type_is_read(void **state) {
    update u;
    (void)state;
    assert_true(update_read_map(BYTES("\x82\xabmessageType\x20\xa5users\x90"), &u));
    assert_int_equal(u.type, SNAPSHOT_MESSAGE);
}

static void an_event_of_socketio_says_the_same(void **state) {
    static const char event[] =
        "42[\"presence\",{\"fromId\":\"u0000042\",\"status\":\"busy\",\"timestamp\":\"x\"}]";
    update u;
    (void)state;
    assert_true(update_read_event(event, sizeof event - 1, &u));
    assert_int_equal(u.user, 42);
    assert_int_equal(u.status, SEEN_BUSY);
    assert_false(update_read_event("42[\"other\",1]", 13, &u));
}

static void an_answer_is_whole_with_its_body(void **state) {
    static const char whole[] = "HTTP/1.1 200 OK\r\nX: y\r\ncontent-length: 5\r\n\r\nhello";
    http_answer answer;
    (void)state;
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        assert_int_equal(http_answer_read(whole, len, &answer), HTTP_ANSWER_INCOMPLETE);
    }
    assert_int_equal(http_answer_read(whole, sizeof whole - 1, &answer), HTTP_ANSWER_WHOLE);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_bytes, 5);
    assert_int_equal(http_answer_read("HTTP/1.1 200 OK\r\nX: y\r\n\r\n", 25, &answer), HTTP_ANSWER_INVALID);
}

static void quantiles_are_right_within_three_percent(void **state) {
    static histogram h;
    (void)state;
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    for (uint64_t ns = 1; ns <= 1000000; ns++) {
        histogram_add(&h, ns * 1000);
    }
    assert_in_range(histogram_quantile(&h, 0.5), 485000000, 515000000);
    assert_in_range(histogram_quantile(&h, 0.99), 960000000, 1000000000);
    assert_int_equal(histogram_quantile(&h, 1), 1000000000);
    assert_int_equal(h.max_ns, 1000000000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_whole_when_its_last_byte_is_there),
        cmocka_unit_test(a_server_masks_nothing_and_its_control_frames_are_small),
        cmocka_unit_test(a_frame_is_written_masked),
        cmocka_unit_test(an_update_names_its_user_and_status),
        cmocka_unit_test(a_client_is_told_when_to_come_back),
        cmocka_unit_test(of_a_snapshot_only_the_type_is_read),
        cmocka_unit_test(an_event_of_socketio_says_the_same),
        cmocka_unit_test(an_answer_is_whole_with_its_body),
        cmocka_unit_test(quantiles_are_right_within_three_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
