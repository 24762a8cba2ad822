/* feed: from nothing to a whole view, and back to one after each thing that can go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/fanout/core/feed.h"

enum { WINDOW_MS = 20, ANSWER_MS = 1000, NOW_UNIX_MS = 777 };

typedef struct told_changes {
    size_t count;
    char text[600]; /* "user:from>to@epoch/seq ..." since the last look */
    uint64_t at_ms; /* of the last one */
} told_changes;

static void note_change(void *context, const feed_change *change) {
    told_changes *told = context;
    size_t len = strlen(told->text);
    snprintf(told->text + len, sizeof(told->text) - len, "%s%.*s:%s>%s@%d/%d", len ? " " : "",
             (int)change->user_id.len, change->user_id.ptr, status_name(change->from),
             status_name(change->to), (int)change->position.epoch, (int)change->position.seq);
    told->at_ms = change->at_ms;
    told->count++;
}

static void assert_told(told_changes *told, const char *expected) {
    assert_string_equal(told->text, expected);
    told->text[0] = '\0';
}

static feed_t *new_feed(told_changes *told) {
    feed_options options = {WINDOW_MS, 100, 100, ANSWER_MS};
    *told = (told_changes){0};
    feed_t *feed = feed_new(&options, note_change, told);
    assert_non_null(feed);
    return feed;
}

static transition_batch *batch_of(uint64_t epoch, uint64_t seq, const char *user_id, presence_status to) {
    transition_batch *batch = transition_batch_new(epoch, seq, seq, strlen(user_id));
    transition value = {str_view_of(user_id), to, 1000 + seq, 1000 + seq};
    transition_batch_set(batch, seq, &value);
    return batch;
}

static view_user state_of(const char *user_id, presence_status status, uint64_t seq) {
    return (view_user){str_view_of(user_id), status, {0, seq}, 5, 6};
}

static feed_request asked(feed_t *feed, uint64_t now_ms, feed_request_kind kind) {
    feed_request request;
    assert_true(feed_next_request(feed, now_ms, &request));
    assert_int_equal(request.kind, kind);
    return request;
}

static void assert_asks_nothing(feed_t *feed, uint64_t now_ms) {
    feed_request request;
    assert_false(feed_next_request(feed, now_ms, &request));
}

static void answer_snapshot(feed_t *feed, uint64_t id, log_position position, const view_user *users,
                            size_t count, bool last) {
    feed_hear_snapshot(feed, id, FEED_OK, position, users, count, last, 0, NOW_UNIX_MS);
}

/* A feed that follows epoch 1 from seq 10 on, with `ann` online. */
static feed_t *following(told_changes *told) {
    feed_t *feed = new_feed(told);
    feed_hear_position(feed, (log_position){1, 10}, false, 0);
    feed_request request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    view_user users[] = {state_of("ann", STATUS_ONLINE, 4)};
    answer_snapshot(feed, request.id, (log_position){1, 10}, users, 1, true);
    assert_told(told, "ann:offline>online@1/4");
    assert_true(feed_is_complete(feed) && feed_is_current(feed));
    assert_int_equal(feed_position(feed).seq, 10);
    assert_true(feed_due_ms(feed) == UINT64_MAX);
    return feed;
}

static void nothing_is_asked_before_a_position_is_known_and_the_data_are_whole(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = new_feed(&told);
    assert_asks_nothing(feed, 0);
    feed_hear_position(feed, (log_position){0, 0}, false, 0); /* a core without Redis */
    feed_hear_position(feed, (log_position){1, 10}, true, 0);
    feed_hear_transitions(feed, batch_of(1, 11, "ann", STATUS_ONLINE), 0);
    assert_asks_nothing(feed, 0);
    assert_true(feed_is_rebuilding(feed));
    assert_int_equal(feed_horizon(feed).seq, 11);
    feed_hear_position(feed, (log_position){1, 11}, false, 0);
    asked(feed, 0, FEED_ASK_SNAPSHOT);
    assert_told(&told, "");
    feed_destroy(&feed);
}

static void the_log_is_followed_from_before_the_snapshot(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = new_feed(&told);
    feed_hear_position(feed, (log_position){1, 10}, false, 0);
    feed_request request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    assert_int_equal(request.after.len, 0);
    feed_hear_transitions(feed, batch_of(1, 12, "zoe", STATUS_ONLINE), 0);
    view_user first[] = {state_of("ann", STATUS_ONLINE, 4), state_of("bob", STATUS_ONLINE, 12 - 2)};
    answer_snapshot(feed, request.id, (log_position){1, 11}, first, 2, false);
    request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    assert_memory_equal(request.after.ptr, "bob", 3);
    view_user second[] = {state_of("zoe", STATUS_AWAY, 13)};
    answer_snapshot(feed, request.id, (log_position){1, 13}, second, 1, true);
    assert_told(&told, "ann:offline>online@1/4 bob:offline>online@1/10 zoe:offline>away@1/13");
    assert_false(feed_is_complete(feed));
    request = asked(feed, 0, FEED_ASK_REPLAY); /* at once: 11 and 13 are known to be missing */
    assert_int_equal(request.from.seq, 11);
    feed_hear_replay(feed, request.id, FEED_OK, batch_of(1, 11, "ann", STATUS_OFFLINE), (log_position){1, 13},
                     0);
    assert_told(&told, "ann:online>offline@1/11"); /* 12 is older than what the snapshot said of zoe */
    assert_false(feed_is_complete(feed));
    request = asked(feed, 0, FEED_ASK_REPLAY);
    assert_int_equal(request.from.seq, 13);
    feed_hear_replay(feed, request.id, FEED_OK, batch_of(1, 13, "zoe", STATUS_AWAY), (log_position){1, 13},
                     0);
    assert_true(feed_is_complete(feed));
    assert_int_equal(feed_position(feed).seq, 13);
    assert_told(&told, "");
    assert_asks_nothing(feed, 0);
    feed_destroy(&feed);
}

static void a_silent_core_is_asked_again_and_then_another(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = new_feed(&told);
    feed_hear_position(feed, (log_position){1, 10}, false, 0);
    feed_request first = asked(feed, 0, FEED_ASK_SNAPSHOT);
    assert_asks_nothing(feed, ANSWER_MS - 1);
    assert_int_equal(feed_due_ms(feed), ANSWER_MS);
    feed_request second = asked(feed, ANSWER_MS, FEED_ASK_SNAPSHOT);
    assert_int_equal(second.id, first.id);
    assert_int_equal(second.attempt, first.attempt + 1);
    feed_ask_again(feed, ANSWER_MS, 0); /* the one asked is gone */
    asked(feed, ANSWER_MS, FEED_ASK_SNAPSHOT);
    feed_hear_snapshot(feed, first.id, FEED_LATER, (log_position){0}, NULL, 0, false, ANSWER_MS, NOW_UNIX_MS);
    assert_asks_nothing(feed, ANSWER_MS);
    asked(feed, 2 * ANSWER_MS, FEED_ASK_SNAPSHOT);
    answer_snapshot(feed, first.id, (log_position){1, 10}, NULL, 0, true); /* a late answer is an answer */
    assert_true(feed_is_complete(feed));
    feed_destroy(&feed);
}

static void in_order_transitions_are_told_at_once_and_once(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_transitions(feed, batch_of(1, 11, "bob", STATUS_ONLINE), 0);
    assert_told(&told, "bob:offline>online@1/11");
    assert_int_equal(feed_position(feed).seq, 11);
    feed_hear_transitions(feed, batch_of(1, 11, "bob", STATUS_ONLINE), 0);
    assert_told(&told, "");
    assert_int_equal(feed_counted(feed)->duplicates, 1);
    feed_hear_transitions(feed, batch_of(1, 12, "bob", STATUS_ONLINE), 0); /* what is so already is no news */
    assert_told(&told, "");
    feed_hear_transitions(feed, batch_of(1, 13, "bob", STATUS_OFFLINE), 0);
    assert_told(&told, "bob:online>offline@1/13");
    feed_destroy(&feed);
}

static void a_gap_is_repaired_after_the_window(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_transitions(feed, batch_of(1, 12, "bob", STATUS_ONLINE), 100);
    assert_told(&told, "");
    assert_asks_nothing(feed, 100 + WINDOW_MS - 1);
    assert_int_equal(feed_due_ms(feed), 100 + WINDOW_MS);
    feed_request request = asked(feed, 100 + WINDOW_MS, FEED_ASK_REPLAY);
    assert_int_equal(request.from.epoch, 1);
    assert_int_equal(request.from.seq, 11);
    assert_asks_nothing(feed, 100 + WINDOW_MS);
    feed_hear_replay(feed, request.id, FEED_OK, batch_of(1, 11, "bob", STATUS_AWAY), (log_position){1, 12},
                     130);
    assert_told(&told, "bob:offline>away@1/11 bob:away>online@1/12");
    assert_int_equal(feed_counted(feed)->gaps, 1);
    assert_true(feed_due_ms(feed) == UINT64_MAX);
    feed_destroy(&feed);
}

static void a_late_message_makes_the_repair_needless(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_transitions(feed, batch_of(1, 12, "bob", STATUS_ONLINE), 100);
    feed_hear_transitions(feed, batch_of(1, 11, "ann", STATUS_OFFLINE), 110);
    assert_told(&told, "ann:online>offline@1/11 bob:offline>online@1/12");
    assert_asks_nothing(feed, 1000);
    feed_destroy(&feed);
}

static void a_lost_last_message_is_noticed_by_the_position_that_cores_tell(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_position(feed, (log_position){1, 11}, false, 50);
    assert_asks_nothing(feed, 50);
    feed_request request = asked(feed, 50 + WINDOW_MS, FEED_ASK_REPLAY);
    feed_hear_replay(feed, request.id, FEED_OK, batch_of(1, 11, "ann", STATUS_OFFLINE), (log_position){1, 11},
                     80);
    assert_told(&told, "ann:online>offline@1/11");
    feed_destroy(&feed);
}

static void a_claim_that_the_log_does_not_keep_is_dropped(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_position(feed, (log_position){1, 15}, false, 0);
    feed_request request = asked(feed, WINDOW_MS, FEED_ASK_REPLAY);
    feed_hear_replay(feed, request.id, FEED_OK, NULL, (log_position){1, 10}, 30);
    assert_true(feed_due_ms(feed) == UINT64_MAX);
    assert_int_equal(feed_horizon(feed).seq, 15); /* which the cores are told: the data went back */
    feed_hear_transitions(feed, batch_of(1, 13, "bob", STATUS_ONLINE), 40);
    request = asked(feed, 40 + WINDOW_MS, FEED_ASK_REPLAY);
    feed_hear_replay(feed, request.id, FEED_OK, NULL, (log_position){1, 10}, 60);
    assert_asks_nothing(feed, 60); /* what is held proves a gap, but asking in a circle would not fill it */
    asked(feed, 60 + ANSWER_MS, FEED_ASK_REPLAY);
    feed_destroy(&feed);
}

static void a_trimmed_log_means_a_snapshot_and_only_differences_are_told(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_transitions(feed, batch_of(1, 11, "bob", STATUS_ONLINE), 0);
    assert_told(&told, "bob:offline>online@1/11");
    feed_hear_position(feed, (log_position){1, 900}, false, 0);
    feed_request request = asked(feed, WINDOW_MS, FEED_ASK_REPLAY);
    feed_hear_replay(feed, request.id, FEED_TRIMMED, NULL, (log_position){1, 900}, 30);
    assert_true(feed_is_complete(feed));
    assert_false(feed_is_current(feed));
    assert_int_equal(feed_position(feed).seq, 11);
    request = asked(feed, 30, FEED_ASK_SNAPSHOT);
    view_user users[] = {state_of("bob", STATUS_ONLINE, 11), state_of("eve", STATUS_BUSY, 800)};
    answer_snapshot(feed, request.id, (log_position){1, 900}, users, 2, true);
    assert_told(&told, "eve:offline>busy@1/800 ann:online>offline@1/900");
    assert_int_equal(feed_position(feed).seq, 900);
    feed_destroy(&feed);
}

static void a_trimmed_log_without_a_position_waits_for_one(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_position(feed, (log_position){1, 900}, false, 0);
    feed_request request = asked(feed, WINDOW_MS, FEED_ASK_REPLAY);
    feed_hear_replay(feed, request.id, FEED_TRIMMED, NULL, (log_position){0}, 30);
    assert_asks_nothing(feed, 30);
    feed_hear_position(feed, (log_position){1, 901}, false, 40);
    asked(feed, 40, FEED_ASK_SNAPSHOT);
    feed_destroy(&feed);
}

static void in_a_new_epoch_the_last_view_is_kept_until_the_data_are_whole(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_transitions(feed, batch_of(1, 11, "bob", STATUS_ONLINE), 0);
    feed_hear_transitions(feed, batch_of(2, 1, "ann", STATUS_ONLINE), 0);
    assert_int_equal(feed_state_now(feed), FEED_WAITING);
    feed_hear_position(feed, (log_position){2, 1}, true, 0);
    feed_hear_position(feed, (log_position){1, 12}, false, 0); /* an old one, overtaken */
    feed_hear_transitions(feed, batch_of(1, 12, "ann", STATUS_OFFLINE), 0);
    assert_asks_nothing(feed, 5000);
    assert_told(&told, "bob:offline>online@1/11");
    assert_int_equal(view_users_count(feed_view(feed)), 2);
    assert_int_equal(feed_position(feed).epoch, 1);
    assert_true(feed_is_complete(feed));

    feed_hear_position(feed, (log_position){2, 3}, false, 6000);
    feed_request request = asked(feed, 6000, FEED_ASK_SNAPSHOT);
    view_user users[] = {state_of("ann", STATUS_ONLINE, 1), state_of("cat", STATUS_AWAY, 3)};
    answer_snapshot(feed, request.id, (log_position){2, 3}, users, 2, true);
    assert_told(&told, "cat:offline>away@2/3 bob:online>offline@2/3");
    assert_int_equal(feed_position(feed).epoch, 2);
    assert_int_equal(feed_position(feed).seq, 3);
    feed_destroy(&feed);
}

static void what_data_that_was_set_back_shows_is_told_as_of_now(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_transitions(feed, batch_of(1, 11, "ann", STATUS_OFFLINE), 0);
    assert_told(&told, "ann:online>offline@1/11");
    assert_int_equal(told.at_ms, 1011);
    feed_hear_position(feed, (log_position){2, 11}, false, 0);
    feed_request request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    view_user users[] = {state_of("ann", STATUS_ONLINE, 4)}; /* since 6: she is back, and the data is older */
    answer_snapshot(feed, request.id, (log_position){2, 11}, users, 1, true);
    assert_told(&told, "ann:offline>online@2/4");
    assert_int_equal(told.at_ms, NOW_UNIX_MS);
    feed_destroy(&feed);
}

static void an_epoch_that_begins_during_a_snapshot_starts_it_anew(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = new_feed(&told);
    feed_hear_position(feed, (log_position){1, 10}, false, 0);
    feed_request request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    view_user users[] = {state_of("ann", STATUS_ONLINE, 4)};
    answer_snapshot(feed, request.id, (log_position){1, 10}, users, 1, false);
    request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    answer_snapshot(feed, request.id, (log_position){2, 0}, users, 1, true); /* of the next epoch */
    assert_int_equal(feed_state_now(feed), FEED_WAITING);
    feed_hear_position(feed, (log_position){2, 0}, false, 0);
    request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    assert_int_equal(request.after.len, 0);
    answer_snapshot(feed, request.id, (log_position){2, 0}, NULL, 0, true);
    assert_told(&told, "ann:offline>online@1/4 ann:online>offline@2/0");
    assert_true(feed_is_current(feed));
    feed_destroy(&feed);
}

static void a_snapshot_refused_while_rebuilding_waits_for_its_end(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = new_feed(&told);
    feed_hear_position(feed, (log_position){1, 10}, false, 0);
    feed_request request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    feed_hear_snapshot(feed, request.id, FEED_REBUILDING, (log_position){0}, NULL, 0, false, 0, NOW_UNIX_MS);
    assert_true(feed_is_rebuilding(feed));
    assert_asks_nothing(feed, 9000);
    feed_hear_position(feed, (log_position){1, 10}, false, 9000);
    asked(feed, 9000, FEED_ASK_SNAPSHOT);
    feed_destroy(&feed);
}

static void a_piece_that_leads_nowhere_is_asked_for_again_later(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = new_feed(&told);
    feed_hear_position(feed, (log_position){1, 10}, false, 0);
    feed_request request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    view_user users[] = {state_of("mia", STATUS_ONLINE, 4)};
    answer_snapshot(feed, request.id, (log_position){1, 10}, users, 1, false);
    request = asked(feed, 0, FEED_ASK_SNAPSHOT);
    answer_snapshot(feed, request.id, (log_position){1, 10}, users, 1, false); /* the same again */
    answer_snapshot(feed, request.id, (log_position){1, 10}, NULL, 0, false);
    assert_asks_nothing(feed, 0);
    request = asked(feed, ANSWER_MS, FEED_ASK_SNAPSHOT);
    view_user next[] = {state_of("miaow", STATUS_ONLINE, 5)};
    answer_snapshot(feed, request.id, (log_position){1, 10}, next, 1, true);
    assert_true(feed_is_complete(feed));
    feed_destroy(&feed);
}

static void a_skipped_gap_is_not_filled(void **state) {
    (void)state;
    told_changes told;
    feed_t *feed = following(&told);
    feed_hear_transitions(feed, batch_of(1, 12, "bob", STATUS_ONLINE), 0);
    asked(feed, WINDOW_MS, FEED_ASK_REPLAY);
    feed_skip_gap(feed, WINDOW_MS);
    assert_told(&told, "bob:offline>online@1/12");
    assert_asks_nothing(feed, 10000);
    feed_destroy(&feed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_asked_before_a_position_is_known_and_the_data_are_whole),
        cmocka_unit_test(the_log_is_followed_from_before_the_snapshot),
        cmocka_unit_test(a_silent_core_is_asked_again_and_then_another),
        cmocka_unit_test(in_order_transitions_are_told_at_once_and_once),
        cmocka_unit_test(a_gap_is_repaired_after_the_window),
        cmocka_unit_test(a_late_message_makes_the_repair_needless),
        cmocka_unit_test(a_lost_last_message_is_noticed_by_the_position_that_cores_tell),
        cmocka_unit_test(a_claim_that_the_log_does_not_keep_is_dropped),
        cmocka_unit_test(a_trimmed_log_means_a_snapshot_and_only_differences_are_told),
        cmocka_unit_test(a_trimmed_log_without_a_position_waits_for_one),
        cmocka_unit_test(in_a_new_epoch_the_last_view_is_kept_until_the_data_are_whole),
        cmocka_unit_test(what_data_that_was_set_back_shows_is_told_as_of_now),
        cmocka_unit_test(an_epoch_that_begins_during_a_snapshot_starts_it_anew),
        cmocka_unit_test(a_snapshot_refused_while_rebuilding_waits_for_its_end),
        cmocka_unit_test(a_piece_that_leads_nowhere_is_asked_for_again_later),
        cmocka_unit_test(a_skipped_gap_is_not_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
