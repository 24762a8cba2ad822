#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/presence/status.h"
#include <cmocka.h>

static const presence_status all[] = {STATUS_OFFLINE, STATUS_ONLINE, STATUS_AWAY, STATUS_BUSY,
                                      STATUS_INVISIBLE};
enum { ALL_COUNT = sizeof all / sizeof *all };

static void names_and_letters_lead_back_to_their_status(void **state) {
    (void)state;
    for (int i = 0; i < ALL_COUNT; i++) {
        presence_status by_name = STATUS_OFFLINE;
        presence_status by_letter = STATUS_OFFLINE;
        assert_true(status_from_name(str_view_of(status_name(all[i])), &by_name));
        assert_true(status_from_letter(status_letter(all[i]), &by_letter));
        assert_int_equal(by_name, all[i]);
        assert_int_equal(by_letter, all[i]);
    }
}

static void an_unknown_name_or_letter_leaves_the_result_alone(void **state) {
    (void)state;
    presence_status status = STATUS_BUSY;
    assert_false(status_from_name(str_view_of("Online"), &status));
    assert_false(status_from_name(str_view_of("onlin"), &status));
    assert_false(status_from_name(str_view_of(""), &status));
    assert_false(status_from_letter('x', &status));
    assert_int_equal(status, STATUS_BUSY);
}

static void only_the_five_values_of_the_wire_are_known(void **state) {
    (void)state;
    for (int value = 0; value < ALL_COUNT; value++) {
        assert_true(status_is_known(value));
    }
    assert_false(status_is_known(-1));
    assert_false(status_is_known(ALL_COUNT));
    assert_false(status_is_known(INT32_MAX));
}

static void a_basic_client_sees_online_and_offline_only(void **state) {
    (void)state;
    assert_int_equal(status_basic(STATUS_ONLINE), STATUS_ONLINE);
    assert_int_equal(status_basic(STATUS_AWAY), STATUS_ONLINE);
    assert_int_equal(status_basic(STATUS_BUSY), STATUS_ONLINE);
    assert_int_equal(status_basic(STATUS_OFFLINE), STATUS_OFFLINE);
    assert_int_equal(status_basic(STATUS_INVISIBLE), STATUS_OFFLINE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_letters_lead_back_to_their_status),
        cmocka_unit_test(an_unknown_name_or_letter_leaves_the_result_alone),
        cmocka_unit_test(only_the_five_values_of_the_wire_are_known),
        cmocka_unit_test(a_basic_client_sees_online_and_offline_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
