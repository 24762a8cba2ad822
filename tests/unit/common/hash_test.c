#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/hash.h"
#include <cmocka.h>
#include <stdio.h>

/* Edges and cores of different versions must agree on who owns a user. */
static void values_never_change_between_versions(void **state) {
    (void)state;
    assert_int_equal(hash_bytes(str_view_of(""), 0), UINT64_C(0xefd01f60ba992926));
    assert_int_equal(hash_bytes(str_view_of("user1"), 0), UINT64_C(0xcaf672d63552cd57));
    assert_int_equal(hash_bytes(str_view_of("user1"), 7), UINT64_C(0xf97f4bd1c28c89ad));
    assert_int_equal(hash_bytes(str_view_of("tcp://127.0.0.1:7300"), 0), UINT64_C(0x217033b593afc0a0));
}

static void every_byte_and_the_seed_count(void **state) {
    (void)state;
    uint64_t base = hash_bytes(str_view_of("user1"), 0);
    assert_int_not_equal(base, hash_bytes(str_view_of("user2"), 0));
    assert_int_not_equal(base, hash_bytes(str_view_of("vser1"), 0));
    assert_int_not_equal(base, hash_bytes(str_view_make("user1\0", 6), 0));
    assert_int_not_equal(base, hash_bytes(str_view_of("user1"), 1));
}

/* Similar keys spread over the top bits: what rendezvous hashing compares. */
static void similar_keys_spread_evenly(void **state) {
    (void)state;
    enum { KEYS = 16000, BUCKETS = 16 };
    unsigned counts[BUCKETS] = {0};
    for (int i = 0; i < KEYS; i++) {
        char key[16];
        int len = snprintf(key, sizeof key, "user%d", i);
        counts[hash_bytes(str_view_make(key, (size_t)len), 7) >> 60]++;
    }
    for (int i = 0; i < BUCKETS; i++) {
        assert_in_range(counts[i], KEYS / BUCKETS * 8 / 10, KEYS / BUCKETS * 12 / 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_never_change_between_versions),
        cmocka_unit_test(every_byte_and_the_seed_count),
        cmocka_unit_test(similar_keys_spread_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
