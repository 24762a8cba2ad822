/* frame_watch: RFC 6455 framing rules, each broken once, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/ws-edge/core/frame_watch.h"

enum { MESSAGE_MAX_BYTES = 1000 };

typedef struct outcome {
    uint16_t close_code;
    size_t good_bytes;
    unsigned pongs, others, controls; /* reports that said so */
    bool over;
} outcome;

static outcome watch_in_pieces(const char *bytes, size_t len_bytes, size_t piece_bytes) {
    frame_watch watch = {0};
    outcome all = {0};
    for (size_t at = 0; at < len_bytes && all.close_code == 0; at += piece_bytes) {
        size_t step = len_bytes - at < piece_bytes ? len_bytes - at : piece_bytes;
        frame_report report = frame_watch_advance(&watch, str_view_make(bytes + at, step), MESSAGE_MAX_BYTES);
        assert_true(report.good_bytes <= step);
        all.good_bytes += report.good_bytes;
        all.close_code = report.close_code;
        all.pongs += report.pong;
        all.others += report.other;
        all.controls += report.control;
    }
    all.over = watch.over;
    return all;
}

#define MASK "\x11\x22\x33\x44"

static const struct wrong_row {
    const char *what, *bytes;
    size_t len_bytes;
    uint16_t close_code;
} wrong_rows[] = {
#define ROW(what, bytes, code)                                                                               \
    { what, bytes, sizeof(bytes) - 1, code }
    ROW("binary without a mask", "\x82\x01x", 1002),
    ROW("PING without a mask", "\x89\x00", 1002),
    ROW("close without a mask", "\x88\x00", 1002),
    ROW("reserved bit 1", "\xc2\x81" MASK "x", 1002),
    ROW("reserved bit 2", "\xa2\x81" MASK "x", 1002),
    ROW("reserved bit 3", "\x92\x81" MASK "x", 1002),
    ROW("reserved bit of a PING", "\xc9\x80" MASK, 1002),
    ROW("opcode 3", "\x83\x80" MASK, 1002),
    ROW("opcode 7", "\x87\x80" MASK, 1002),
    ROW("opcode 11", "\x8b\x80" MASK, 1002),
    ROW("opcode 15", "\x8f\x80" MASK, 1002),
    ROW("a fragmented PING", "\x09\x80" MASK, 1002),
    ROW("a fragmented close", "\x08\x80" MASK, 1002),
    ROW("a PING of 126 bytes", "\x89\xfe\x00\x7e" MASK, 1002),
    ROW("a PONG with a 64-bit length", "\x8a\xff", 1002),
    ROW("a close of one byte", "\x88\x81" MASK "x", 1002),
    ROW("a close with code 1006", "\x88\x82" MASK "\x12\xcc", 1002),
    ROW("a close with code 0", "\x88\x82" MASK "\x11\x22", 1002),
    ROW("a close reason that is not UTF-8", "\x88\x83" MASK "\x12\xca\xcc", 1007),
    ROW("a close reason cut within a character", "\x88\x84" MASK "\x12\xca\xd1\xc6", 1007),
    ROW("a continuation of nothing", "\x80\x81" MASK "x", 1002),
    ROW("a new message inside of one", "\x02\x81" MASK "x\x82\x81" MASK "x", 1002),
    ROW("a text message inside of one", "\x02\x81" MASK "x\x81\x81" MASK "x", 1002),
    ROW("a continuation after the last one", "\x02\x80" MASK "\x80\x80" MASK "\x80\x80" MASK, 1002),
    ROW("2^63 bytes, of whose length one byte has come", "\x82\xff\x80", 1002),
    ROW("16 bits for 125 bytes", "\x82\xfe\x00\x7d" MASK, 1002),
    ROW("64 bits for 65535 bytes", "\x82\xff\x00\x00\x00\x00\x00\x00\xff\xff" MASK, 1002),
    ROW("bit 63 of a length", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00" MASK, 1002),
    ROW("text", "\x81\x81" MASK "x", 1003),
    ROW("text, first fragment", "\x01\x81" MASK "x", 1003),
    ROW("1001 bytes", "\x82\xfe\x03\xe9" MASK, 1009),
    ROW("a length of 2^62", "\x82\xff\x40\x00\x00\x00\x00\x00\x00\x00" MASK, 1009),
    ROW("500 bytes, and a fragment that claims 501", "\x02\x81" MASK "x\x80\xfe\x03\xe8" MASK, 1009),
#undef ROW
};

static void each_broken_rule_has_its_close_code_however_it_is_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof wrong_rows / sizeof wrong_rows[0]; i++) {
        const struct wrong_row *row = &wrong_rows[i];
        for (size_t piece = 1; piece <= row->len_bytes; piece++) {
            outcome got = watch_in_pieces(row->bytes, row->len_bytes, piece);
            if (got.close_code != row->close_code) {
                print_error("%s, in pieces of %zu: %u\n", row->what, piece, got.close_code);
            }
            assert_int_equal(got.close_code, row->close_code);
            assert_true(got.over);
        }
        assert_true(frame_close_text(row->close_code)[0] != '\0');
    }
}

static void what_came_before_the_broken_frame_is_passed_on(void **state) {
    (void)state;
    static const char bytes[] = "\x82\x83" MASK "abc\x89\x00";
    outcome got = watch_in_pieces(bytes, sizeof bytes - 1, sizeof bytes - 1);
    assert_int_equal(got.close_code, 1002);
    assert_int_equal(got.good_bytes, 9);
    assert_int_equal(got.others, 1);
}

static void good_frames_pass_whole_however_they_are_cut(void **state) {
    (void)state;
    static const char bytes[] = "\x82\x83" MASK "abc"            /* binary */
                                "\x02\x80" MASK                  /* a message in fragments, */
                                "\x89\x82" MASK "hi"             /* with a PING within, */
                                "\x00\x81" MASK "y\x80\x80" MASK /* and its end */
                                "\x8a\x80" MASK                  /* an empty PONG */
                                "\x8a\x89" MASK "voiceping"      /* and ours */
                                "\x82\x80" MASK;                 /* an empty message */
    for (size_t piece = 1; piece <= sizeof bytes - 1; piece++) {
        outcome got = watch_in_pieces(bytes, sizeof bytes - 1, piece);
        assert_int_equal(got.close_code, 0);
        assert_int_equal(got.good_bytes, sizeof bytes - 1);
        assert_false(got.over);
        assert_true(got.pongs >= 1);
        assert_true(got.controls >= 1);
    }
}

static void each_kind_of_frame_is_reported(void **state) {
    (void)state;
    outcome ping = watch_in_pieces("\x89\x80" MASK, 6, 6);
    assert_true(ping.others == 1 && ping.controls == 1 && ping.pongs == 0);
    outcome empty_pong = watch_in_pieces("\x8a\x80" MASK, 6, 6);
    assert_true(empty_pong.others == 0 && empty_pong.controls == 1 && empty_pong.pongs == 1);
    outcome pong = watch_in_pieces("\x8a\x81" MASK "x", 7, 7);
    assert_true(pong.others == 0 && pong.controls == 0 && pong.pongs == 1);
    outcome binary = watch_in_pieces("\x82\x81" MASK "x", 7, 7);
    assert_true(binary.others == 1 && binary.controls == 0 && binary.pongs == 0);
    outcome unfinished = watch_in_pieces("\x82\x82" MASK "x", 7, 7);
    assert_true(unfinished.others == 0 && unfinished.controls == 0 && unfinished.pongs == 0);
}

static void frames_are_counted(void **state) {
    (void)state;
    static const char bytes[] = "\x82\x81" MASK "x\x89\x80" MASK "\x02\x80" MASK "\x80\x80" MASK "\x8a";
    frame_watch watch = {0};
    assert_int_equal(
        frame_watch_advance(&watch, str_view_make(bytes, sizeof bytes - 1), MESSAGE_MAX_BYTES).frames_count,
        4);
}

static void nothing_counts_after_a_close_frame(void **state) {
    (void)state;
    static const char bytes[] = "\x88\x82" MASK "\x03\xe8\x82\x81" MASK "x";
    outcome got = watch_in_pieces(bytes, sizeof bytes - 1, sizeof bytes - 1);
    assert_int_equal(got.close_code, 0);
    assert_int_equal(got.good_bytes, 8);
    assert_true(got.over);
}

static void a_message_may_have_as_many_bytes_as_allowed_in_any_fragments(void **state) {
    (void)state;
    frame_watch watch = {0};
    char payload[MESSAGE_MAX_BYTES] = {0};
    for (int i = 0; i < 3; i++) { /* each message is counted anew */
        assert_int_equal(
            frame_watch_advance(&watch, str_view_make("\x02\xfe\x01\xf4" MASK, 8), MESSAGE_MAX_BYTES)
                .close_code,
            0);
        assert_int_equal(
            frame_watch_advance(&watch, str_view_make(payload, 500), MESSAGE_MAX_BYTES).good_bytes, 500);
        assert_int_equal(
            frame_watch_advance(&watch, str_view_make("\x80\xfe\x01\xf4" MASK, 8), MESSAGE_MAX_BYTES)
                .close_code,
            0);
        frame_report report = frame_watch_advance(&watch, str_view_make(payload, 500), MESSAGE_MAX_BYTES);
        assert_int_equal(report.close_code, 0);
        assert_true(report.other);
    }
}

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Whatever the bytes are, the verdict does not depend on how the network cut them. */
static void random_bytes_are_judged_alike_however_they_are_cut(void **state) {
    (void)state;
    uint32_t seed = 1;
    static const unsigned char likely_firsts[] = {0x82, 0x02, 0x00, 0x80, 0x89, 0x8a, 0x88, 0x81};
    for (int round = 0; round < 20000; round++) {
        char bytes[64];
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (char)next_random(&seed);
        }
        /* Frames that hold together for a while, so that more than the first byte is looked at. */
        for (size_t at = 0; at + 2 < sizeof bytes;) {
            size_t payload_bytes = next_random(&seed) % 12;
            bytes[at] = (char)likely_firsts[next_random(&seed) % sizeof likely_firsts];
            bytes[at + 1] = (char)(0x80 | payload_bytes);
            at += 6 + payload_bytes;
        }
        outcome whole = watch_in_pieces(bytes, sizeof bytes, sizeof bytes);
        for (size_t piece = 1; piece < 16; piece++) {
            outcome cut = watch_in_pieces(bytes, sizeof bytes, piece);
            assert_int_equal(cut.close_code, whole.close_code);
            assert_int_equal(cut.over, whole.over);
            assert_int_equal(cut.pongs > 0, whole.pongs > 0);
            assert_int_equal(cut.others > 0, whole.others > 0);
            assert_int_equal(cut.controls > 0, whole.controls > 0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_broken_rule_has_its_close_code_however_it_is_cut),
        cmocka_unit_test(what_came_before_the_broken_frame_is_passed_on),
        cmocka_unit_test(good_frames_pass_whole_however_they_are_cut),
        cmocka_unit_test(each_kind_of_frame_is_reported),
        cmocka_unit_test(frames_are_counted),
        cmocka_unit_test(nothing_counts_after_a_close_frame),
        cmocka_unit_test(a_message_may_have_as_many_bytes_as_allowed_in_any_fragments),
        cmocka_unit_test(random_bytes_are_judged_alike_however_they_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
