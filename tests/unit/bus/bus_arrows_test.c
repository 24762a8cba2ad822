/* bus_arrows: the picture of ARCHITECTURE.md, as who may connect where and say what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/bus/bus_arrows.h"

static void a_core_hears_everybody_and_publishes_to_fanouts(void **state) {
    (void)state;
    assert_int_equal(bus_arrows_comers(CORE, false), EDGE | WATCHER | FANOUT | API);
    assert_int_equal(bus_arrows_comers(CORE, true), FANOUT);
}

static void a_fanout_hears_edges_and_http_apis_and_publishes_nothing(void **state) {
    (void)state;
    assert_int_equal(bus_arrows_comers(FANOUT, false), EDGE | API);
    assert_int_equal(bus_arrows_comers(FANOUT, true), 0);
}

static void nobody_connects_to_the_others(void **state) {
    (void)state;
    assert_int_equal(bus_arrows_comers(EDGE, false) | bus_arrows_comers(WATCHER, false) |
                         bus_arrows_comers(API, false) | bus_arrows_comers(EDGE, true),
                     0);
}

static void each_kind_says_its_own_arrow_only(void **state) {
    (void)state;
    static const struct {
        process_kind host, comer;
        const char *tag;
    } ALLOWED[] = {
        {CORE, EDGE, "edge-core/1"},           {CORE, WATCHER, "watcher-core/1"},
        {CORE, FANOUT, "fanout-core/1"},       {CORE, API, "api-core/1"},
        {FANOUT, EDGE, "subscriber-fanout/1"}, {FANOUT, API, "subscriber-fanout/1"},
    };
    static const process_kind KINDS[] = {EDGE, CORE, WATCHER, API, FANOUT};
    enum { COUNT = sizeof ALLOWED / sizeof *ALLOWED, KINDS_COUNT = sizeof KINDS / sizeof *KINDS };
    size_t allowed_count = 0;
    for (size_t tag = 0; tag < COUNT; tag++) {
        assert_true(bus_arrows_allow(ALLOWED[tag].host, ALLOWED[tag].comer, str_view_of(ALLOWED[tag].tag)));
        assert_int_equal(bus_arrows_host(str_view_of(ALLOWED[tag].tag)), ALLOWED[tag].host);
        for (size_t host = 0; host < KINDS_COUNT; host++) {
            for (size_t comer = 0; comer < KINDS_COUNT; comer++) {
                allowed_count += bus_arrows_allow(KINDS[host], KINDS[comer], str_view_of(ALLOWED[tag].tag));
            }
        }
    }
    assert_int_equal(allowed_count, 4 + 2 * 2); /* the tag of subscribers was asked for twice */
}

static void what_is_no_arrow_may_be_said_by_nobody(void **state) {
    (void)state;
    static const char *const TAGS[] = {"edge-core/2", "edge-core", "", "core-fanout/1"};
    for (size_t i = 0; i < sizeof TAGS / sizeof *TAGS; i++) {
        assert_false(bus_arrows_allow(CORE, EDGE, str_view_of(TAGS[i])));
        assert_false(bus_arrows_allow(CORE, FANOUT, str_view_of(TAGS[i])));
    }
    assert_false(bus_arrows_allow(CORE, 0, str_view_of("edge-core/1")));
    assert_int_equal(bus_arrows_host(str_view_of("edge-core/2")), 0);
}

static void a_process_needs_the_certificates_of_those_it_talks_with(void **state) {
    (void)state;
    assert_int_equal(bus_arrows_peers_of(EDGE), CORE | FANOUT);
    assert_int_equal(bus_arrows_peers_of(API), CORE | FANOUT);
    assert_int_equal(bus_arrows_peers_of(WATCHER), CORE);
    assert_int_equal(bus_arrows_peers_of(FANOUT), CORE | EDGE | API);
    assert_int_equal(bus_arrows_peers_of(CORE), EDGE | WATCHER | FANOUT | API);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_core_hears_everybody_and_publishes_to_fanouts),
        cmocka_unit_test(a_fanout_hears_edges_and_http_apis_and_publishes_nothing),
        cmocka_unit_test(nobody_connects_to_the_others),
        cmocka_unit_test(each_kind_says_its_own_arrow_only),
        cmocka_unit_test(what_is_no_arrow_may_be_said_by_nobody),
        cmocka_unit_test(a_process_needs_the_certificates_of_those_it_talks_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
