/* setting_rules: numbers that do not go together are refused, by those who read them all. */
#include "common/config/setting_rules.h"
#include "common/config/settings_table.h"
#include "common_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *refusal(process_kind kind) {
    config_t *config = NULL;
    bool leave = false;
    char name[] = "test";
    char *argv[] = {name, NULL};
    capture_begin(STDERR_FILENO);
    zp_error error = config_load(&config, &leave, kind, 1, argv);
    const char *output = capture_end();
    assert_int_equal(error, ZP_INVALID);
    assert_null(config);
    return output;
}

static void assert_accepted(process_kind kind) {
    config_t *config = load_config(kind);
    config_destroy(&config);
}

static void set_integer(setting_id id, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    setenv(setting_row_of(id)->name, text, 1);
}

static process_kind some_user(const setting_rule *rule) {
    unsigned users = setting_rule_users(rule);
    return (process_kind)(users & (~users + 1));
}

/* -- the table -- */

static void every_rule_has_somebody_who_checks_it_and_one_unit(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTING_RULES_COUNT; i++) {
        const setting_rule *rule = &SETTING_RULES[i];
        const setting_row *larger = setting_row_of(rule->larger);
        assert_int_not_equal(setting_rule_users(rule), 0);
        for (size_t j = 0; j < rule->terms_count; j++) {
            assert_string_equal(setting_row_of(rule->terms[j].smaller)->unit, larger->unit);
        }
    }
}

static int64_t largest_of(const void *context, setting_id id) {
    (void)context;
    return setting_row_of(id)->largest;
}

static void every_rule_can_be_kept_whatever_the_others_are(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTING_RULES_COUNT; i++) {
        const setting_rule *rule = &SETTING_RULES[i];
        assert_true(setting_rule_needed(rule, largest_of, NULL) <= setting_row_of(rule->larger)->largest);
    }
}

static void the_defaults_go_together(void **state) {
    (void)state;
    static const process_kind kinds[] = {EDGE, CORE, WATCHER, API, FANOUT};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_accepted(kinds[i]);
    }
}

/* By the numbers of the table: whoever adds a row has it tested. */
static void what_is_just_enough_is_accepted_and_one_less_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < SETTING_RULES_COUNT; i++) {
        const setting_rule *rule = &SETTING_RULES[i];
        clean_environment(NULL);
        for (size_t j = 0; j < rule->terms_count; j++) {
            set_integer(rule->terms[j].smaller, 1000);
        }
        int64_t needed = 0;
        for (size_t j = 0; j < rule->terms_count; j++) {
            needed += 1000 * rule->terms[j].times;
        }
        /* Rows that stand on the same settings are kept meanwhile. */
        setenv("PEER_TIMEOUT_MS", "600000", 1);
        set_integer(rule->larger, needed);
        assert_accepted(some_user(rule));
        set_integer(rule->larger, needed - 1);
        assert_contains(refusal(some_user(rule)), setting_row_of(rule->larger)->name);
    }
}

/* -- what is said -- */

static void a_lease_that_ends_between_two_beats_is_refused_by_the_core(void **state) {
    (void)state;
    setenv("BEAT_INTERVAL_MS", "6000", 1);
    setenv("PEER_TIMEOUT_MS", "15000", 1);
    assert_string_equal(
        refusal(CORE),
        "presence-core: EDGE_LEASE_MS=5000 does not go with BEAT_INTERVAL_MS=6000 and "
        "CLOCK_TICK_MS=500: every edge loses its lease between two beats; EDGE_LEASE_MS of at least "
        "7000 ms (BEAT_INTERVAL_MS + 2 * CLOCK_TICK_MS) is needed, or less of the others\n");
    assert_accepted(EDGE); /* which knows nothing of leases' length */
}

static void whoever_reads_beats_refuses_a_timeout_between_two_of_them(void **state) {
    (void)state;
    setenv("BEAT_INTERVAL_MS", "2000", 1);
    assert_string_equal(
        refusal(FANOUT),
        "fanout: PEER_TIMEOUT_MS=2500 does not go with BEAT_INTERVAL_MS=2000: processes that live "
        "are taken for dead between two beats; PEER_TIMEOUT_MS of at least 4000 ms (2 * "
        "BEAT_INTERVAL_MS) is needed, or less of the other\n");
}

static void all_that_does_not_go_together_is_said_at_once(void **state) {
    (void)state;
    setenv("EDGE_LEASE_MS", "100", 1);
    setenv("BEAT_INTERVAL_MS", "60000", 1);
    setenv("PEER_TIMEOUT_MS", "50", 1);
    setenv("LEAVE_SETTLE_MS", "700", 1);
    const char *said = refusal(CORE);
    assert_contains(said, "PEER_TIMEOUT_MS=50 does not go with BEAT_INTERVAL_MS=60000");
    assert_contains(said, "EDGE_LEASE_MS=100 does not go with BEAT_INTERVAL_MS=60000");
    assert_contains(said, "ACK_TIMEOUT_MS=1000 does not go with LEAVE_SETTLE_MS=700");
}

static void a_value_that_is_refused_itself_is_not_compared(void **state) {
    (void)state;
    setenv("BEAT_INTERVAL_MS", "2000", 1);
    setenv("PEER_TIMEOUT_MS", "soon", 1);
    assert_lacks(refusal(FANOUT), "does not go with");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_rule_has_somebody_who_checks_it_and_one_unit, clean_environment),
        cmocka_unit_test_setup(every_rule_can_be_kept_whatever_the_others_are, clean_environment),
        cmocka_unit_test_setup(the_defaults_go_together, clean_environment),
        cmocka_unit_test_setup(what_is_just_enough_is_accepted_and_one_less_refused, clean_environment),
        cmocka_unit_test_setup(a_lease_that_ends_between_two_beats_is_refused_by_the_core, clean_environment),
        cmocka_unit_test_setup(whoever_reads_beats_refuses_a_timeout_between_two_of_them, clean_environment),
        cmocka_unit_test_setup(all_that_does_not_go_together_is_said_at_once, clean_environment),
        cmocka_unit_test_setup(a_value_that_is_refused_itself_is_not_compared, clean_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
