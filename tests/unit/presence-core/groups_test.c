/* group and rosters: who is in which group, and which lists of users have changed since they were read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/accounts_fixture.h"

enum { RESULT_OF_CHANGE = 1, MORE = 1, LISTS = 2, LIST_COLUMNS = 3 };

static const char *memberships_max = "100";

/* Of one user 3 groups, in one group 4 users. */
static const char *change(const char *user, const char *group, const char *joins) {
    run(SCRIPT_GROUP, user, group, joins, "3", "4", "0", memberships_max, NULL);
    return answer_text(RESULT_OF_CHANGE);
}

static const char *enter(const char *user, const char *group) {
    return change(user, group, "1");
}

static const char *go(const char *user, const char *group) {
    return change(user, group, "0");
}

static size_t lists_found(void) {
    return answer->element[LISTS]->elements / LIST_COLUMNS;
}

static const redisReply *list_column(size_t list, size_t column) {
    assert_true(list < lists_found());
    return answer->element[LISTS]->element[list * LIST_COLUMNS + column];
}

static long long list_index(size_t list) {
    return list_column(list, 0)->integer;
}

static const char *list_version(size_t list) {
    return list_column(list, 1)->str;
}

static size_t list_count(size_t list) {
    return list_column(list, 2)->elements;
}

static bool list_has(size_t list, const char *user) {
    const redisReply *users = list_column(list, 2);
    for (size_t i = 0; i < users->elements; i++) {
        if (strcmp(users->element[i]->str, user) == 0) {
            return true;
        }
    }
    return false;
}

/* Kept until the next of the same kind. */
static const char *version_of(const char *kind, const char *id) {
    static char versions[2][24];
    char *version = versions[kind[0] == 'c'];
    run(SCRIPT_ROSTERS, "1000", kind, id, "0", NULL);
    assert_int_equal(lists_found(), 1);
    (void)snprintf(version, sizeof versions[0], "%s", list_version(0));
    return version;
}

static long long group_version(const char *group) {
    return strtoll(version_of("g", group), NULL, 10);
}

static long long contacts_version(const char *user) {
    return strtoll(version_of("c", user), NULL, 10);
}

static size_t keys_of_groups(void) {
    return (size_t)ask_number("EVAL %s 0", "return #redis.call('KEYS', 'presence:group*')");
}

static void who_joins_is_in_the_group_until_they_leave(void **state) {
    (void)state;
    assert_string_equal(enter("a", "team"), "done");
    assert_string_equal(enter("b", "team"), "done");
    assert_string_equal(enter("a", "other"), "done");
    version_of("g", "team");
    assert_int_equal(list_count(0), 2);
    assert_true(list_has(0, "a") && list_has(0, "b"));
    assert_int_equal(ask_number("SCARD presence:groups:a"), 2);
    assert_string_equal(go("a", "team"), "done");
    version_of("g", "team");
    assert_int_equal(list_count(0), 1);
    assert_true(list_has(0, "b"));
    assert_int_equal(ask_number("SCARD presence:groups:a"), 1);
    assert_int_equal(ask_number("SISMEMBER presence:groups:a other"), 1);
}

static void every_change_makes_a_version_of_its_own(void **state) {
    (void)state;
    long long before = 0;
    for (int i = 0; i < 20; i++) {
        (void)enter("a", "team");
        (void)(i % 2 == 0 ? enter("b", "team") : go("b", "team"));
        long long version = group_version("team");
        assert_true(version > before);
        before = version;
    }
    assert_true(before > 1700000000000000); /* unix us */
}

/* Also while the clock stands, or has been set back. */
static void a_version_is_above_the_one_before_whatever_the_clock_says(void **state) {
    (void)state;
    (void)enter("a", "team");
    ask("HSET presence:group-versions team 9000000000000000");
    (void)enter("b", "team");
    assert_int_equal(group_version("team"), 9000000000000001);
    ask("HSET presence:account:tv created_at 1 contacts_version 9000000000000000");
    ask("HSET presence:meta:mum status f");
    (void)change_contact(fresh_nonce(), "tv", "add", "mum", "-");
    assert_int_equal(contacts_version("tv"), 9000000000000001);
}

static void what_is_so_already_changes_nothing(void **state) {
    (void)state;
    (void)enter("a", "team");
    long long version = group_version("team");
    assert_string_equal(enter("a", "team"), "done");
    assert_string_equal(go("b", "team"), "done");
    assert_int_equal(group_version("team"), version);
    assert_int_equal(list_count(0), 1);
    assert_int_equal(ask_number("EXISTS presence:groups:b"), 0);
}

static void a_group_that_nobody_is_in_leaves_nothing_behind(void **state) {
    (void)state;
    assert_string_equal(go("a", "made-up"), "done");
    assert_int_equal(keys_of_groups(), 0);
    (void)enter("a", "team");
    (void)enter("b", "team");
    (void)go("b", "team");
    assert_int_equal(keys_of_groups(), 3);
    (void)go("a", "team");
    assert_int_equal(keys_of_groups(), 0);
    assert_int_equal(group_version("team"), 1);
}

static void a_group_that_comes_back_has_a_version_that_it_never_had(void **state) {
    (void)state;
    (void)enter("a", "team");
    long long version = group_version("team");
    (void)go("a", "team");
    (void)enter("a", "team");
    assert_true(group_version("team") > version);
}

static void a_user_is_in_no_more_groups_than_allowed(void **state) {
    (void)state;
    static const char *const groups[] = {"g1", "g2", "g3", "g4"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(enter("a", groups[i]), i < 3 ? "done" : "too-many");
    }
    assert_int_equal(ask_number("EXISTS presence:group:g4"), 0);
    assert_int_equal(ask_number("HEXISTS presence:group-versions g4"), 0);
    assert_int_equal(ask_number("SCARD presence:groups:a"), 3);
    assert_string_equal(enter("a", "g1"), "done"); /* is in it */
    (void)go("a", "g1");
    assert_string_equal(enter("a", "g4"), "done");
}

static void no_more_users_are_in_a_group_than_allowed(void **state) {
    (void)state;
    static const char *const users[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(enter(users[i], "team"), "done");
    }
    long long version = group_version("team");
    assert_string_equal(enter("e", "team"), "full");
    assert_int_equal(group_version("team"), version);
    assert_int_equal(list_count(0), 4);
    assert_int_equal(ask_number("EXISTS presence:groups:e"), 0);
    assert_string_equal(enter("a", "team"), "done"); /* is in it */
    (void)go("a", "team");
    assert_string_equal(enter("e", "team"), "done");
}

static void only_lists_that_have_changed_are_answered(void **state) {
    (void)state;
    (void)enter("a", "one");
    (void)enter("b", "two");
    char one[24];
    char two[24];
    (void)snprintf(one, sizeof one, "%s", version_of("g", "one"));
    (void)snprintf(two, sizeof two, "%s", version_of("g", "two"));
    run(SCRIPT_ROSTERS, "1000", "g", "one", one, "g", "two", two, "g", "nobody", "1", "c", "nobody", "1",
        NULL);
    assert_int_equal(lists_found(), 0);
    assert_int_equal(answer_number(MORE), 0);
    (void)enter("c", "two");
    run(SCRIPT_ROSTERS, "1000", "g", "one", one, "g", "two", two, "g", "nobody", "0", NULL);
    assert_int_equal(lists_found(), 2);
    assert_int_equal(list_index(0), 2);
    assert_int_equal(list_count(0), 2);
    assert_string_not_equal(list_version(0), two);
    assert_int_equal(list_index(1), 3);
    assert_string_equal(list_version(1), "1");
    assert_int_equal(list_count(1), 0);
}

static void fill_three_groups(void) {
    static const char *const groups[] = {"g1", "g2", "g3"};
    for (size_t i = 0; i < 3; i++) {
        (void)enter("a", groups[i]);
        (void)enter("b", groups[i]);
    }
}

static void what_would_be_too_much_is_left_for_the_next_question(void **state) {
    (void)state;
    fill_three_groups();
    run(SCRIPT_ROSTERS, "4", "g", "g1", "0", "g", "g2", "0", "g", "g3", "0", NULL);
    assert_int_equal(lists_found(), 2);
    assert_int_equal(answer_number(MORE), 1);
    run(SCRIPT_ROSTERS, "3", "g", "g1", "0", "g", "g2", "0", "g", "nobody", "0", NULL);
    assert_int_equal(lists_found(), 1);
    assert_int_equal(answer_number(MORE), 1);
    run(SCRIPT_ROSTERS, "6", "g", "g1", "0", "g", "g2", "0", "g", "g3", "0", NULL);
    assert_int_equal(lists_found(), 3);
    assert_int_equal(answer_number(MORE), 0);
}

/* Else who asks would ask for ever. */
static void one_list_at_least_is_answered(void **state) {
    (void)state;
    fill_three_groups();
    run(SCRIPT_ROSTERS, "1", "g", "nobody", "1", "g", "g1", "0", "g", "g2", "0", NULL);
    assert_int_equal(lists_found(), 1);
    assert_int_equal(list_index(0), 2);
    assert_int_equal(list_count(0), 2);
    assert_int_equal(answer_number(MORE), 1);
    run(SCRIPT_ROSTERS, "1", "g", "g1", "0", NULL);
    assert_int_equal(answer_number(MORE), 0);
}

static void contacts_are_a_list_too(void **state) {
    (void)state;
    assert_int_equal(contacts_version("tv"), 1);
    assert_int_equal(list_count(0), 0);
    register_user("tv");
    register_user("mum");
    register_user("dad");
    assert_int_equal(contacts_version("tv"), 1);
    (void)change_contact(fresh_nonce(), "tv", "add", "mum", "1");
    (void)change_contact(fresh_nonce(), "tv", "add", "dad", "-");
    assert_true(contacts_version("tv") > 1700000000000000);
    assert_int_equal(list_count(0), 2);
    assert_true(list_has(0, "mum") && list_has(0, "dad"));
    assert_int_equal(contacts_version("mum"), 1);
    (void)enter("tv", "mum"); /* a group of that name is another list */
    run(SCRIPT_ROSTERS, "1000", "c", "mum", "1", "g", "mum", "1", NULL);
    assert_int_equal(lists_found(), 1);
    assert_int_equal(list_index(0), 2);
}

static void contacts_have_a_new_version_when_one_comes_or_goes(void **state) {
    (void)state;
    register_user("tv");
    register_user("mum");
    const char *nonce = "00000000000000f1";
    (void)change_contact(nonce, "tv", "add", "mum", "-");
    long long added = contacts_version("tv");
    static const char *const nothing[][2] = {
        {"set", "mum"}, {"add", "mum"}, {"remove", "dad"}, {"add", "ghost"}};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        (void)change_contact(fresh_nonce(), "tv", nothing[i][0], nothing[i][1], "1");
        assert_int_equal(contacts_version("tv"), added);
    }
    (void)change_contact("00000000000000f2", "tv", "remove", "mum", "-");
    long long removed = contacts_version("tv");
    assert_true(removed > added);
    assert_int_equal(list_count(0), 0);
    (void)change_contact(nonce, "tv", "add", "mum", "-"); /* carried out before */
    assert_int_equal(contacts_version("tv"), removed);
}

static void a_spoilt_version_is_as_none(void **state) {
    (void)state;
    static const char *const spoilt[] = {"x", "-5", "", "1.5", "9007199254740993", "99999999999999999999"};
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        (void)enter("a", "team");
        ask("HSET presence:group-versions team %s", spoilt[i]);
        assert_int_equal(group_version("team"), 1);
        assert_int_equal(list_count(0), 1);
        assert_string_equal(enter("b", "team"), "done");
        assert_in_range((uint64_t)group_version("team"), 1700000000000000, UINT64_C(1) << 53);
        (void)go("b", "team");
    }
}

static void all_groups_together_have_so_many_members(void **state) {
    (void)state;
    memberships_max = "3";
    (void)enter("a", "team");
    (void)enter("a", "other");
    (void)enter("b", "team");
    assert_string_equal(enter("c", "team"), "no-room");
    assert_string_equal(enter("a", "team"), "done"); /* is in already */
    assert_int_equal(ask_number("GET presence:memberships"), 3);
    (void)go("b", "team");
    (void)go("b", "team");
    assert_string_equal(enter("c", "third"), "done");
    (void)go("c", "third");
    (void)go("a", "team");
    (void)go("a", "other");
    assert_int_equal(ask_number("EXISTS presence:memberships"), 0);
    memberships_max = "100";
}

static void what_comes_too_late_changes_nothing(void **state) {
    (void)state;
    (void)enter("a", "team");
    long long version = group_version("team");
    run(SCRIPT_GROUP, "b", "team", "1", "3", "4", "1700000000000", "9", NULL);
    assert_string_equal(answer_text(RESULT_OF_CHANGE), "late");
    run(SCRIPT_GROUP, "a", "team", "0", "3", "4", "1700000000000", "9", NULL);
    assert_string_equal(answer_text(RESULT_OF_CHANGE), "late");
    assert_int_equal(group_version("team"), version);
    run(SCRIPT_GROUP, "b", "team", "1", "3", "4", "9000000000000", "9", NULL);
    assert_string_equal(answer_text(RESULT_OF_CHANGE), "done");
}

static bool is_refused(script_id script, int argc, const char **argv) {
    const redisReply *reply = run_raw(script, argc, argv, NULL);
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "EPOCH", 5) == 0;
}

static void under_another_epoch_nothing_is_changed_or_answered(void **state) {
    (void)state;
    (void)enter("a", "team");
    long long version = group_version("team");
    const char *join_argv[] = {"1", TTL_MS, "2592000000", "1000", "b", "team", "1", "3", "4", "0", "9"};
    const char *leave_argv[] = {"1", TTL_MS, "2592000000", "1000", "a", "team", "0", "3", "4", "0", "9"};
    const char *ask_argv[] = {"1", TTL_MS, "2592000000", "1000", "1000", "g", "team", "0"};
    assert_true(is_refused(SCRIPT_GROUP, 11, join_argv));
    assert_true(is_refused(SCRIPT_GROUP, 11, leave_argv));
    assert_true(is_refused(SCRIPT_ROSTERS, 8, ask_argv));
    assert_int_equal(group_version("team"), version);
    assert_int_equal(list_count(0), 1);
    assert_true(list_has(0, "a"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, redis_fresh)
    const struct CMUnitTest tests[] = {
        TEST(who_joins_is_in_the_group_until_they_leave),
        TEST(every_change_makes_a_version_of_its_own),
        TEST(a_version_is_above_the_one_before_whatever_the_clock_says),
        TEST(what_is_so_already_changes_nothing),
        TEST(a_group_that_nobody_is_in_leaves_nothing_behind),
        TEST(a_group_that_comes_back_has_a_version_that_it_never_had),
        TEST(a_user_is_in_no_more_groups_than_allowed),
        TEST(no_more_users_are_in_a_group_than_allowed),
        TEST(only_lists_that_have_changed_are_answered),
        TEST(what_would_be_too_much_is_left_for_the_next_question),
        TEST(one_list_at_least_is_answered),
        TEST(contacts_are_a_list_too),
        TEST(contacts_have_a_new_version_when_one_comes_or_goes),
        TEST(a_spoilt_version_is_as_none),
        TEST(all_groups_together_have_so_many_members),
        TEST(what_comes_too_late_changes_nothing),
        TEST(under_another_epoch_nothing_is_changed_or_answered),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}
