/* heartbeat_link, heartbeat_messages and announcer: what leaves together, in which order, under which
 * numbers, what is told of it, and what is said again to a new epoch. The core is a real ROUTER that a test
 * scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/bus/bus_pack.h"
#include "services/http-api/announcer.h"
#include "services/http-api/heartbeat_link.h"
#include "tests/unit/support/process_fixture.h"

enum { WAIT_MS = 10000, DEADLINE_MS = 600, MOST = 300, KEPT = 40, HEARD_AT_MS = 5000 };

/* What came to the core. */
typedef struct kept_message {
    uint64_t number, floor;
    size_t count;
    bool complete, announces;
    char first_user[16], last_user[16];
    Zp__Status last_status;
} kept_message;

typedef struct world {
    process_fixture fixture;
    bus_socket_t *socket;
    bus_buffer buffer;
    bool silent;
    Zp__Outcome outcome;
    uint64_t epoch;
    kept_message kept[KEPT];
    size_t kept_count;
    core_link_t *cores;
    heard_sources_t *heard;
    heartbeat_messages_t *messages;
    heartbeat_link_t *link;
    announcer_t *announcer;
    size_t taken, failed, wanted;
} world;

static world at;

static void answer(str_view identity, const Zp__CoreToApi *message) {
    assert_int_equal(bus_socket_send(at.socket, identity, "api-core/1", bus_pack(&at.buffer, &message->base)),
                     ZP_OK);
}

static void keep(const Zp__Heartbeats *heartbeats) {
    assert_true(at.kept_count < KEPT);
    kept_message *kept = &at.kept[at.kept_count++];
    *kept = (kept_message){.number = heartbeats->number,
                           .floor = heartbeats->floor,
                           .count = heartbeats->n_heartbeats,
                           .complete = heartbeats->complete};
    if (kept->count > 0) {
        const Zp__Heartbeat *last = heartbeats->heartbeats[kept->count - 1];
        (void)snprintf(kept->first_user, sizeof kept->first_user, "%s", heartbeats->heartbeats[0]->user_id);
        (void)snprintf(kept->last_user, sizeof kept->last_user, "%s", last->user_id);
        kept->last_status = last->status;
        kept->announces = last->heard_at_ms == HEARD_AT_MS;
    }
}

static void on_core_message(void *context, str_view identity, str_view tag, str_view payload) {
    (void)context;
    (void)tag;
    Zp__ApiToCore *message = zp__api_to_core__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    assert_non_null(message);
    assert_true(api_to_core_valid(message));
    Zp__Position position = ZP__POSITION__INIT;
    position.epoch = at.epoch;
    Zp__CoreToApi reply = ZP__CORE_TO_API__INIT;
    Zp__BeatReply beat = ZP__BEAT_REPLY__INIT;
    Zp__HeartbeatsReply heard = ZP__HEARTBEATS_REPLY__INIT;
    if (message->body_case == ZP__API_TO_CORE__BODY_BEAT) {
        assert_string_equal(message->beat->incarnation, core_link_incarnation(at.cores));
        beat.outcome = ZP__OUTCOME__OUTCOME_OK;
        beat.position = &position;
        reply.body_case = ZP__CORE_TO_API__BODY_BEAT_REPLY;
        reply.beat_reply = &beat;
        answer(identity, &reply);
    } else if (message->body_case == ZP__API_TO_CORE__BODY_HEARTBEATS) {
        keep(message->heartbeats);
        heard.request_id = message->heartbeats->request_id;
        heard.outcome = at.outcome;
        heard.position = &position;
        heard.at_ms = HEARD_AT_MS;
        heard.clock_ms = 1000;
        reply.body_case = ZP__CORE_TO_API__BODY_HEARTBEATS_REPLY;
        reply.heartbeats_reply = &heard;
        if (!at.silent) {
            answer(identity, &reply);
        }
    }
    zp__api_to_core__free_unpacked(message, NULL);
}

static bool is_live(void *context) {
    (void)context;
    return core_link_live_count(at.cores) == 1 && core_link_position(at.cores).epoch > 0;
}

static int open_world(void **state) {
    (void)state;
    at = (world){.outcome = ZP__OUTCOME__OUTCOME_OK, .epoch = 1};
    char path[] = "/tmp/zpresence-heartbeats-XXXXXX", endpoints[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)snprintf(endpoints, sizeof endpoints, "file:%s", path);
    const char *const settings[] = {"HTTP_DEADLINE_MS",
                                    "600",
                                    "BEAT_INTERVAL_MS",
                                    "50",
                                    "PEER_TIMEOUT_MS",
                                    "5000",
                                    "CORE_ENDPOINTS",
                                    endpoints,
                                    "LOG_LEVEL",
                                    "error",
                                    "HEARTBEAT_DELAY_MS",
                                    "5",
                                    NULL};
    process_fixture_open(&at.fixture, API, settings);
    const process_t *process = &at.fixture.process;
    assert_int_equal(bus_socket_new(&at.socket, &process->bus, BUS_ROUTER, CORE, "tcp://127.0.0.1:*",
                                    on_core_message, &at),
                     ZP_OK);
    assert_true(dprintf(fd, "%s\n", bus_socket_endpoint(at.socket)) > 0);
    close(fd);
    assert_int_equal(core_link_new(&at.cores, process, MOST), ZP_OK);
    at.heard = heard_sources_new(1000, 60000);
    assert_int_equal(heartbeat_messages_new(&at.messages, at.cores), ZP_OK);
    assert_int_equal(heartbeat_link_new(&at.link, process, at.messages, at.heard, MOST), ZP_OK);
    assert_true(process_fixture_run_until(&at.fixture, is_live, NULL, WAIT_MS));
    unlink(path);
    return 0;
}

static int close_world(void **state) {
    (void)state;
    heartbeat_link_close(at.link);
    announcer_close(at.announcer);
    core_link_destroy(&at.cores);
    announcer_destroy(&at.announcer);
    heartbeat_link_destroy(&at.link);
    heartbeat_messages_destroy(&at.messages);
    heard_sources_destroy(&at.heard);
    bus_socket_destroy(&at.socket);
    bus_buffer_free(&at.buffer);
    process_fixture_close(&at.fixture);
    return 0;
}

static void on_done(void *context, bool taken) {
    (void)context;
    *(taken ? &at.taken : &at.failed) += 1;
}

static void say(const char *user, presence_status status) {
    const heartbeat_t heartbeat = {user, "default", status};
    size_t before = at.taken + at.failed;
    assert_int_equal(heartbeat_link_say(at.link, &heartbeat, on_done, NULL), ZP_OK);
    assert_int_equal(at.taken + at.failed, before); /* never from within the saying */
}

static void say_many(int count) {
    char user[16];
    for (int i = 0; i < count; i++) {
        (void)snprintf(user, sizeof user, "u%d", i);
        say(user, STATUS_ONLINE);
    }
}

static bool all_done(void *context) {
    (void)context;
    return at.taken + at.failed >= at.wanted;
}

static uint64_t run_until_done(size_t count) {
    at.wanted = count;
    uint64_t began_ms = clock_monotonic_ms();
    assert_true(process_fixture_run_until(&at.fixture, all_done, NULL, WAIT_MS));
    uint64_t took_ms = clock_monotonic_ms() - began_ms;
    process_fixture_run_for(&at.fixture, 50); /* for what should not come */
    assert_int_equal(at.taken + at.failed, count);
    return took_ms;
}

static void what_comes_together_leaves_together_a_hundred_at_most(void **state) {
    (void)state;
    say_many(250);
    run_until_done(250);
    assert_int_equal(at.taken, 250);
    assert_int_equal(at.kept_count, 3);
    assert_int_equal(at.kept[0].count, 100);
    assert_int_equal(at.kept[2].count, 50);
    assert_string_equal(at.kept[0].first_user, "u0");
    assert_int_equal(heard_sources_count(at.heard), 250);
}

static bool has_kept(void *count) {
    return at.kept_count >= *(size_t *)count;
}

static void run_until_kept(size_t count) {
    assert_true(process_fixture_run_until(&at.fixture, has_kept, &count, WAIT_MS));
}

static void of_one_user_the_next_waits_for_the_one_before(void **state) {
    (void)state;
    at.silent = true;
    say("a", STATUS_OFFLINE);
    run_until_kept(1);
    say("a", STATUS_ONLINE);
    say("b", STATUS_ONLINE);
    run_until_kept(2);
    assert_int_equal(at.kept_count, 2);
    assert_string_equal(at.kept[1].last_user, "b");
    at.silent = false; /* the first is asked for again after a third of the deadline */
    run_until_done(3);
    assert_int_equal(at.taken, 3);
    const kept_message *last = NULL;
    for (size_t i = 0; i < at.kept_count; i++) {
        last = strcmp(at.kept[i].last_user, "a") == 0 ? &at.kept[i] : last;
    }
    assert_non_null(last);
    assert_int_equal(last->last_status, ZP__STATUS__STATUS_ONLINE);
    assert_true(last->number > at.kept[0].number);
}

static void said_together_they_keep_their_order(void **state) {
    (void)state;
    say("a", STATUS_OFFLINE);
    say("a", STATUS_BUSY);
    run_until_done(2);
    assert_int_equal(at.kept_count, 1);
    assert_int_equal(at.kept[0].count, 2);
    assert_int_equal(at.kept[0].last_status, ZP__STATUS__STATUS_BUSY);
}

static void numbers_rise_and_the_floor_follows_what_is_done(void **state) {
    (void)state;
    say("a", STATUS_ONLINE);
    run_until_done(1);
    say("a", STATUS_ONLINE);
    run_until_done(2);
    assert_int_equal(at.kept[0].floor, 0);
    assert_int_equal(at.kept[1].floor, 1);
    assert_int_equal(at.kept[1].number, 2);
    at.silent = true;
    say("a", STATUS_ONLINE);
    run_until_kept(3);
    at.silent = false;
    say("b", STATUS_ONLINE);
    run_until_kept(4);
    assert_int_equal(at.kept[3].number, 4);
    assert_int_equal(at.kept[3].floor, 2); /* the third is under way */
    run_until_done(4);
    assert_int_equal(at.kept[4].number, 3); /* said again as it was */
}

static void what_is_not_acknowledged_is_given_up_at_its_deadline(void **state) {
    (void)state;
    at.silent = true;
    say("a", STATUS_ONLINE);
    process_fixture_run_for(&at.fixture, DEADLINE_MS / 2);
    say("a", STATUS_BUSY);
    at.wanted = 1;
    assert_true(process_fixture_run_until(&at.fixture, all_done, NULL, WAIT_MS));
    assert_int_equal(at.failed, 1); /* each at its own */
    uint64_t took_ms = run_until_done(2);
    assert_in_range(took_ms, DEADLINE_MS / 2 - 100, DEADLINE_MS);
    assert_int_equal(at.failed, 2);
    assert_int_equal(heard_sources_count(at.heard), 0);
}

static void what_a_core_cannot_take_is_not_acknowledged(void **state) {
    (void)state;
    at.outcome = ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    say_many(3);
    run_until_done(3);
    assert_int_equal(at.failed, 3);
}

static void more_than_allowed_are_refused(void **state) {
    (void)state;
    const heartbeat_t heartbeat = {"one-more", "default", STATUS_ONLINE};
    say_many(MOST);
    assert_int_equal(heartbeat_link_say(at.link, &heartbeat, on_done, NULL), ZP_FULL);
    run_until_done(MOST);
    assert_int_equal(heartbeat_link_say(at.link, &heartbeat, on_done, NULL), ZP_OK);
    run_until_done(MOST + 1);
}

static void at_the_end_all_are_told(void **state) {
    (void)state;
    at.silent = true;
    say("a", STATUS_ONLINE);
    process_fixture_run_for(&at.fixture, 50);
    say("a", STATUS_BUSY);
    heartbeat_link_close(at.link);
    assert_int_equal(at.failed, 1);
    core_link_destroy(&at.cores);
    assert_int_equal(at.failed, 2);
}

/* -- announcing -- */

static void begin_announcing(void) {
    assert_int_equal(announcer_new(&at.announcer, &at.fixture.process, at.cores, at.messages, at.heard),
                     ZP_OK);
}

static void a_new_epoch_is_told_all_that_was_heard_in_pieces(void **state) {
    (void)state;
    begin_announcing();
    process_fixture_run_for(&at.fixture, 200);
    assert_int_equal(at.kept_count, 1); /* the first epoch: nothing was heard before it */
    assert_true(at.kept[0].complete);
    assert_int_equal(at.kept[0].count, 0);
    say_many(150);
    run_until_done(150);
    at.kept_count = 0;
    at.epoch = 2;
    process_fixture_run_for(&at.fixture, 400);
    assert_int_equal(at.kept_count, 2);
    assert_int_equal(at.kept[0].count, 100);
    assert_true(at.kept[0].announces && !at.kept[0].complete);
    assert_int_equal(at.kept[1].count, 50);
    assert_true(at.kept[1].announces && at.kept[1].complete);
    process_fixture_run_for(&at.fixture, 200);
    assert_int_equal(at.kept_count, 2); /* once */
}

static void it_is_told_until_a_core_has_taken_it(void **state) {
    (void)state;
    say("a", STATUS_ONLINE);
    run_until_done(1);
    at.outcome = ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    at.kept_count = 0;
    begin_announcing();
    run_until_kept(2);
    at.outcome = ZP__OUTCOME__OUTCOME_OK;
    run_until_kept(at.kept_count + 1);
    process_fixture_run_for(&at.fixture, 100);
    size_t told = at.kept_count;
    assert_true(at.kept[told - 1].complete && at.kept[told - 1].count == 1);
    process_fixture_run_for(&at.fixture, 100);
    assert_int_equal(at.kept_count, told);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_comes_together_leaves_together_a_hundred_at_most),
        TEST(of_one_user_the_next_waits_for_the_one_before),
        TEST(said_together_they_keep_their_order),
        TEST(numbers_rise_and_the_floor_follows_what_is_done),
        TEST(what_is_not_acknowledged_is_given_up_at_its_deadline),
        TEST(what_a_core_cannot_take_is_not_acknowledged),
        TEST(more_than_allowed_are_refused),
        TEST(at_the_end_all_are_told),
        TEST(a_new_epoch_is_told_all_that_was_heard_in_pieces),
        TEST(it_is_told_until_a_core_has_taken_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
