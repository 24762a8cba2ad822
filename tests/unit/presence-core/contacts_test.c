/* account_contact and account_contacts: who is whose contact, once however often it is asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/presence-core/accounts_fixture.h"

static int with_a_user(void **state) {
    redis_fresh(state);
    register_user("tv");
    register_user("mum");
    return join("e1", "ws-edge-1", "-") ? 0 : -1;
}

static const char *change(const char *what, const char *contact, const char *favorite) {
    return change_contact(fresh_nonce(), "tv", what, contact, favorite);
}

static void a_contact_is_added_changed_and_removed(void **state) {
    (void)state;
    assert_string_equal(change("add", "mum", "-"), "done");
    assert_string_equal(row_column(0, USERNAME), "mum");
    assert_string_equal(row_column(0, IS_FAVORITE), "0");
    assert_true(strtoll(row_column(0, ADDED_AT), NULL, 10) > 1700000000000);
    char added_at[24];
    (void)snprintf(added_at, sizeof added_at, "%s", row_column(0, ADDED_AT));
    usleep(3000);
    assert_string_equal(change("set", "mum", "1"), "done");
    assert_string_equal(row_column(0, IS_FAVORITE), "1");
    assert_string_equal(row_column(0, ADDED_AT), added_at);
    assert_string_equal(change("add", "mum", "-"), "done"); /* is one already: stays a favourite */
    assert_string_equal(row_column(0, IS_FAVORITE), "1");
    assert_string_equal(row_column(0, ADDED_AT), added_at);
    assert_string_equal(change("add", "mum", "0"), "done");
    assert_string_equal(row_column(0, IS_FAVORITE), "0");
    assert_string_equal(change("remove", "mum", "-"), "done");
    assert_int_equal(rows_found(), 0);
    assert_string_equal(read_contacts("tv", ""), "done");
    assert_int_equal(rows_found(), 0);
}

static void who_is_no_contact_cannot_be_changed_or_removed(void **state) {
    (void)state;
    assert_string_equal(change("set", "mum", "1"), "no-contact");
    assert_string_equal(change("remove", "mum", "-"), "no-contact");
    assert_string_equal(read_contacts("tv", "mum"), "no-contact");
    assert_int_equal(ask_number("EXISTS presence:contacts:tv"), 0);
}

static void a_stranger_has_no_contacts(void **state) {
    (void)state;
    assert_string_equal(change_contact(fresh_nonce(), "nobody", "add", "mum", "-"), "no-user");
    assert_string_equal(read_contacts("nobody", ""), "no-user");
    assert_int_equal(ask_number("EXISTS presence:contacts:nobody presence:asked:nobody"), 0);
}

static void who_was_never_heard_of_cannot_be_a_contact_but_a_user_without_account_can(void **state) {
    (void)state;
    assert_string_equal(change("add", "ws", "-"), "nobody");
    say("e1", "ws", 1, "o");
    assert_string_equal(change("add", "ws", "1"), "done");
    assert_string_equal(row_column(0, CREATED_AT), "0");
    assert_string_equal(row_column(0, STATUS), "o");
    assert_string_equal(row_column(0, IS_ONLINE), "1");
}

static void asked_twice_it_is_carried_out_once_and_answered_the_same(void **state) {
    (void)state;
    change_contact("00000000000000a1", "tv", "add", "mum", "1");
    change_contact("00000000000000a2", "tv", "remove", "mum", "-");
    /* A core that stood still since carries them out now, the other way round. */
    assert_string_equal(change_contact("00000000000000a2", "tv", "remove", "mum", "-"), "done");
    assert_string_equal(change_contact("00000000000000a1", "tv", "add", "mum", "1"), "done");
    assert_int_equal(rows_found(), 0);
    assert_int_equal(ask_number("EXISTS presence:contacts:tv"), 0);
    assert_string_equal(change_contact("00000000000000a3", "tv", "remove", "mum", "-"), "no-contact");
    change_contact("00000000000000a4", "tv", "add", "mum", "-");
    assert_string_equal(change_contact("00000000000000a3", "tv", "remove", "mum", "-"), "no-contact");
    assert_int_equal(rows_found(), 1);
}

static void there_are_no_more_contacts_than_allowed(void **state) {
    (void)state;
    const char *users[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        register_user(users[i]);
        assert_string_equal(change("add", users[i], "-"), i < 3 ? "done" : "contacts-full");
    }
    assert_string_equal(change("add", "a", "1"), "done");
    assert_string_equal(change("remove", "a", "-"), "done");
    assert_string_equal(change("add", "d", "-"), "done");
    assert_string_equal(read_contacts("tv", ""), "done");
    assert_int_equal(rows_found(), 3);
}

static void contacts_are_listed_with_presence_and_without_metadata(void **state) {
    (void)state;
    run(SCRIPT_ACCOUNT_WRITE, HTTP_TTL_MS, FRESHNESS_MS, "mum", fresh_nonce(), "0", "9", "display_name",
        "Mum", "metadata", "{\"secret\":1}", NULL);
    change("add", "mum", "1");
    say("e1", "mum", 1, "a");
    assert_string_equal(read_contacts("tv", ""), "done");
    assert_int_equal(rows_found(), 1);
    assert_string_equal(row_column(0, DISPLAY_NAME), "Mum");
    assert_string_equal(row_column(0, METADATA), "");
    assert_string_equal(row_column(0, STATUS), "a");
    assert_string_equal(row_column(0, IS_ONLINE), "0");
    assert_string_equal(row_column(0, IS_FAVORITE), "1");
    assert_string_equal(read_contacts("tv", "mum"), "done");
    assert_string_equal(row_column(0, IS_FAVORITE), "1");
}

static void an_invisible_contact_is_shown_as_offline(void **state) {
    (void)state;
    change("add", "mum", "-");
    say("e1", "mum", 1, "i");
    read_contacts("tv", "");
    assert_string_equal(row_column(0, STATUS), "f");
    assert_string_equal(row_column(0, IS_ONLINE), "0");
    assert_string_equal(row_column(0, SINCE), "0");
    assert_string_equal(row_column(0, PRESENCE_LAST_SEEN), "0");
}

static void looking_at_contacts_is_no_sign_of_life_of_them(void **state) {
    (void)state;
    change("add", "mum", "-");
    char before[24];
    (void)snprintf(before, sizeof before, "%s", ask("HGET presence:account:mum last_seen"));
    usleep(3000);
    read_contacts("tv", "");
    assert_string_equal(ask("HGET presence:account:mum last_seen"), before);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_contact_is_added_changed_and_removed, with_a_user),
        cmocka_unit_test_setup(who_is_no_contact_cannot_be_changed_or_removed, with_a_user),
        cmocka_unit_test_setup(a_stranger_has_no_contacts, with_a_user),
        cmocka_unit_test_setup(who_was_never_heard_of_cannot_be_a_contact_but_a_user_without_account_can,
                               with_a_user),
        cmocka_unit_test_setup(asked_twice_it_is_carried_out_once_and_answered_the_same, with_a_user),
        cmocka_unit_test_setup(there_are_no_more_contacts_than_allowed, with_a_user),
        cmocka_unit_test_setup(contacts_are_listed_with_presence_and_without_metadata, with_a_user),
        cmocka_unit_test_setup(an_invisible_contact_is_shown_as_offline, with_a_user),
        cmocka_unit_test_setup(looking_at_contacts_is_no_sign_of_life_of_them, with_a_user),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}
