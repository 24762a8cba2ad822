/* feed against a model of Redis and of a bus that loses, repeats and delays: whatever happens, an observer of
 * its changes sees each user's statuses alternate and seqs rise within an epoch, and after the last fault the
 * view is the truth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/fanout/core/feed.h"

enum {
    USERS = 40,
    LOG_MAX = 120, /* entries: short, so that it is trimmed under the feed now and then */
    FLIGHT_MAX = 64,
    PIECE = 7,
    WINDOW_MS = 20,
    ANSWER_MS = 200,
    STEPS = 4000,
};

typedef struct logged {
    int user;
    presence_status to;
} logged;

typedef enum message_kind { NOTHING, BROADCAST, POSITION, SNAPSHOT_REPLY, REPLAY_REPLY } message_kind;

typedef struct in_flight {
    message_kind kind;
    uint64_t due_ms, id, epoch, first, last, position_seq;
    feed_outcome outcome;
    bool rebuilding, is_last;
    logged transitions[PIECE];
    size_t users_count;
    int users[PIECE];
    presence_status statuses[PIECE];
    uint64_t seqs[PIECE];
} in_flight;

typedef struct world {
    uint64_t seed, now_ms, epoch, seq, trimmed_before;
    presence_status truth[USERS];
    uint64_t truth_seq[USERS];
    logged log[STEPS * 4];
    bool rebuilding, faulty;
    in_flight flight[FLIGHT_MAX];
    presence_status observed[USERS];
    log_position observed_at[USERS];
    size_t changes_count;
} world;

static uint64_t random_below(world *w, uint64_t limit) {
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (w->seed >> 33) % limit;
}

static void name_of(int user, char out[8]) {
    snprintf(out, 8, "user%02d", user);
}

static int user_named(str_view name) {
    assert_int_equal(name.len, 6);
    return (name.ptr[4] - '0') * 10 + name.ptr[5] - '0';
}

static void observe(void *context, const feed_change *change) {
    world *w = context;
    int user = user_named(change->user_id);
    assert_int_equal(change->from, w->observed[user]);
    assert_int_not_equal(change->to, w->observed[user]);
    log_position before = w->observed_at[user];
    if (before.epoch == change->position.epoch) {
        assert_true(change->position.seq > before.seq);
    } else {
        assert_true(change->position.epoch > before.epoch);
    }
    w->observed[user] = change->to;
    w->observed_at[user] = change->position;
    w->changes_count++;
}

/* Lost, delayed or sent twice while faults are on. */
static void send(world *w, const in_flight *message) {
    unsigned copies = !w->faulty ? 1 : random_below(w, 10) == 0 ? 0 : random_below(w, 10) == 0 ? 2 : 1;
    for (unsigned i = 0; i < copies; i++) {
        for (size_t slot = 0; slot < FLIGHT_MAX; slot++) {
            if (w->flight[slot].kind == NOTHING) {
                w->flight[slot] = *message;
                w->flight[slot].due_ms = w->now_ms + 1 + (w->faulty ? random_below(w, 60) : 0);
                break;
            }
        }
    }
}

/* One script call: some users change, one log entry, one broadcast. */
static void transit(world *w) {
    in_flight message = {.kind = BROADCAST, .epoch = w->epoch, .first = w->seq + 1};
    size_t count = 1 + random_below(w, 3);
    for (size_t i = 0; i < count; i++) {
        int user = (int)random_below(w, USERS);
        presence_status to = (presence_status)random_below(w, 4);
        if (to == w->truth[user]) {
            to = to == STATUS_OFFLINE ? STATUS_ONLINE : STATUS_OFFLINE;
        }
        w->truth[user] = to;
        w->truth_seq[user] = ++w->seq;
        w->log[w->seq] = (logged){user, to};
        message.transitions[i] = w->log[w->seq];
    }
    message.last = w->seq;
    if (w->seq - w->trimmed_before > LOG_MAX) {
        w->trimmed_before = w->seq - LOG_MAX;
    }
    send(w, &message);
}

static void say_position(world *w) {
    in_flight message = {
        .kind = POSITION, .epoch = w->epoch, .position_seq = w->seq, .rebuilding = w->rebuilding};
    send(w, &message);
}

/* The data went back, or were lost: a new epoch; some users are no longer what they were. */
static void begin_epoch(world *w) {
    w->epoch++;
    w->rebuilding = true;
    w->trimmed_before = w->seq;
    for (int user = 0; user < USERS; user++) {
        if (random_below(w, 3) == 0) {
            w->truth[user] = STATUS_OFFLINE;
        }
    }
}

static void answer(world *w, const feed_request *request) {
    in_flight reply = {.id = request->id, .epoch = w->epoch, .position_seq = w->seq, .outcome = FEED_OK};
    if (w->faulty && random_below(w, 20) == 0) {
        reply.outcome = FEED_LATER;
    }
    if (request->kind == FEED_ASK_SNAPSHOT) {
        reply.kind = SNAPSHOT_REPLY;
        if (w->rebuilding) {
            reply.outcome = FEED_REBUILDING;
        }
        int user = request->after.len ? user_named(request->after) + 1 : 0;
        for (; user < USERS && reply.users_count < PIECE; user++) {
            if (w->truth[user] != STATUS_OFFLINE) {
                reply.users[reply.users_count] = user;
                reply.statuses[reply.users_count] = w->truth[user];
                reply.seqs[reply.users_count++] = w->truth_seq[user];
            }
        }
        reply.is_last = reply.users_count < PIECE;
    } else {
        reply.kind = REPLAY_REPLY;
        reply.first = request->from.seq;
        if (request->from.epoch != w->epoch) {
            reply.outcome = FEED_LATER;
        } else if (request->from.seq <= w->trimmed_before) {
            reply.outcome = FEED_TRIMMED;
        } else if (request->from.seq <= w->seq) {
            uint64_t before = random_below(w, 3); /* entries are whole */
            reply.first = reply.first > w->trimmed_before + before ? reply.first - before : reply.first;
            reply.last = reply.first + PIECE - 1 < w->seq ? reply.first + PIECE - 1 : w->seq;
            memcpy(reply.transitions, w->log + reply.first, (reply.last - reply.first + 1) * sizeof(logged));
        }
    }
    send(w, &reply);
}

static transition_batch *batch_of(const in_flight *message) {
    if (message->last == 0) {
        return NULL;
    }
    transition_batch *batch = transition_batch_new(message->epoch, message->first, message->last, 6 * PIECE);
    for (uint64_t seq = message->first; seq <= message->last; seq++) {
        const logged *from = &message->transitions[seq - message->first];
        char name[8];
        name_of(from->user, name);
        transition value = {str_view_of(name), from->to, seq, seq};
        transition_batch_set(batch, seq, &value);
    }
    return batch;
}

static void deliver(world *w, feed_t *feed, const in_flight *message) {
    log_position position = {message->epoch, message->position_seq};
    char names[PIECE][8];
    view_user users[PIECE];
    switch (message->kind) {
    case NOTHING:
        break;
    case BROADCAST:
        feed_hear_transitions(feed, batch_of(message), w->now_ms);
        break;
    case POSITION:
        feed_hear_position(feed, position, message->rebuilding, w->now_ms);
        break;
    case SNAPSHOT_REPLY:
        for (size_t i = 0; i < message->users_count; i++) {
            name_of(message->users[i], names[i]);
            users[i] = (view_user){str_view_of(names[i]), message->statuses[i], {0, message->seqs[i]}, 1, 1};
        }
        feed_hear_snapshot(feed, message->id, message->outcome, position, users, message->users_count,
                           message->is_last, w->now_ms, w->now_ms);
        break;
    case REPLAY_REPLY:
        feed_hear_replay(feed, message->id, message->outcome,
                         message->outcome == FEED_OK ? batch_of(message) : NULL, position, w->now_ms);
        break;
    }
}

static void step(world *w, feed_t *feed) {
    w->now_ms++;
    for (size_t slot = 0; slot < FLIGHT_MAX; slot++) {
        if (w->flight[slot].kind != NOTHING && w->flight[slot].due_ms <= w->now_ms) {
            in_flight message = w->flight[slot];
            w->flight[slot].kind = NOTHING;
            deliver(w, feed, &message);
        }
    }
    feed_request request;
    while (feed_due_ms(feed) <= w->now_ms && feed_next_request(feed, w->now_ms, &request)) {
        answer(w, &request);
    }
    if (w->now_ms % 50 == 0) {
        say_position(w);
    }
}

static void check_user(void *context, const view_user *user, presence_status status) {
    world *w = context;
    assert_int_equal(status, w->truth[user_named(user->user_id)]);
}

static void run(uint64_t seed, size_t reorder_max) {
    world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->seed = seed;
    w->epoch = 1;
    w->faulty = true;
    feed_options options = {WINDOW_MS, reorder_max, 5, ANSWER_MS};
    feed_t *feed = feed_new(&options, observe, w);
    assert_non_null(feed);
    for (int i = 0; i < STEPS; i++) {
        /* Bursts now and then, longer than the log. */
        bool burst = i % 1000 > 960;
        if (burst || random_below(w, 4) == 0) {
            transit(w);
        }
        if (random_below(w, 1500) == 0) {
            begin_epoch(w);
        }
        if (w->rebuilding && random_below(w, 100) == 0) {
            w->rebuilding = false;
        }
        step(w, feed);
    }
    w->faulty = w->rebuilding = false;
    for (int i = 0; i < 2000; i++) {
        step(w, feed);
    }
    assert_true(feed_is_complete(feed) && feed_is_current(feed));
    assert_int_equal(feed_position(feed).epoch, w->epoch);
    assert_int_equal(feed_position(feed).seq, w->seq);
    size_t online_count = 0;
    for (int user = 0; user < USERS; user++) {
        assert_int_equal(w->observed[user], w->truth[user]);
        online_count += w->truth[user] != STATUS_OFFLINE;
    }
    view_walk(feed_view(feed), check_user, w);
    assert_int_equal(view_users_count(feed_view(feed)), online_count);
    assert_true(w->changes_count > 100);
    feed_destroy(&feed);
    free(w);
}

static void after_the_last_fault_every_observer_knows_the_truth(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        run(seed, 1000);
    }
}

static void also_where_next_to_nothing_can_be_held(void **state) {
    (void)state;
    for (uint64_t seed = 1000; seed <= 1150; seed++) {
        run(seed, 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_the_last_fault_every_observer_knows_the_truth),
        cmocka_unit_test(also_where_next_to_nothing_can_be_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
