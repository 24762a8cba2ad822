/* edge_identities: by which identity the edge of an incarnation is reached. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "services/presence-core/core/edge_identities.h"

static edge_identities identities;

static int nobody(void **state) {
    (void)state;
    memset(&identities, 0, sizeof identities);
    return 0;
}

static void note(const char *incarnation, const char *identity, uint64_t now_ms) {
    edge_identities_note(&identities, str_view_of(incarnation), str_view_of(identity), now_ms);
}

static void assert_found(const char *incarnation, const char *identity) {
    str_view found = edge_identities_find(&identities, str_view_of(incarnation));
    assert_true(str_view_equal(found, str_view_of(identity)));
}

static void who_has_beaten_is_found_by_the_last_identity(void **state) {
    (void)state;
    note("0123456789abcdef", "one", 1);
    note("fedcba9876543210", "two", 1);
    assert_found("0123456789abcdef", "one");
    note("0123456789abcdef", "another", 2);
    assert_found("0123456789abcdef", "another");
    assert_found("fedcba9876543210", "two");
    assert_found("aaaaaaaaaaaaaaaa", "");
    assert_int_equal(identities.count, 2);
}

static void an_identity_may_be_any_bytes_of_zeromqs_length(void **state) {
    (void)state;
    char bytes[EDGE_IDENTITY_BYTES + 1] = {0};
    edge_identities_note(&identities, str_view_of("a"), str_view_make(bytes, EDGE_IDENTITY_BYTES), 1);
    str_view found = edge_identities_find(&identities, str_view_of("a"));
    assert_true(str_view_equal(found, str_view_make(bytes, EDGE_IDENTITY_BYTES)));
    edge_identities_note(&identities, str_view_of("b"), str_view_make(bytes, EDGE_IDENTITY_BYTES + 1), 1);
    note("", "nobody", 1);
    note("0123456789abcdef0", "too long", 1);
    note("c", "", 1);
    assert_int_equal(identities.count, 1);
}

static void the_one_silent_for_longest_makes_room(void **state) {
    (void)state;
    char name[EDGE_INCARNATION_BYTES];
    for (int i = 0; i < EDGE_IDENTITIES_MAX; i++) {
        (void)snprintf(name, sizeof name, "i%d", i);
        note(name, name, (uint64_t)(i == 7 ? 1 : 100 + i));
    }
    note("new", "new", 5000);
    assert_int_equal(identities.count, EDGE_IDENTITIES_MAX);
    assert_found("new", "new");
    assert_found("i7", "");
    assert_found("i8", "i8");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_has_beaten_is_found_by_the_last_identity, nobody),
        cmocka_unit_test_setup(an_identity_may_be_any_bytes_of_zeromqs_length, nobody),
        cmocka_unit_test_setup(the_one_silent_for_longest_makes_room, nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
