/* view: the newest position wins, snapshots sweep, and the offline ones leave in the order in which they
 * went. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/fanout/core/view.h"

enum { OFFLINE_MAX = 3 };

/* What `put` returns: the status before. */
static presence_status put(view_t *view, const char *user_id, presence_status status, uint64_t epoch,
                           uint64_t seq) {
    view_user user = {str_view_of(user_id), status, {epoch, seq}, 10 * seq, 100 * seq};
    presence_status from;
    assert_int_equal(view_put(view, &user, &from), ZP_OK);
    return from;
}

typedef struct seen_users {
    size_t count;
    char text[400]; /* "a=online@5 b=..." in the order of visits */
} seen_users;

static void note(void *context, const view_user *user, presence_status from) {
    seen_users *seen = context;
    size_t len = strlen(seen->text);
    assert_int_equal(user->user_id.ptr[user->user_id.len], '\0');
    snprintf(seen->text + len, sizeof(seen->text) - len, "%s%s:%s>%s@%d/%d", seen->count ? " " : "",
             user->user_id.ptr, status_name(from), status_name(user->status), (int)user->position.epoch,
             (int)user->position.seq);
    seen->count++;
}

static void assert_walk(const view_t *view, const char *expected) {
    seen_users seen = {0};
    view_walk(view, note, &seen);
    assert_string_equal(seen.text, expected);
}

static void a_user_who_is_not_in_it_was_offline(void **state) {
    (void)state;
    view_t *view = view_new(OFFLINE_MAX);
    assert_int_equal(put(view, "a", STATUS_ONLINE, 1, 5), STATUS_OFFLINE);
    assert_int_equal(put(view, "a", STATUS_AWAY, 1, 6), STATUS_ONLINE);
    assert_int_equal(put(view, "a", STATUS_OFFLINE, 1, 7), STATUS_AWAY);
    assert_int_equal(view_users_count(view), 0);
    assert_int_equal(view_offline_count(view), 1);
    view_destroy(&view);
}

static void what_is_older_changes_nothing(void **state) {
    (void)state;
    view_t *view = view_new(OFFLINE_MAX);
    put(view, "a", STATUS_BUSY, 2, 9);
    assert_int_equal(put(view, "a", STATUS_OFFLINE, 2, 8), STATUS_OFFLINE);
    assert_int_equal(put(view, "a", STATUS_OFFLINE, 1, 99), STATUS_OFFLINE);
    assert_walk(view, "a:busy>busy@2/9");
    assert_int_equal(put(view, "a", STATUS_OFFLINE, 3, 1), STATUS_BUSY); /* a newer epoch */
    view_destroy(&view);
}

static void the_longest_gone_leaves_first(void **state) {
    (void)state;
    view_t *view = view_new(OFFLINE_MAX);
    const char *const users[] = {"a", "b", "c", "d", "e"};
    for (uint64_t i = 0; i < 5; i++) {
        put(view, users[i], STATUS_ONLINE, 1, i + 1);
    }
    put(view, "b", STATUS_OFFLINE, 1, 10);
    put(view, "a", STATUS_OFFLINE, 1, 11);
    put(view, "c", STATUS_OFFLINE, 1, 12);
    put(view, "b", STATUS_ONLINE, 1, 13); /* came back: a is the longest gone */
    put(view, "d", STATUS_OFFLINE, 1, 14);
    assert_int_equal(view_offline_count(view), 3);
    put(view, "e", STATUS_OFFLINE, 1, 15);
    assert_int_equal(view_users_count(view), 1);
    assert_walk(view, "b:online>online@1/13 c:offline>offline@1/12 d:offline>offline@1/14 "
                      "e:offline>offline@1/15");
    view_destroy(&view);
}

static void none_offline_are_kept_where_the_limit_is_zero(void **state) {
    (void)state;
    view_t *view = view_new(0);
    assert_int_equal(put(view, "a", STATUS_ONLINE, 1, 1), STATUS_OFFLINE);
    assert_int_equal(put(view, "a", STATUS_OFFLINE, 1, 2), STATUS_ONLINE);
    assert_int_equal(put(view, "b", STATUS_OFFLINE, 1, 3), STATUS_OFFLINE);
    assert_walk(view, "");
    view_destroy(&view);
}

static void whom_a_snapshot_does_not_name_is_swept(void **state) {
    (void)state;
    view_t *view = view_new(OFFLINE_MAX);
    put(view, "gone", STATUS_ONLINE, 1, 5);
    put(view, "stays", STATUS_ONLINE, 1, 6);
    put(view, "newer", STATUS_BUSY, 1, 9);
    put(view, "was-offline", STATUS_OFFLINE, 1, 7);
    view_begin_snapshot(view);
    put(view, "stays", STATUS_ONLINE, 1, 6);
    put(view, "newer", STATUS_ONLINE, 1, 8); /* older than what is known, but it names the user */
    put(view, "new", STATUS_AWAY, 1, 9);
    seen_users swept = {0};
    view_sweep(view, (log_position){1, 20}, 555, note, &swept);
    assert_string_equal(swept.text, "gone:online>offline@1/20");
    assert_int_equal(view_users_count(view), 3);
    assert_int_equal(put(view, "gone", STATUS_ONLINE, 1, 21), STATUS_OFFLINE);

    view_begin_snapshot(view); /* a second one starts from nothing again */
    seen_users all = {0};
    view_sweep(view, (log_position){2, 1}, 555, note, &all);
    assert_int_equal(all.count, 4);
    assert_int_equal(view_users_count(view), 0);
    assert_int_equal(view_offline_count(view), OFFLINE_MAX);
    view_destroy(&view);
}

static void whoever_is_known_up_to_the_snapshot_is_left_to_the_log(void **state) {
    (void)state;
    view_t *view = view_new(OFFLINE_MAX);
    put(view, "a", STATUS_ONLINE, 1, 20);
    view_begin_snapshot(view);
    seen_users swept = {0};
    view_sweep(view, (log_position){1, 20}, 555, note, &swept);
    assert_int_equal(swept.count, 0);
    assert_int_equal(put(view, "a", STATUS_OFFLINE, 1, 21), STATUS_ONLINE);
    view_destroy(&view);
}

static void ids_are_bytes_not_texts(void **state) {
    (void)state;
    view_t *view = view_new(OFFLINE_MAX);
    char long_id[129];
    memset(long_id, 'x', 128);
    long_id[128] = '\0';
    put(view, long_id, STATUS_ONLINE, 1, 1);
    put(view, "\xc3\xa9", STATUS_ONLINE, 1, 2);
    put(view, "x", STATUS_ONLINE, 1, 3);
    assert_int_equal(view_users_count(view), 3);
    assert_int_equal(put(view, "\xc3\xa9", STATUS_OFFLINE, 1, 4), STATUS_ONLINE);
    view_destroy(&view);
}

static void a_user_is_found_as_last_put(void **state) {
    (void)state;
    view_t *view = view_new(10);
    view_user user;
    assert_false(view_find(view, str_view_of("ann"), &user));
    put(view, "ann", STATUS_AWAY, 2, 7);
    assert_true(view_find(view, str_view_of("ann"), &user));
    assert_int_equal(user.status, STATUS_AWAY);
    assert_int_equal(user.position.epoch, 2);
    assert_int_equal(user.position.seq, 7);
    assert_int_equal(user.since_ms, 700);
    put(view, "ann", STATUS_OFFLINE, 2, 8);
    assert_true(view_find(view, str_view_of("ann"), &user));
    assert_int_equal(user.status, STATUS_OFFLINE);
    view_destroy(&view);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_who_is_not_in_it_was_offline),
        cmocka_unit_test(what_is_older_changes_nothing),
        cmocka_unit_test(a_user_is_found_as_last_put),
        cmocka_unit_test(the_longest_gone_leaves_first),
        cmocka_unit_test(none_offline_are_kept_where_the_limit_is_zero),
        cmocka_unit_test(whom_a_snapshot_does_not_name_is_swept),
        cmocka_unit_test(whoever_is_known_up_to_the_snapshot_is_left_to_the_log),
        cmocka_unit_test(ids_are_bytes_not_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
