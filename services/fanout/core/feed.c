#include "services/fanout/core/feed.h"
#include <assert.h>
#include <stdlib.h>

enum { AFTER_MAX_BYTES = 128 };

struct feed {
    feed_state state;
    sequencer_t *sequencer;
    view_t *view;
    feed_change_fn *on_change;
    void *context;
    uint64_t answer_within_ms;
    log_position heard;    /* the highest known of; its epoch is the one that counts */
    bool rebuilding;       /* as last heard of that epoch */
    log_position snapshot; /* noted before the first piece: the log is followed from there */
    uint64_t
        target_seq; /* where the last piece was read: the view is whole once the log was followed up to it */
    log_position complete; /* everything up to here is in the view; epoch 0: it never was whole */
    bool replaying;
    uint64_t question_id, ask_at_ms;
    uint32_t attempt;
    size_t after_bytes;
    char after[AFTER_MAX_BYTES];
    feed_counts counts;
};

feed_t *feed_new(const feed_options *options, feed_change_fn *on_change, void *context) {
    feed_t *feed = calloc(1, sizeof(*feed));
    if (!feed) {
        return NULL;
    }
    feed->sequencer = sequencer_new(options->reorder_window_ms, options->reorder_max);
    feed->view = view_new(options->recent_offline_max);
    feed->answer_within_ms = options->answer_within_ms;
    feed->on_change = on_change;
    feed->context = context;
    if (!feed->sequencer || !feed->view) {
        feed_destroy(&feed);
    }
    return feed;
}

void feed_destroy(feed_t **feed) {
    if (*feed) {
        sequencer_destroy(&(*feed)->sequencer);
        view_destroy(&(*feed)->view);
        free(*feed);
        *feed = NULL;
    }
}

/* -- states -- */

static void ask_next(feed_t *feed) {
    feed->question_id++;
    feed->attempt = 0;
    feed->ask_at_ms = 0;
}

/* The one place where the state changes. */
static void enter(feed_t *feed, feed_state state) {
    feed->state = state;
    feed->replaying = false;
    ask_next(feed);
}

/* Whatever was heard of is in Redis by now, and so in the snapshot: whoever it does not name is offline since
 * then, which is later than anything in the view. */
static void begin_snapshot(feed_t *feed) {
    feed->snapshot = feed->heard;
    sequencer_start(feed->sequencer, feed->snapshot);
    view_begin_snapshot(feed->view);
    feed->after_bytes = 0;
    feed->counts.snapshots++;
    enter(feed, FEED_SNAPSHOT);
}

/* False: `epoch` is over, and what was said of it does not count any more. */
static bool note_epoch(feed_t *feed, uint64_t epoch) {
    if (epoch > feed->heard.epoch) {
        feed->heard = (log_position){epoch, 0};
        feed->counts.epochs++;
        enter(feed, FEED_WAITING);
    }
    return epoch == feed->heard.epoch && epoch > 0;
}

static void note_seq(feed_t *feed, uint64_t seq) {
    if (seq > feed->heard.seq) {
        feed->heard.seq = seq;
    }
}

/* -- the view -- */

static void put(feed_t *feed, const view_user *user, uint64_t at_ms) {
    presence_status from;
    if (view_put(feed->view, user, &from) != ZP_OK) {
        enter(feed, FEED_WAITING);
        return;
    }
    if (from != user->status) {
        feed_change change = {user->user_id, user->position, from, user->status, at_ms};
        feed->on_change(feed->context, &change);
    }
}

static void apply(feed_t *feed, const transition_batch *batch, uint64_t from_seq) {
    for (uint64_t seq = from_seq; seq <= batch->last_seq && feed->state == FEED_FOLLOWING; seq++) {
        const transition *next = &batch->transitions[seq - batch->first_seq];
        view_user user = {next->user_id, next->to, {batch->epoch, seq}, next->last_seen_ms, next->at_ms};
        put(feed, &user, next->at_ms);
        feed->counts.transitions++;
    }
}

/* Gives the view whatever is in order, and sees whether it is whole now. */
static void follow(feed_t *feed, uint64_t now_ms) {
    transition_batch *batch;
    uint64_t from_seq;
    while (feed->state == FEED_FOLLOWING && (batch = sequencer_take(feed->sequencer, &from_seq, now_ms))) {
        apply(feed, batch, from_seq);
        free(batch);
    }
    if (feed->state != FEED_FOLLOWING) {
        return;
    }
    if (feed_is_current(feed)) {
        feed->complete = sequencer_position(feed->sequencer);
    }
    if (sequencer_gap_due_ms(feed->sequencer) == UINT64_MAX) {
        feed->replaying = false;
    }
}

static void offer(feed_t *feed, transition_batch *take_batch, uint64_t now_ms) {
    switch (sequencer_offer(feed->sequencer, take_batch, now_ms)) {
    case SEQUENCER_TAKEN:
        break;
    case SEQUENCER_DUPLICATE:
        feed->counts.duplicates++;
        break;
    case SEQUENCER_FULL:
        feed->counts.not_held++;
        break;
    case SEQUENCER_OLD_EPOCH:
    case SEQUENCER_NEW_EPOCH:
        assert(false); /* epochs are looked at before */
    }
}

/* -- what is heard -- */

void feed_hear_position(feed_t *feed, log_position position, bool rebuilding, uint64_t now_ms) {
    if (!note_epoch(feed, position.epoch)) {
        return;
    }
    note_seq(feed, position.seq);
    feed->rebuilding = rebuilding;
    switch (feed->state) {
    case FEED_WAITING:
        if (!rebuilding) {
            begin_snapshot(feed);
        }
        break;
    case FEED_SNAPSHOT:
    case FEED_FOLLOWING:
        sequencer_claim(feed->sequencer, position.seq, now_ms);
        break;
    }
}

void feed_hear_transitions(feed_t *feed, transition_batch *take_batch, uint64_t now_ms) {
    if (!note_epoch(feed, take_batch->epoch)) {
        free(take_batch);
        return;
    }
    note_seq(feed, take_batch->last_seq);
    switch (feed->state) {
    case FEED_WAITING: /* the snapshot to come will have it */
        free(take_batch);
        break;
    case FEED_SNAPSHOT:
    case FEED_FOLLOWING:
        offer(feed, take_batch, now_ms);
        follow(feed, now_ms);
        break;
    }
}

static void after_replay(feed_t *feed, log_position before, log_position end, uint64_t now_ms) {
    sequencer_claim(feed->sequencer, end.seq, now_ms);
    follow(feed, now_ms);
    if (!feed->replaying) {
        return;
    }
    if (log_position_before(before, sequencer_position(feed->sequencer))) {
        ask_next(feed); /* a piece came, and there is more */
        return;
    }
    /* The log does not have what we heard of: only a new epoch, or what we hold, can settle that. */
    sequencer_forget_claim(feed->sequencer);
    follow(feed, now_ms);
    feed_ask_again(feed, now_ms, feed->answer_within_ms);
}

void feed_hear_replay(feed_t *feed, uint64_t id, feed_outcome outcome, transition_batch *take_batch,
                      log_position position, uint64_t now_ms) {
    bool known = note_epoch(feed, position.epoch);
    if (feed->state != FEED_FOLLOWING || !feed->replaying || id != feed->question_id) {
        free(take_batch);
        return;
    }
    if (outcome == FEED_OK && (!known || (take_batch && take_batch->epoch != position.epoch))) {
        outcome = FEED_LATER;
    }
    log_position before = sequencer_position(feed->sequencer);
    switch (outcome) {
    case FEED_OK:
        note_seq(feed, position.seq);
        if (take_batch) {
            note_seq(feed, take_batch->last_seq);
            offer(feed, take_batch, now_ms);
        }
        after_replay(feed, before, position, now_ms);
        return;
    case FEED_TRIMMED:
        enter(feed, FEED_WAITING);
        feed_hear_position(feed, position, feed->rebuilding, now_ms);
        break;
    case FEED_LATER:
    case FEED_REBUILDING:
        feed_ask_again(feed, now_ms, feed->answer_within_ms);
        break;
    }
    free(take_batch);
}

static void tell_swept(void *context, const view_user *user, presence_status from) {
    feed_t *feed = context;
    feed_change change = {user->user_id, user->position, from, user->status, user->since_ms};
    feed->on_change(feed->context, &change);
}

/* Nobody else is online; now the log from where the snapshot began. */
static void end_snapshot(feed_t *feed, log_position position, uint64_t now_ms, uint64_t now_unix_ms) {
    view_sweep(feed->view, feed->snapshot, now_unix_ms, tell_swept, feed);
    enter(feed, FEED_FOLLOWING);
    feed->target_seq = position.seq;
    sequencer_resume(feed->sequencer, now_ms);
    sequencer_claim(feed->sequencer, position.seq, now_ms);
    feed->replaying = true; /* what happened meanwhile is known to be missing: no window for it */
    follow(feed, now_ms);
}

/* A piece that leads nowhere would be asked for for ever. */
static bool piece_leads_on(const feed_t *feed, const view_user *users, size_t users_count, bool last) {
    if (users_count == 0) {
        return last;
    }
    str_view first = users[0].user_id;
    size_t common_bytes = first.len < feed->after_bytes ? first.len : feed->after_bytes;
    int order = common_bytes ? memcmp(first.ptr, feed->after, common_bytes) : 0;
    return order > 0 || (order == 0 && first.len > feed->after_bytes);
}

/* What data that was set back shows is shown since now: later than what has been told meanwhile. */
static uint64_t since_when(const feed_t *feed, const view_user *user, uint64_t now_unix_ms) {
    bool is_newer = user->since_ms > view_since_ms(feed->view, user->user_id);
    return is_newer ? user->since_ms : now_unix_ms;
}

static void take_piece(feed_t *feed, uint64_t epoch, const view_user *users, size_t users_count,
                       uint64_t now_unix_ms) {
    for (size_t i = 0; i < users_count && feed->state == FEED_SNAPSHOT; i++) {
        view_user user = users[i];
        user.position.epoch = epoch;
        put(feed, &user, since_when(feed, &user, now_unix_ms));
    }
    if (users_count > 0) {
        str_view after = users[users_count - 1].user_id;
        assert(after.len <= AFTER_MAX_BYTES);
        memcpy(feed->after, after.ptr, after.len);
        feed->after_bytes = after.len;
    }
}

void feed_hear_snapshot(feed_t *feed, uint64_t id, feed_outcome outcome, log_position position,
                        const view_user *users, size_t users_count, bool last, uint64_t now_ms,
                        uint64_t now_unix_ms) {
    bool known = note_epoch(feed, position.epoch);
    if (feed->state != FEED_SNAPSHOT || id != feed->question_id) {
        return;
    }
    if (outcome == FEED_REBUILDING) {
        feed->rebuilding = true;
        enter(feed, FEED_WAITING);
        return;
    }
    if (outcome != FEED_OK || !known || !piece_leads_on(feed, users, users_count, last)) {
        feed_ask_again(feed, now_ms, feed->answer_within_ms);
        return;
    }
    note_seq(feed, position.seq);
    take_piece(feed, position.epoch, users, users_count, now_unix_ms);
    if (feed->state != FEED_SNAPSHOT) {
        return;
    }
    if (last) {
        end_snapshot(feed, position, now_ms, now_unix_ms);
    } else {
        ask_next(feed);
    }
}

/* -- what is asked -- */

static bool is_asking(const feed_t *feed) {
    return feed->state == FEED_SNAPSHOT || (feed->state == FEED_FOLLOWING && feed->replaying);
}

bool feed_next_request(feed_t *feed, uint64_t now_ms, feed_request *ret_request) {
    if (feed->state == FEED_FOLLOWING && !feed->replaying &&
        sequencer_gap_due_ms(feed->sequencer) <= now_ms) {
        feed->replaying = true;
        feed->counts.gaps++;
        ask_next(feed);
    }
    if (!is_asking(feed) || feed->ask_at_ms > now_ms) {
        return false;
    }
    log_position from = sequencer_position(feed->sequencer);
    from.seq++;
    *ret_request = (feed_request){
        .kind = feed->state == FEED_SNAPSHOT ? FEED_ASK_SNAPSHOT : FEED_ASK_REPLAY,
        .id = feed->question_id,
        .attempt = feed->attempt++,
        .after = {feed->after, feed->after_bytes},
        .from = from,
    };
    feed->ask_at_ms = now_ms + feed->answer_within_ms;
    return true;
}

void feed_ask_again(feed_t *feed, uint64_t now_ms, uint64_t delay_ms) {
    feed->ask_at_ms = now_ms + delay_ms;
}

void feed_skip_gap(feed_t *feed, uint64_t now_ms) {
    if (feed->state == FEED_FOLLOWING && sequencer_gap_due_ms(feed->sequencer) != UINT64_MAX) {
        sequencer_skip_gap(feed->sequencer, now_ms);
        follow(feed, now_ms);
    }
}

uint64_t feed_due_ms(const feed_t *feed) {
    switch (feed->state) {
    case FEED_WAITING:
        break;
    case FEED_SNAPSHOT:
        return feed->ask_at_ms;
    case FEED_FOLLOWING:
        return feed->replaying ? feed->ask_at_ms : sequencer_gap_due_ms(feed->sequencer);
    }
    return UINT64_MAX;
}

/* -- how it stands -- */

bool feed_is_complete(const feed_t *feed) {
    return feed->complete.epoch > 0;
}

bool feed_is_current(const feed_t *feed) {
    return feed->state == FEED_FOLLOWING && sequencer_position(feed->sequencer).seq >= feed->target_seq;
}

log_position feed_position(const feed_t *feed) {
    return feed->complete;
}

log_position feed_horizon(const feed_t *feed) {
    return feed->heard;
}

feed_state feed_state_now(const feed_t *feed) {
    return feed->state;
}

bool feed_is_rebuilding(const feed_t *feed) {
    return feed->rebuilding;
}

const view_t *feed_view(const feed_t *feed) {
    return feed->view;
}

const feed_counts *feed_counted(const feed_t *feed) {
    return &feed->counts;
}
