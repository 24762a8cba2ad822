/* ticker: service time passes as long as one core answers. Cores are real ROUTERs that a test scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/bus/bus_pack.h"
#include "services/expiry-watcher/ticker.h"
#include "tests/unit/support/process_fixture.h"

enum { CORES = 2, WAIT_MS = 10000 };

typedef struct scripted_core {
    bus_socket_t *socket;
    bus_buffer buffer;
    size_t ticks;
    bool answers;
    bool late; /* answers every tick with the number of the one before */
    Zp__Outcome outcome;
    size_t more; /* so many answers say that more is due */
} scripted_core;

typedef struct world {
    process_fixture fixture;
    scripted_core cores[CORES];
    core_link_t *link;
    ticker_t *ticker;
    size_t ticks_wanted;
} world;

static void send_to(scripted_core *core, str_view identity, const Zp__CoreToWatcher *message) {
    assert_int_equal(
        bus_socket_send(core->socket, identity, "watcher-core/1", bus_pack(&core->buffer, &message->base)),
        ZP_OK);
}

static void answer_beat(scripted_core *core, str_view identity) {
    Zp__BeatReply reply = ZP__BEAT_REPLY__INIT;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    Zp__CoreToWatcher message = ZP__CORE_TO_WATCHER__INIT;
    message.body_case = ZP__CORE_TO_WATCHER__BODY_BEAT_REPLY;
    message.beat_reply = &reply;
    send_to(core, identity, &message);
}

static void answer_tick(scripted_core *core, str_view identity, uint64_t request_id) {
    Zp__TickReply reply = ZP__TICK_REPLY__INIT;
    reply.request_id = core->late ? request_id - 1 : request_id;
    reply.outcome = core->outcome;
    reply.more = core->more > 0;
    core->more -= core->more > 0 ? 1 : 0;
    Zp__CoreToWatcher message = ZP__CORE_TO_WATCHER__INIT;
    message.body_case = ZP__CORE_TO_WATCHER__BODY_TICK_REPLY;
    message.tick_reply = &reply;
    send_to(core, identity, &message);
}

static void on_core_message(void *context, str_view identity, str_view tag, str_view payload) {
    scripted_core *core = context;
    assert_true(str_view_equal(tag, str_view_of("watcher-core/1")));
    Zp__WatcherToCore *message = zp__watcher_to_core__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    assert_non_null(message);
    assert_true(watcher_to_core_valid(message));
    if (message->body_case == ZP__WATCHER_TO_CORE__BODY_BEAT) {
        answer_beat(core, identity);
    } else if (message->body_case == ZP__WATCHER_TO_CORE__BODY_TICK) {
        core->ticks++;
        if (core->answers) {
            answer_tick(core, identity, message->tick->request_id);
        }
    }
    zp__watcher_to_core__free_unpacked(message, NULL);
}

static void on_tick_reply(void *context, const Zp__TickReply *reply) {
    ticker_on_reply(((world *)context)->ticker, reply);
}

static void on_tick_lost(void *context) {
    ticker_on_lost(((world *)context)->ticker);
}

static bool cores_live(void *context) {
    return core_link_live_count(((world *)context)->link) == CORES;
}

static bool ticks_came(void *context) {
    const world *at = context;
    return at->cores[0].ticks + at->cores[1].ticks >= at->ticks_wanted;
}

static bool run_until_ticks(world *at, size_t ticks) {
    at->ticks_wanted = ticks;
    return process_fixture_run_until(&at->fixture, ticks_came, at, WAIT_MS);
}

/* Two live cores that answer OK, and a ticker that has not ticked yet. Where the cores listen is only known
 * once they do, so the watcher reads it from a file. */
static void open_world(world *at, const char *tick_ms, const char *timeout_ms) {
    *at = (world){0};
    char path[] = "/tmp/zpresence-ticker-XXXXXX", endpoints[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)snprintf(endpoints, sizeof endpoints, "file:%s", path);
    const char *const settings[] = {"CLOCK_TICK_MS",
                                    tick_ms,
                                    "TICK_TIMEOUT_MS",
                                    timeout_ms,
                                    "BEAT_INTERVAL_MS",
                                    "50",
                                    "PEER_TIMEOUT_MS",
                                    "400",
                                    "LOG_LEVEL",
                                    "error",
                                    "CORE_ENDPOINTS",
                                    endpoints,
                                    NULL};
    process_fixture_open(&at->fixture, WATCHER, settings);
    for (size_t i = 0; i < CORES; i++) {
        scripted_core *core = &at->cores[i];
        core->answers = true;
        core->outcome = ZP__OUTCOME__OUTCOME_OK;
        assert_int_equal(bus_socket_new(&core->socket, &at->fixture.process.bus, BUS_ROUTER, CORE,
                                        "tcp://127.0.0.1:*", on_core_message, core),
                         ZP_OK);
        assert_true(dprintf(fd, "%s\n", bus_socket_endpoint(core->socket)) > 0);
    }
    close(fd);
    const core_link_events events = {on_tick_reply, on_tick_lost};
    assert_int_equal(core_link_new(&at->link, &at->fixture.process, &events, at), ZP_OK);
    assert_true(process_fixture_run_until(&at->fixture, cores_live, at, WAIT_MS));
    unlink(path);
    assert_int_equal(ticker_new(&at->ticker, &at->fixture.process.bus, at->link), ZP_OK);
}

static void close_world(world *at) {
    ticker_destroy(&at->ticker);
    core_link_destroy(&at->link);
    for (size_t i = 0; i < CORES; i++) {
        bus_socket_destroy(&at->cores[i].socket);
        bus_buffer_free(&at->cores[i].buffer);
    }
    process_fixture_close(&at->fixture);
}

/* The core that the next tick goes to has had the last one too. */
static scripted_core *ticked_core(world *at) {
    return at->cores[0].ticks > 0 ? &at->cores[0] : &at->cores[1];
}

static scripted_core *other_core(world *at) {
    return ticked_core(at) == &at->cores[0] ? &at->cores[1] : &at->cores[0];
}

static void ticks_go_on_while_they_are_answered(void **state) {
    (void)state;
    world at;
    open_world(&at, "20", "10000");
    assert_non_null(ticker_trouble(at.ticker));
    assert_true(run_until_ticks(&at, 5));
    assert_null(ticker_trouble(at.ticker));
    assert_int_equal(other_core(&at)->ticks, 0);
    close_world(&at);
}

static void only_one_tick_is_waited_for(void **state) {
    (void)state;
    world at;
    open_world(&at, "20", "10000");
    at.cores[0].answers = at.cores[1].answers = false;
    process_fixture_run_for(&at.fixture, 600);
    assert_int_equal(at.cores[0].ticks + at.cores[1].ticks, 1);
    close_world(&at);
}

static void while_more_is_due_it_ticks_at_once(void **state) {
    (void)state;
    world at;
    open_world(&at, "1000", "10000");
    at.cores[0].more = at.cores[1].more = 200;
    uint64_t began_ms = clock_monotonic_ms();
    assert_true(run_until_ticks(&at, 201));
    assert_true(clock_monotonic_ms() - began_ms < 5000); /* 200 s, if each waited for its time */
    close_world(&at);
}

static void an_unanswered_tick_is_followed_by_one_to_another_core(void **state) {
    (void)state;
    world at;
    open_world(&at, "20", "100");
    assert_true(run_until_ticks(&at, 1));
    scripted_core *silent = ticked_core(&at);
    silent->answers = false;
    for (size_t ticks = 0; other_core(&at)->ticks == 0 && ticks < 20; ticks++) {
        assert_true(run_until_ticks(&at, at.cores[0].ticks + at.cores[1].ticks + 1));
    }
    assert_true(at.cores[0].ticks > 0 && at.cores[1].ticks > 0);
    process_fixture_run_for(&at.fixture, 300);
    assert_null(ticker_trouble(at.ticker));
    close_world(&at);
}

static void when_the_core_asked_dies_another_is_asked_without_waiting_for_the_timeout(void **state) {
    (void)state;
    world at;
    open_world(&at, "20", "60000");
    at.cores[0].answers = at.cores[1].answers = false;
    assert_true(run_until_ticks(&at, 1));
    scripted_core *dead = ticked_core(&at), *heir = other_core(&at);
    bus_socket_destroy(&dead->socket);
    heir->answers = true;
    assert_true(run_until_ticks(&at, 4));
    assert_int_equal(dead->ticks, 1);
    close_world(&at);
}

static void a_late_answer_is_not_taken_for_the_one_that_is_due(void **state) {
    (void)state;
    world at;
    open_world(&at, "20", "10000");
    at.cores[0].late = at.cores[1].late = true;
    at.cores[0].more = at.cores[1].more = 1000;
    process_fixture_run_for(&at.fixture, 500);
    assert_int_equal(at.cores[0].ticks + at.cores[1].ticks, 1);
    assert_non_null(ticker_trouble(at.ticker));
    close_world(&at);
}

static void a_core_without_redis_is_said_and_another_is_tried(void **state) {
    (void)state;
    world at;
    open_world(&at, "20", "10000");
    at.cores[0].outcome = at.cores[1].outcome = ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    assert_true(run_until_ticks(&at, 20));
    assert_true(at.cores[0].ticks > 0 && at.cores[1].ticks > 0);
    assert_string_equal(ticker_trouble(at.ticker),
                        "presence-core cannot reach Redis: service time stands still");
    close_world(&at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_go_on_while_they_are_answered),
        cmocka_unit_test(only_one_tick_is_waited_for),
        cmocka_unit_test(while_more_is_due_it_ticks_at_once),
        cmocka_unit_test(an_unanswered_tick_is_followed_by_one_to_another_core),
        cmocka_unit_test(when_the_core_asked_dies_another_is_asked_without_waiting_for_the_timeout),
        cmocka_unit_test(a_late_answer_is_not_taken_for_the_one_that_is_due),
        cmocka_unit_test(a_core_without_redis_is_said_and_another_is_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
