/* sequencer: in order, each exactly once, and what is missing said in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/fanout/core/sequencer.h"

enum { WINDOW_MS = 20, HELD_MAX = 4 };
static const uint64_t EPOCH = 1000;

static transition_batch *batch_of(uint64_t epoch, uint64_t first, uint64_t last) {
    transition_batch *batch = transition_batch_new(epoch, first, last, (size_t)(last - first + 1));
    assert_non_null(batch);
    for (uint64_t seq = first; seq <= last; seq++) {
        transition value = {str_view_make("u", 1), STATUS_ONLINE, seq, seq};
        transition_batch_set(batch, seq, &value);
    }
    return batch;
}

static sequencer_t *started_at(uint64_t seq) {
    sequencer_t *sequencer = sequencer_new(WINDOW_MS, HELD_MAX);
    assert_non_null(sequencer);
    sequencer_start(sequencer, (log_position){EPOCH, seq});
    sequencer_resume(sequencer, 0);
    return sequencer;
}

static sequencer_result offer(sequencer_t *sequencer, uint64_t first, uint64_t last, uint64_t now_ms) {
    return sequencer_offer(sequencer, batch_of(EPOCH, first, last), now_ms);
}

/* Takes one batch and checks which part of it is new. */
static void assert_gives(sequencer_t *sequencer, uint64_t from, uint64_t last, uint64_t now_ms) {
    uint64_t from_seq = 0;
    transition_batch *batch = sequencer_take(sequencer, &from_seq, now_ms);
    assert_non_null(batch);
    assert_int_equal(from_seq, from);
    assert_int_equal(batch->last_seq, last);
    free(batch);
}

static void assert_gives_nothing(sequencer_t *sequencer) {
    uint64_t from_seq;
    assert_null(sequencer_take(sequencer, &from_seq, 0));
}

static void what_is_in_order_is_given_at_once(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(10);
    assert_int_equal(offer(sequencer, 11, 13, 5), SEQUENCER_TAKEN);
    assert_gives(sequencer, 11, 13, 5);
    assert_gives_nothing(sequencer);
    assert_int_equal(sequencer_position(sequencer).seq, 13);
    assert_true(sequencer_gap_due_ms(sequencer) == UINT64_MAX);
    sequencer_destroy(&sequencer);
}

static void what_comes_too_early_waits_for_what_is_missing(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(0);
    offer(sequencer, 4, 4, 1);
    offer(sequencer, 2, 3, 2);
    assert_gives_nothing(sequencer);
    assert_int_equal(sequencer_gap_due_ms(sequencer), 1 + WINDOW_MS);
    offer(sequencer, 1, 1, 3);
    assert_gives(sequencer, 1, 1, 3);
    assert_gives(sequencer, 2, 3, 3);
    assert_gives(sequencer, 4, 4, 3);
    assert_true(sequencer_gap_due_ms(sequencer) == UINT64_MAX);
    sequencer_destroy(&sequencer);
}

static void each_gap_has_its_own_window(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(0);
    offer(sequencer, 2, 2, 0);
    offer(sequencer, 4, 4, 1);
    assert_int_equal(sequencer_gap_due_ms(sequencer), WINDOW_MS);
    offer(sequencer, 1, 1, 15);
    assert_gives(sequencer, 1, 1, 15);
    assert_gives(sequencer, 2, 2, 15);
    assert_int_equal(sequencer_gap_due_ms(sequencer), 15 + WINDOW_MS);
    sequencer_destroy(&sequencer);
}

static void duplicates_are_dropped(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(10);
    assert_int_equal(offer(sequencer, 9, 10, 0), SEQUENCER_DUPLICATE);
    assert_int_equal(offer(sequencer, 13, 15, 0), SEQUENCER_TAKEN);
    assert_int_equal(offer(sequencer, 13, 15, 0), SEQUENCER_DUPLICATE);
    assert_int_equal(offer(sequencer, 14, 15, 0), SEQUENCER_DUPLICATE);
    assert_gives_nothing(sequencer);
    sequencer_destroy(&sequencer);
}

static void a_replayed_piece_may_begin_before_and_end_behind_what_is_held(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(10);
    offer(sequencer, 15, 16, 0);
    offer(sequencer, 18, 20, 0);
    assert_int_equal(offer(sequencer, 8, 18, 0), SEQUENCER_TAKEN);
    assert_gives(sequencer, 11, 18, 0);
    assert_gives(sequencer, 19, 20, 0); /* 15..16 is known by now, and of 18..20 only the rest is new */
    assert_gives_nothing(sequencer);
    sequencer_destroy(&sequencer);
}

static void a_claim_opens_a_gap(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(10);
    sequencer_claim(sequencer, 10, 0);
    assert_true(sequencer_gap_due_ms(sequencer) == UINT64_MAX);
    sequencer_claim(sequencer, 12, 7);
    assert_int_equal(sequencer_gap_due_ms(sequencer), 7 + WINDOW_MS);
    offer(sequencer, 11, 12, 8);
    assert_gives(sequencer, 11, 12, 8);
    assert_true(sequencer_gap_due_ms(sequencer) == UINT64_MAX);
    sequencer_destroy(&sequencer);
}

static void a_claim_that_the_log_does_not_keep_can_be_forgotten(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(10);
    sequencer_claim(sequencer, 12, 0);
    sequencer_forget_claim(sequencer);
    assert_true(sequencer_gap_due_ms(sequencer) == UINT64_MAX);
    offer(sequencer, 13, 13, 1);
    sequencer_forget_claim(sequencer);
    assert_int_equal(sequencer_gap_due_ms(sequencer), 1 + WINDOW_MS); /* what is held proves it */
    sequencer_destroy(&sequencer);
}

static void nothing_is_given_before_it_is_resumed(void **state) {
    (void)state;
    sequencer_t *sequencer = sequencer_new(WINDOW_MS, HELD_MAX);
    sequencer_start(sequencer, (log_position){EPOCH, 10});
    offer(sequencer, 11, 11, 0);
    offer(sequencer, 13, 13, 0);
    sequencer_claim(sequencer, 20, 0);
    assert_gives_nothing(sequencer);
    assert_true(sequencer_gap_due_ms(sequencer) == UINT64_MAX);
    sequencer_resume(sequencer, 100);
    assert_gives(sequencer, 11, 11, 100);
    assert_gives_nothing(sequencer);
    assert_int_equal(sequencer_gap_due_ms(sequencer), 100 + WINDOW_MS);
    sequencer_destroy(&sequencer);
}

static void epochs_are_kept_apart(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(10);
    assert_int_equal(sequencer_offer(sequencer, batch_of(EPOCH - 1, 11, 11), 0), SEQUENCER_OLD_EPOCH);
    assert_int_equal(sequencer_offer(sequencer, batch_of(EPOCH + 1, 11, 11), 0), SEQUENCER_NEW_EPOCH);
    assert_gives_nothing(sequencer);
    offer(sequencer, 12, 12, 0);
    sequencer_start(sequencer, (log_position){EPOCH + 1, 3});
    sequencer_resume(sequencer, 0);
    assert_gives_nothing(sequencer);
    assert_int_equal(sequencer_offer(sequencer, batch_of(EPOCH + 1, 4, 4), 0), SEQUENCER_TAKEN);
    assert_gives(sequencer, 4, 4, 0);
    sequencer_destroy(&sequencer);
}

static void at_the_limit_what_is_furthest_ahead_is_dropped_and_missed(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(0);
    for (uint64_t seq = 10; seq < 10 + HELD_MAX; seq++) {
        assert_int_equal(offer(sequencer, seq, seq, 0), SEQUENCER_TAKEN);
    }
    assert_int_equal(offer(sequencer, 20, 20, 0), SEQUENCER_FULL);
    assert_int_equal(offer(sequencer, 2, 2, 0), SEQUENCER_FULL); /* 13 makes room */
    assert_int_equal(offer(sequencer, 1, 1, 0), SEQUENCER_TAKEN);
    assert_gives(sequencer, 1, 1, 0);
    assert_gives(sequencer, 2, 2, 0);
    assert_gives_nothing(sequencer);
    offer(sequencer, 3, 9, 0);
    assert_gives(sequencer, 3, 9, 0);
    assert_gives(sequencer, 10, 10, 0);
    assert_gives(sequencer, 11, 11, 0);
    assert_gives(sequencer, 12, 12, 0);
    assert_gives_nothing(sequencer);
    assert_int_equal(sequencer_gap_due_ms(sequencer),
                     WINDOW_MS); /* 13 and 20 are still known to be missing */
    offer(sequencer, 13, 19, 0);
    assert_gives(sequencer, 13, 19, 0);
    assert_true(sequencer_gap_due_ms(sequencer) != UINT64_MAX);
    sequencer_destroy(&sequencer);
}

static void a_gap_can_be_given_up(void **state) {
    (void)state;
    sequencer_t *sequencer = started_at(0);
    offer(sequencer, 5, 6, 0);
    sequencer_skip_gap(sequencer, 0);
    assert_gives(sequencer, 5, 6, 0);
    sequencer_claim(sequencer, 9, 0);
    sequencer_skip_gap(sequencer, 0);
    assert_gives_nothing(sequencer);
    assert_int_equal(sequencer_position(sequencer).seq, 9);
    sequencer_destroy(&sequencer);
}

static uint64_t random_below(uint64_t *seed, uint64_t limit) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % limit;
}

/* Whatever is lost, repeated or overtaken: after the repair everything came out once and in order. */
static void whatever_happens_on_the_way_everything_comes_out_once_and_in_order(void **state) {
    (void)state;
    enum { ROUNDS = 300, LAST_SEQ = 400 };
    uint64_t seed = 7;
    for (int round = 0; round < ROUNDS; round++) {
        sequencer_t *sequencer = started_at(0);
        uint64_t now_ms = 0, expected = 1;
        while (expected <= LAST_SEQ) {
            uint64_t horizon = expected + 30 < LAST_SEQ ? expected + 30 : LAST_SEQ;
            if (sequencer_gap_due_ms(sequencer) <=
                now_ms) { /* the repair: whole entries, from before the gap */
                uint64_t from = expected > 3 ? expected - random_below(&seed, 3) : expected;
                uint64_t last = expected + random_below(&seed, 10);
                offer(sequencer, from, last < LAST_SEQ ? last : LAST_SEQ, now_ms);
            } else {
                uint64_t first = expected + random_below(&seed, horizon - expected + 1);
                first = first > 5 ? first - random_below(&seed, 5) : first;
                uint64_t last = first + random_below(&seed, 4);
                offer(sequencer, first, last < LAST_SEQ ? last : LAST_SEQ, now_ms);
            }
            transition_batch *batch;
            uint64_t from_seq;
            while ((batch = sequencer_take(sequencer, &from_seq, now_ms))) {
                assert_int_equal(from_seq, expected);
                assert_true(batch->first_seq <= from_seq && from_seq <= batch->last_seq);
                expected = batch->last_seq + 1;
                free(batch);
            }
            now_ms += random_below(&seed, 5);
        }
        sequencer_destroy(&sequencer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_order_is_given_at_once),
        cmocka_unit_test(what_comes_too_early_waits_for_what_is_missing),
        cmocka_unit_test(each_gap_has_its_own_window),
        cmocka_unit_test(duplicates_are_dropped),
        cmocka_unit_test(a_replayed_piece_may_begin_before_and_end_behind_what_is_held),
        cmocka_unit_test(a_claim_opens_a_gap),
        cmocka_unit_test(a_claim_that_the_log_does_not_keep_can_be_forgotten),
        cmocka_unit_test(nothing_is_given_before_it_is_resumed),
        cmocka_unit_test(epochs_are_kept_apart),
        cmocka_unit_test(at_the_limit_what_is_furthest_ahead_is_dropped_and_missed),
        cmocka_unit_test(a_gap_can_be_given_up),
        cmocka_unit_test(whatever_happens_on_the_way_everything_comes_out_once_and_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
