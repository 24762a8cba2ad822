/* rendezvous: keys spread evenly, and move only where they must. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/bus/rendezvous.h"

enum { KEYS = 20000, CANDIDATES = 5 };

static const char *const ENDPOINTS[CANDIDATES] = {"tcp://127.0.0.1:7300", "tcp://127.0.0.1:7310",
                                                  "tcp://127.0.0.1:7320", "tcp://10.0.0.1:7300",
                                                  "tcp://[::1]:7300"};

/* Among the first `count`, without `absent`. */
static int winner(int key, int count, int absent) {
    char text[32];
    (void)snprintf(text, sizeof text, "user-%d", key);
    int best = -1;
    uint64_t best_weight = 0;
    for (int i = 0; i < count; i++) {
        uint64_t weight = rendezvous_weight(str_view_of(text), str_view_of(ENDPOINTS[i]));
        if (i != absent && (best < 0 || weight > best_weight)) {
            best = i;
            best_weight = weight;
        }
    }
    return best;
}

static void keys_spread_evenly(void **state) {
    (void)state;
    int owned[CANDIDATES] = {0};
    for (int key = 0; key < KEYS; key++) {
        owned[winner(key, CANDIDATES, -1)]++;
    }
    for (int i = 0; i < CANDIDATES; i++) {
        assert_in_range(owned[i], KEYS / CANDIDATES * 93 / 100, KEYS / CANDIDATES * 107 / 100);
    }
}

static void a_candidate_that_goes_moves_only_its_own_keys_and_spreads_them(void **state) {
    (void)state;
    int heirs[CANDIDATES] = {0};
    int moved = 0;
    for (int key = 0; key < KEYS; key++) {
        int before = winner(key, CANDIDATES, -1), after = winner(key, CANDIDATES, 2);
        if (before == 2) {
            heirs[after]++;
            moved++;
        } else {
            assert_int_equal(before, after);
        }
    }
    for (int i = 0; i < CANDIDATES; i++) {
        if (i != 2) {
            assert_in_range(heirs[i], moved / 4 * 85 / 100, moved / 4 * 115 / 100);
        }
    }
}

static void a_candidate_that_comes_takes_keys_only_for_itself(void **state) {
    (void)state;
    int moved = 0;
    for (int key = 0; key < KEYS; key++) {
        int before = winner(key, CANDIDATES - 1, -1), after = winner(key, CANDIDATES, -1);
        if (before != after) {
            assert_int_equal(after, CANDIDATES - 1);
            moved++;
        }
    }
    assert_in_range(moved, KEYS / CANDIDATES * 93 / 100, KEYS / CANDIDATES * 107 / 100);
}

static void a_key_that_reads_like_a_candidate_is_a_key_like_any_other(void **state) {
    (void)state;
    uint64_t seen[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i++) {
        seen[i] = rendezvous_weight(str_view_of(ENDPOINTS[i]), str_view_of(ENDPOINTS[i]));
        assert_int_not_equal(seen[i], 0);
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(seen[i], seen[j]);
        }
    }
}

/* Edges of different versions must agree where a user belongs. */
static void weights_are_the_same_in_every_process_and_version(void **state) {
    (void)state;
    assert_int_equal(rendezvous_weight(str_view_of("123"), str_view_of("tcp://127.0.0.1:7300")),
                     UINT64_C(0xc7de538a882cbffa));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_spread_evenly),
        cmocka_unit_test(a_candidate_that_goes_moves_only_its_own_keys_and_spreads_them),
        cmocka_unit_test(a_candidate_that_comes_takes_keys_only_for_itself),
        cmocka_unit_test(a_key_that_reads_like_a_candidate_is_a_key_like_any_other),
        cmocka_unit_test(weights_are_the_same_in_every_process_and_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
