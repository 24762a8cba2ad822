/* What watchers are told: differences only, each once, never backwards. */
#include "common/presence/watch_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct told {
    char text[1024];
} told;

static void on_tell(void *context, const watch_change *change) {
    told *log = context;
    size_t len = strlen(log->text);
    snprintf(log->text + len, sizeof log->text - len, "%.*s:%c%c ", (int)change->user_id.len,
             change->user_id.ptr, status_letter(change->from), status_letter(change->to));
}

static log_position at(uint64_t epoch, uint64_t seq) {
    return (log_position){epoch, seq};
}

static void state(watch_view_t *view, const char *user, presence_status status, log_position position) {
    assert_int_equal(watch_view_state(view, str_view_of(user), status, position, 0), ZP_OK);
}

static bool apply(watch_view_t *view, const char *user, presence_status to, log_position position) {
    watch_change change;
    return watch_view_apply(view, str_view_of(user), to, position, 0, &change);
}

static void a_first_watcher_is_told_only_what_happened_after_it_came(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = watch_view_new(on_tell, &log);
    watch_view_start(view, at(1, 10));
    watch_view_begin(view);
    state(view, "before", STATUS_ONLINE, at(1, 9));
    state(view, "after", STATUS_ONLINE, at(1, 11));
    state(view, "gone-before", STATUS_OFFLINE, at(1, 8));
    state(view, "gone-after", STATUS_OFFLINE, at(1, 12));
    watch_view_end(view, at(1, 12), 0);
    assert_string_equal(log.text, "after:fo gone-after:of ");
    assert_int_equal(watch_view_users_count(view), 2);
    watch_view_destroy(&view);
}

static void a_second_reading_of_the_state_tells_differences_only(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = watch_view_new(on_tell, &log);
    watch_view_start(view, at(1, 10));
    watch_view_begin(view);
    state(view, "same", STATUS_ONLINE, at(1, 1));
    state(view, "gone", STATUS_ONLINE, at(1, 2));
    state(view, "busy", STATUS_ONLINE, at(1, 3));
    watch_view_end(view, at(1, 10), 0);
    watch_view_begin(view);
    state(view, "same", STATUS_ONLINE, at(1, 1));
    state(view, "busy", STATUS_BUSY, at(1, 12));
    state(view, "new", STATUS_ONLINE, at(1, 13));
    watch_view_end(view, at(1, 13), 0);
    assert_string_equal(log.text, "busy:ob new:fo gone:of ");
    watch_view_destroy(&view);
}

static void an_older_or_repeated_change_is_refused(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = watch_view_new(on_tell, &log);
    watch_view_start(view, at(1, 0));
    watch_view_begin(view);
    watch_view_end(view, at(1, 0), 0);
    assert_true(apply(view, "u", STATUS_ONLINE, at(1, 5)));
    assert_false(apply(view, "u", STATUS_ONLINE, at(1, 6)));
    assert_false(apply(view, "u", STATUS_OFFLINE, at(1, 4)));
    assert_false(apply(view, "u", STATUS_OFFLINE, at(1, 6)));
    assert_true(apply(view, "u", STATUS_OFFLINE, at(1, 7)));
    assert_false(apply(view, "u", STATUS_OFFLINE, at(1, 8)));
    assert_true(apply(view, "u", STATUS_ONLINE, at(2, 1)));
    assert_true(log_position_before(at(1, 8), watch_view_position(view)));
    watch_view_destroy(&view);
}

static void an_older_state_does_not_take_back_a_newer_change(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = watch_view_new(on_tell, &log);
    watch_view_start(view, at(1, 0));
    watch_view_begin(view);
    state(view, "u", STATUS_ONLINE, at(1, 1));
    watch_view_end(view, at(1, 1), 0);
    assert_true(apply(view, "u", STATUS_BUSY, at(1, 9)));
    log.text[0] = '\0';
    watch_view_begin(view);
    state(view, "u", STATUS_ONLINE, at(1, 1));
    watch_view_end(view, at(1, 9), 0);
    assert_string_equal(log.text, "");
    watch_view_destroy(&view);
}

static bool is_newer(const watch_view_t *view, const char *user, log_position position,
                     presence_status *ret_status) {
    return watch_view_is_newer(view, str_view_of(user), position, ret_status);
}

static void what_was_told_stands_above_what_was_read_before_it(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = watch_view_new(on_tell, &log);
    presence_status status = STATUS_AWAY;
    watch_view_start(view, at(1, 0));
    assert_int_equal(watch_view_round(view), 0);
    assert_false(is_newer(view, "gone", at(1, 1), &status)); /* not known: it may be online */
    watch_view_begin(view);
    state(view, "u", STATUS_ONLINE, at(1, 1));
    state(view, "gone", STATUS_ONLINE, at(1, 2));
    watch_view_end(view, at(1, 2), 0);
    assert_int_equal(watch_view_round(view), 1);
    assert_true(apply(view, "gone", STATUS_OFFLINE, at(1, 3)));
    assert_true(apply(view, "u", STATUS_BUSY, at(1, 4)));

    assert_true(is_newer(view, "u", at(1, 1), &status));
    assert_int_equal(status, STATUS_BUSY);
    assert_true(is_newer(view, "gone", at(1, 2), &status));
    assert_int_equal(status, STATUS_OFFLINE);
    /* What was read behind it is news that is still to come. */
    assert_false(is_newer(view, "u", at(1, 5), &status));
    assert_false(is_newer(view, "u", at(1, 4), &status));
    assert_false(is_newer(view, "new", at(1, 5), &status));
    assert_false(is_newer(view, "u", at(2, 1), &status));
    watch_view_forget(view);
    assert_int_equal(watch_view_round(view), 0);
    assert_false(is_newer(view, "gone", at(1, 2), &status));
    watch_view_destroy(&view);
}

/* -- walks -- */

/* Sees up to `most` more, as text. */
static const char *walk_on(watch_walk *walk, size_t most) {
    static char seen[256];
    watched_state user;
    seen[0] = '\0';
    for (size_t i = 0; i < most && watch_walk_next(walk, &user); i++) {
        size_t len = strlen(seen);
        snprintf(seen + len, sizeof seen - len, "%.*s:%c ", (int)user.user_id.len, user.user_id.ptr,
                 status_letter(user.status));
    }
    return seen;
}

static watch_change change_of(watch_view_t *view, const char *user, presence_status to, uint64_t seq) {
    watch_change change = {0};
    assert_true(watch_view_apply(view, str_view_of(user), to, at(1, seq), 0, &change));
    return change;
}

static watch_view_t *with_three(told *log) {
    watch_view_t *view = watch_view_new(on_tell, log);
    watch_view_start(view, at(1, 0));
    watch_view_begin(view);
    state(view, "a", STATUS_ONLINE, at(1, 1));
    state(view, "b", STATUS_ONLINE, at(1, 2));
    state(view, "c", STATUS_ONLINE, at(1, 3));
    watch_view_end(view, at(1, 3), 0);
    return view;
}

static void a_walk_sees_everybody_once_while_they_come_go_and_change(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = with_three(&log);
    watch_walk walk = {0};
    watch_walk_begin(view, &walk);
    assert_string_equal(walk_on(&walk, 1), "a:o ");
    watch_change change = change_of(view, "a", STATUS_BUSY, 4);
    assert_true(watch_walk_has_seen(&walk, &change)); /* must be told */
    change = change_of(view, "c", STATUS_AWAY, 5);
    assert_false(watch_walk_has_seen(&walk, &change)); /* will be seen so */
    change = change_of(view, "b", STATUS_OFFLINE, 6);  /* the very next one */
    assert_false(watch_walk_has_seen(&walk, &change));
    change = change_of(view, "new", STATUS_ONLINE, 7);
    assert_false(watch_walk_has_seen(&walk, &change));
    change = change_of(view, "a", STATUS_OFFLINE, 8);
    assert_true(watch_walk_has_seen(&walk, &change));
    change = change_of(view, "a", STATUS_ONLINE, 9); /* comes back behind all others */
    assert_false(watch_walk_has_seen(&walk, &change));
    assert_string_equal(walk_on(&walk, 10), "c:a new:o a:o ");
    watch_walk_end(&walk);
    watch_view_destroy(&view);
}

static void a_walk_that_stands_at_the_end_sees_who_comes_then(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = with_three(&log);
    watch_walk walk = {0}, other = {0};
    watch_walk_begin(view, &walk);
    watch_walk_begin(view, &other);
    assert_string_equal(walk_on(&walk, 2), "a:o b:o ");
    watch_change change = change_of(view, "c", STATUS_OFFLINE, 4);
    assert_false(watch_walk_has_seen(&walk, &change));
    change = change_of(view, "late", STATUS_ONLINE, 5);
    assert_false(watch_walk_has_seen(&walk, &change));
    assert_string_equal(walk_on(&walk, 10), "late:o ");
    change = change_of(view, "later", STATUS_ONLINE, 6);
    assert_false(watch_walk_has_seen(&walk, &change));
    assert_string_equal(walk_on(&walk, 10), "later:o ");
    assert_string_equal(walk_on(&other, 10), "a:o b:o late:o later:o ");
    watch_walk_end(&walk);
    watch_walk_end(&walk);
    watch_walk_end(&other);
    assert_int_equal(watch_view_users_count(view), 4);
    watch_view_destroy(&view);
}

static void a_view_is_settled_between_two_readings(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = watch_view_new(on_tell, &log);
    watched_state user;
    watch_view_start(view, at(1, 0));
    assert_false(watch_view_is_settled(view));
    watch_view_begin(view);
    assert_int_equal(watch_view_state(view, str_view_of("a"), STATUS_AWAY, at(1, 1), 1234), ZP_OK);
    assert_false(watch_view_is_settled(view));
    watch_view_end(view, at(1, 3), 0);
    assert_true(watch_view_is_settled(view));
    watch_view_find(view, str_view_of("a"), &user);
    assert_int_equal(user.status, STATUS_AWAY);
    assert_int_equal(user.since_ms, 1234);
    watch_view_find(view, str_view_of("b"), &user);
    assert_int_equal(user.status, STATUS_OFFLINE);
    watch_view_begin(view);
    assert_false(watch_view_is_settled(view)); /* what was told so far is not all up to any position */
    watch_view_end(view, at(1, 5), 0);
    assert_true(watch_view_is_settled(view));
    watch_view_destroy(&view);
}

static void a_view_whose_changes_came_out_of_order_is_settled_by_whoever_told_them(void **unused) {
    (void)unused;
    told log = {0};
    watch_view_t *view = with_three(&log); /* up to 3 */
    (void)change_of(view, "a", STATUS_BUSY, 4);
    assert_true(watch_view_is_settled(view));
    assert_false(watch_view_reached(view, at(1, 6))); /* it was: nothing happened in between */
    assert_int_equal(watch_view_position(view).seq, 6);
    (void)change_of(view, "a", STATUS_AWAY, 9);
    assert_false(watch_view_is_settled(view)); /* 7 or 8 may still come */
    (void)change_of(view, "b", STATUS_BUSY, 8);
    assert_false(watch_view_reached(view, at(1, 8))); /* said before 9 was told */
    assert_false(watch_view_is_settled(view));
    assert_true(watch_view_reached(view, at(1, 9)));
    assert_true(watch_view_is_settled(view));
    (void)change_of(view, "c", STATUS_OFFLINE, 10);
    assert_true(watch_view_is_settled(view));
    watch_change change;
    assert_true(watch_view_apply(view, str_view_of("c"), STATUS_ONLINE, at(2, 11), 0, &change));
    assert_false(watch_view_is_settled(view)); /* another epoch: told in no order */
    assert_true(watch_view_reached(view, at(2, 12)));
    watch_view_destroy(&view);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_watcher_is_told_only_what_happened_after_it_came),
        cmocka_unit_test(a_second_reading_of_the_state_tells_differences_only),
        cmocka_unit_test(an_older_or_repeated_change_is_refused),
        cmocka_unit_test(an_older_state_does_not_take_back_a_newer_change),
        cmocka_unit_test(what_was_told_stands_above_what_was_read_before_it),
        cmocka_unit_test(a_walk_sees_everybody_once_while_they_come_go_and_change),
        cmocka_unit_test(a_walk_that_stands_at_the_end_sees_who_comes_then),
        cmocka_unit_test(a_view_is_settled_between_two_readings),
        cmocka_unit_test(a_view_whose_changes_came_out_of_order_is_settled_by_whoever_told_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
