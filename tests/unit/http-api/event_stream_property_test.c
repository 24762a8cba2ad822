/* event_stream: whatever happens, in whatever order - changes, views read anew, losses of data, clients that
 * read little by little, are cut off and come back where they were - a client ends up knowing what is, and is
 * never told what it knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/http-api/core/event_stream.h"
#include "tests/unit/http-api/sse_client.h"

enum { USERS = 8, STREAMS = 6, LOG_MAX = 4000, RUNS = 150, STEPS = 400, PIECE = 5 };

typedef struct subscriber {
    event_stream stream;
    sse_client client;
    bool open, full, asking, of_some;
    log_position asked_from;
} subscriber;

typedef struct world {
    unsigned random;
    uint64_t epoch, seq, log_from; /* the log has what is behind log_from, of this epoch */
    struct logged {
        size_t user;
        presence_status from, to;
    } log[LOG_MAX]; /* by seq */
    presence_status truth[USERS];
    watch_view_t *view;
    uint64_t heard_epoch, heard; /* the view has heard of everything up to here */
    bool reading;
    size_t read_next;
    presence_status read_truth[USERS]; /* as the fanout's view was when reading began */
    uint64_t read_seq[USERS], read_at;
    uint64_t last_seq[USERS];
    subscriber subscribers[STREAMS];
    uint64_t resumed, resets;
} world;

static unsigned roll(world *at, unsigned sides) {
    at->random = at->random * 1103515245 + 12345;
    return (at->random >> 16) % sides;
}

static str_view name_of(size_t user) {
    static char names[USERS][8];
    (void)snprintf(names[user], sizeof names[user], "u%zu", user);
    return str_view_of(names[user]);
}

/* -- the system behind -- */

static void something_changes(world *at) {
    size_t user = roll(at, USERS);
    presence_status to = (presence_status)roll(at, 4);
    if (to == at->truth[user] || at->seq + 1 >= LOG_MAX) {
        return;
    }
    at->log[++at->seq] = (struct logged){user, at->truth[user], to};
    at->truth[user] = to;
    at->last_seq[user] = at->seq;
}

static void on_tell(void *context, const watch_change *change) {
    world *at = context;
    event_news news = event_news_of(change, watch_view_is_settled(at->view));
    for (size_t i = 0; i < STREAMS; i++) {
        if (at->subscribers[i].open) {
            (void)event_stream_tell(&at->subscribers[i].stream, &news);
        }
    }
    event_news_free(&news);
}

static void view_hears(world *at) {
    if (at->reading || at->heard_epoch != at->epoch || at->heard == at->seq) {
        return;
    }
    const struct logged *next = &at->log[++at->heard];
    watch_change change;
    if (watch_view_apply(at->view, name_of(next->user), next->to, (log_position){at->epoch, at->heard}, 1000,
                         &change)) {
        on_tell(at, &change);
    }
}

static void reading_begins(world *at) {
    watch_view_begin(at->view);
    at->reading = true;
    at->read_next = 0;
    at->read_at = at->seq;
    memcpy(at->read_truth, at->truth, sizeof at->truth);
    memcpy(at->read_seq, at->last_seq, sizeof at->last_seq);
}

static void settle_streams(world *at);
static void client_acts(world *at, subscriber *each);

static void reading_goes_on(world *at) {
    if (at->read_next < USERS) {
        size_t user = at->read_next++;
        if (at->read_truth[user] != STATUS_OFFLINE) {
            assert_int_equal(watch_view_state(at->view, name_of(user), at->read_truth[user],
                                              (log_position){at->epoch, at->read_seq[user]}, 1000),
                             ZP_OK);
        }
        return;
    }
    watch_view_end(at->view, (log_position){at->epoch, at->read_at}, 2000);
    at->reading = false;
    at->heard_epoch = at->epoch;
    at->heard = at->read_at;
    settle_streams(at);
}

static void settle_streams(world *at) {
    for (size_t i = 0; i < STREAMS; i++) {
        if (at->subscribers[i].open) {
            event_stream_settled(&at->subscribers[i].stream, at->view);
        }
    }
}

/* The fanout has lost the thread, and tells the differences to a snapshot, user by user; what follows stands
 * behind them, and that this is all is said later. */
static void fanout_recovers(world *at) {
    for (size_t i = 0; i < USERS; i++) {
        size_t user = (i + 3) % USERS;
        watch_change change;
        if (watch_view_apply(at->view, name_of(user), at->truth[user],
                             (log_position){at->epoch, at->last_seq[user]}, 1000, &change)) {
            on_tell(at, &change);
            client_acts(at, &at->subscribers[roll(at, STREAMS)]);
        }
    }
    at->heard_epoch = at->epoch;
    at->heard = at->seq;
}

static void fanout_beats(world *at) {
    if (!at->reading && at->heard_epoch == at->epoch &&
        watch_view_reached(at->view, (log_position){at->epoch, at->heard})) {
        settle_streams(at);
    }
}

static void data_are_lost(world *at) {
    at->epoch++;
    at->log_from = at->seq;
    memset(at->last_seq, 0, sizeof at->last_seq);
    if (roll(at, 2) == 0 && !at->reading) {
        fanout_recovers(at);
    } else {
        reading_begins(at);
    }
}

/* -- the clients -- */

static void opens(world *at, subscriber *each) {
    event_stream_options options = {.full = each->full, .bytes_max = 3000, .retry_ms = 10};
    wanted_ids wanted = {0};
    (void)event_id_parse(str_view_of(each->client.last_event_id), &options.known);
    if (each->of_some) {
        char **ids = calloc(3, sizeof *ids);
        for (size_t i = 0; i < 3; i++) {
            ids[i] = str_view_dup(name_of(i * 2));
        }
        assert_true(wanted_ids_take(&wanted, ids, 3));
        free(ids);
    }
    event_stream_open(&each->stream, &options, &wanted);
    each->open = true;
    each->asking = false;
    event_stream_look(&each->stream, at->view);
}

static void is_cut_off(subscriber *each) {
    event_stream_close(&each->stream);
    each->stream = (event_stream){0};
    each->open = false;
    sse_client_cut(&each->client);
}

static void reads(world *at, subscriber *each, size_t most) {
    char bytes[512];
    size_t len = event_stream_read(&each->stream, at->view, bytes, most);
    sse_client_feed(&each->client, bytes, len);
}

static void give_up(world *at, subscriber *each, reset_reason reason) {
    event_stream_give_up(&each->stream, at->view, reason);
    at->resets++;
}

/* As event_streams.c does: a piece of the log, or what it comes to. */
static void log_is_asked(world *at, subscriber *each) {
    log_position from;
    if (!each->asking) {
        each->asking = event_stream_wants_log(&each->stream, &from);
        each->asked_from = from;
        return;
    }
    each->asking = false;
    from = each->asked_from;
    if (each->stream.phase != STREAM_REPLAYING) {
        return;
    }
    if (from.epoch != at->epoch || from.seq <= at->log_from || from.seq > at->seq) {
        give_up(at, each, RESET_LOG);
        return;
    }
    uint64_t first = from.seq > at->log_from + 2 ? from.seq - roll(at, 2) : from.seq; /* entries are whole */
    uint64_t last = first + PIECE < at->seq ? first + PIECE : at->seq;
    for (uint64_t seq = first; seq <= last; seq++) {
        const struct logged *entry = &at->log[seq];
        const watch_change change = {name_of(entry->user), entry->from, entry->to, {at->epoch, seq}, 1000, 0};
        if (!event_stream_replay(&each->stream, &change)) {
            return;
        }
    }
    event_stream_replayed(&each->stream, last);
    at->resumed += each->stream.phase == STREAM_FOLLOWING;
}

static void client_acts(world *at, subscriber *each) {
    if (!each->open) {
        if (roll(at, 3) == 0) {
            opens(at, each);
        }
        return;
    }
    event_stream_look(&each->stream, at->view);
    if (event_stream_is_behind(&each->stream) || roll(at, 60) == 0) {
        is_cut_off(each);
    } else if (roll(at, 3) == 0) {
        log_is_asked(at, each);
    } else if (roll(at, 20) == 0) {
        event_stream_comment(&each->stream, at->view);
    } else {
        reads(at, each, 1 + roll(at, 300));
    }
}

static void step(world *at) {
    switch (roll(at, 12)) {
    case 0:
    case 1:
    case 2:
        something_changes(at);
        break;
    case 3:
    case 4:
    case 5:
        view_hears(at);
        break;
    case 6:
        if (roll(at, 8) == 0 && !at->reading) {
            reading_begins(at);
        } else if (roll(at, 8) == 0 && !at->reading) {
            fanout_recovers(at);
        }
        break;
    case 7:
        if (roll(at, 60) == 0) {
            data_are_lost(at);
        } else if (roll(at, 10) == 0 && at->seq > at->log_from + 30) {
            at->log_from = at->seq - 20; /* trimmed */
        }
        break;
    case 8:
        fanout_beats(at);
        break;
    default:
        break;
    }
    if (at->reading) {
        reading_goes_on(at);
    }
    client_acts(at, &at->subscribers[roll(at, STREAMS)]);
}

static void comes_to_rest(world *at) {
    while (at->reading) {
        reading_goes_on(at);
    }
    while (at->heard != at->seq) {
        view_hears(at);
    }
    fanout_beats(at);
    for (size_t i = 0; i < STREAMS; i++) {
        subscriber *each = &at->subscribers[i];
        if (each->open && event_stream_is_behind(&each->stream)) {
            is_cut_off(each);
        }
        if (!each->open) {
            opens(at, each);
        }
        for (int turn = 0; turn < 3000; turn++) {
            event_stream_look(&each->stream, at->view);
            log_is_asked(at, each);
            reads(at, each, 200);
        }
        assert_int_equal(each->stream.phase, STREAM_FOLLOWING);
        assert_int_equal(event_stream_unread_bytes(&each->stream), 0);
    }
}

static void everybody_knows_what_is(world *at) {
    for (size_t i = 0; i < STREAMS; i++) {
        subscriber *each = &at->subscribers[i];
        for (size_t user = 0; user < USERS; user++) {
            presence_status truth = each->full ? at->truth[user] : status_basic(at->truth[user]);
            if (!each->of_some || (user % 2 == 0 && user < 6)) {
                assert_string_equal(sse_client_status(&each->client, name_of(user).ptr), status_name(truth));
            }
        }
    }
}

static void a_client_knows_what_is_and_is_never_told_what_it_knows(void **state) {
    (void)state;
    uint64_t resumed = 0, resets = 0, changes = 0;
    for (unsigned run = 1; run <= RUNS; run++) {
        static world at;
        at = (world){.random = run, .epoch = 7};
        at.view = watch_view_new(on_tell, &at);
        watch_view_start(at.view, (log_position){0});
        reading_begins(&at);
        for (size_t i = 0; i < STREAMS; i++) {
            at.subscribers[i].full = i % 2 == 0;
            at.subscribers[i].of_some = i >= STREAMS / 2;
        }
        for (int i = 0; i < STEPS; i++) {
            step(&at);
        }
        comes_to_rest(&at);
        everybody_knows_what_is(&at);
        for (size_t i = 0; i < STREAMS; i++) {
            changes += at.subscribers[i].client.changes;
            event_stream_close(&at.subscribers[i].stream);
        }
        resumed += at.resumed;
        resets += at.resets;
        watch_view_destroy(&at.view);
    }
    /* All of it has happened. */
    print_message("%llu changes told, %llu replays, %llu given up\n", (unsigned long long)changes,
                  (unsigned long long)resumed, (unsigned long long)resets);
    assert_true(changes > RUNS * 50 && resumed > RUNS / 4 && resets > RUNS / 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_knows_what_is_and_is_never_told_what_it_knows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
