/* record: one transition of the log, cut into its parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/presence-core/core/record.h"

static zp_error cut(const char *text, record_t *ret_record) {
    static char copy[512];
    size_t len = strlen(text);
    memset(copy, 'x', sizeof copy); /* nothing beyond the end helps */
    memcpy(copy, text, len + 1);
    return record_cut(copy, len, ret_record);
}

static void a_record_is_cut_into_its_parts(void **state) {
    (void)state;
    record_t record;
    assert_int_equal(cut("42 f o 1701516645123 1701516645000 17 connected ws-edge-1 123", &record), ZP_OK);
    assert_int_equal(record.seq, 42);
    assert_int_equal(record.from, STATUS_OFFLINE);
    assert_int_equal(record.to, STATUS_ONLINE);
    assert_int_equal(record.at_ms, 1701516645123);
    assert_int_equal(record.last_seen_ms, 1701516645000);
    assert_int_equal(record.previous_seq, 17);
    assert_string_equal(record.reason, "connected");
    assert_string_equal(record.edge, "ws-edge-1");
    assert_string_equal(record.user_id, "123");
}

static void a_dash_is_no_edge(void **state) {
    (void)state;
    record_t record;
    assert_int_equal(cut("1 b f 2 1 0 edge-lost - -", &record), ZP_OK);
    assert_string_equal(record.edge, "");
    assert_string_equal(record.user_id, "-");
}

static void the_user_is_all_the_rest(void **state) {
    (void)state;
    record_t record;
    assert_int_equal(cut("1 f a 2 1 0 connected e  anna \"b\" c ", &record), ZP_OK);
    assert_string_equal(record.user_id, " anna \"b\" c ");
}

static void a_truncated_record_is_not_valid(void **state) {
    (void)state;
    const char *whole = "42 f o 1701516645123 1701516645000 17 connected ws-edge-1 1";
    char part[128];
    record_t record;
    for (size_t len = 0; len < strlen(whole); len++) {
        memcpy(part, whole, len);
        part[len] = '\0';
        assert_int_equal(cut(part, &record), ZP_INVALID);
    }
    assert_int_equal(cut(whole, &record), ZP_OK);
}

static void hostile_records_are_not_valid(void **state) {
    (void)state;
    static const char *const HOSTILE[] = {
        "",
        " ",
        "        ",
        "x f o 1 1 0 r e u",
        "-1 f o 1 1 0 r e u",
        "1.5 f o 1 1 0 r e u",
        "99999999999999999999999 f o 1 1 0 r e u", /* beyond 64 bits */
        "1 z o 1 1 0 r e u",
        "1 ff o 1 1 0 r e u",
        "1 f  o 1 1 0 r e u",
        "1 f o 0x1 1 0 r e u",
        "1 f o 1 1 0  e u",
        "1 f o 1 1 0 r  u",
        "1 f o 1 1 r e u", /* without the seq before */
    };
    record_t record;
    for (size_t i = 0; i < sizeof HOSTILE / sizeof *HOSTILE; i++) {
        assert_int_equal(cut(HOSTILE[i], &record), ZP_INVALID);
    }
}

static void a_nul_inside_is_not_valid(void **state) {
    (void)state;
    char text[] = "1 f o 1 1 0 r e us\0er";
    record_t record;
    assert_int_equal(record_cut(text, sizeof text - 1, &record), ZP_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_cut_into_its_parts), cmocka_unit_test(a_dash_is_no_edge),
        cmocka_unit_test(the_user_is_all_the_rest),       cmocka_unit_test(a_truncated_record_is_not_valid),
        cmocka_unit_test(hostile_records_are_not_valid),  cmocka_unit_test(a_nul_inside_is_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
