#include "common/config/settings_table.h"
#include "common_fixture.h"

static void every_default_is_a_value_of_its_own_row(void **state) {
    (void)state;
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const setting_row *row = setting_row_of((setting_id)id);
        int64_t number = 0;
        if (!setting_accepts(row, row->fallback, &number)) {
            fail_msg("%s=%s", row->name, row->fallback);
        }
    }
}

static void every_row_has_users_help_and_a_name_of_its_own(void **state) {
    (void)state;
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const setting_row *row = setting_row_of((setting_id)id);
        assert_int_not_equal(row->users, 0);
        assert_true(row->help[0] != '\0');
        for (int other = 0; other < id; other++) {
            assert_string_not_equal(row->name, setting_row_of((setting_id)other)->name);
        }
    }
}

static void a_number_is_digits_within_its_limits(void **state) {
    (void)state;
    const setting_row *row = setting_row_of(SETTING_PRESENCE_TTL);
    int64_t number = -1;
    assert_true(setting_accepts(row, "1", &number));
    assert_int_equal(number, 1);
    assert_true(setting_accepts(row, "86400", &number));
    assert_int_equal(number, 86400);
    static const char *const refused[] = {"",    "0",  "86401", "-1", "+5",  " 5",  "5 ",
                                          "0x5", "5s", "5.0",   "-",  "1e3", "abc", "99999999999999999999"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (setting_accepts(row, refused[i], &number)) {
            fail_msg("\"%s\" passed", refused[i]);
        }
    }
    assert_int_equal(number, 86400);
}

static void a_choice_is_one_whole_word_of_its_list(void **state) {
    (void)state;
    const setting_row *row = setting_row_of(SETTING_PRESENCE_AUDIENCE);
    int64_t unused = 0;
    assert_true(setting_accepts(row, "all", &unused));
    assert_true(setting_accepts(row, "none", &unused));
    assert_false(setting_accepts(row, "", &unused));
    assert_false(setting_accepts(row, "al", &unused));
    assert_false(setting_accepts(row, "all|role", &unused));
    assert_false(setting_accepts(row, "ALL", &unused));
}

static void what_is_accepted_is_said_in_words(void **state) {
    (void)state;
    char out[SETTING_WORDS_BYTES];
    assert_string_equal(setting_accepted_words(setting_row_of(SETTING_PRESENCE_TTL), out),
                        "a whole number of seconds from 1 to 86400");
    assert_string_equal(setting_accepted_words(setting_row_of(SETTING_PING_INTERVAL), out),
                        "a whole number of milliseconds from 20 to 3600000");
    assert_string_equal(setting_accepted_words(setting_row_of(SETTING_REDIS_PORT), out),
                        "a whole number from 1 to 65535");
    assert_string_equal(setting_accepted_words(setting_row_of(SETTING_PRESENCE_ENABLED), out),
                        "true or false");
    assert_string_equal(setting_accepted_words(setting_row_of(SETTING_PRESENCE_AUDIENCE), out),
                        "one of all, role, none");
    assert_string_equal(setting_accepted_words(setting_row_of(SETTING_CORE_LISTEN), out), "tcp://host:port");
    assert_string_equal(setting_accepted_words(setting_row_of(SETTING_SECRET_KEY), out),
                        "a text without control characters");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_default_is_a_value_of_its_own_row),
        cmocka_unit_test(every_row_has_users_help_and_a_name_of_its_own),
        cmocka_unit_test(a_number_is_digits_within_its_limits),
        cmocka_unit_test(a_choice_is_one_whole_word_of_its_list),
        cmocka_unit_test(what_is_accepted_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
