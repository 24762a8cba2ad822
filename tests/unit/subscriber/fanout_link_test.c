/* fanout_link: interest is said to a ready fanout and again after a gap; only differences are told; a beat
 * settles a view only where all of it has come. The fanout is a real ROUTER that a test scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/random.h"
#include "common/bus/bus_pack.h"
#include "common/subscriber/fanout_link.h"
#include "proto/valid.h"
#include "tests/unit/support/process_fixture.h"

#define TAG "subscriber-fanout/1"

enum { WAIT_MS = 5000, QUIET_MS = 150, EPOCH = 7 };

static struct world {
    process_fixture fixture;
    bus_socket_t *fanout;
    bus_buffer buffer;
    fanout_link_t *link;
    char identity[256];
    size_t identity_bytes;
    /* What the fanout has heard, and says in its beats. */
    uint64_t generation, interests;
    bool all;
    uint64_t beat_seq, beat_generation, beat_number;
    /* What the listeners are told. */
    size_t listeners, settled;
    char told[256];
} at;

static void say(Zp__FanoutToSubscriber *message) {
    assert_true(fanout_to_subscriber_valid(message));
    assert_int_equal(bus_socket_send(at.fanout, str_view_make(at.identity, at.identity_bytes), TAG,
                                     bus_pack(&at.buffer, &message->base)),
                     ZP_OK);
}

static void answer_beat(void) {
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__FanoutBeat beat = ZP__FANOUT_BEAT__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    position.epoch = EPOCH;
    position.seq = at.beat_seq;
    beat.ready = true;
    beat.position = &position;
    beat.generation = at.beat_generation;
    beat.last_number = at.beat_number;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT;
    message.beat = &beat;
    say(&message);
}

static void on_message(void *context, str_view identity, str_view tag, str_view payload) {
    (void)context;
    assert_true(str_view_equal(tag, str_view_of(TAG)));
    Zp__SubscriberToFanout *message =
        zp__subscriber_to_fanout__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    assert_true(message && subscriber_to_fanout_valid(message));
    memcpy(at.identity, identity.ptr, identity.len);
    at.identity_bytes = identity.len;
    if (message->body_case == ZP__SUBSCRIBER_TO_FANOUT__BODY_INTEREST) {
        at.interests++;
        at.generation = message->interest->generation;
        at.all = message->interest->all;
        at.beat_generation = at.generation;
        at.beat_number = 0;
    } else if (message->body_case == ZP__SUBSCRIBER_TO_FANOUT__BODY_BEAT) {
        answer_beat();
    }
    zp__subscriber_to_fanout__free_unpacked(message, NULL);
}

/* A piece of the view with one user who is online since `seq`; "": nobody. */
static void say_view(const char *user_id, uint64_t seq, bool first, bool last) {
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__View view = ZP__VIEW__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    Zp__UserState user = ZP__USER_STATE__INIT;
    Zp__UserState *users[] = {&user};
    position.epoch = EPOCH;
    position.seq = seq;
    user.user_id = (char *)user_id;
    user.status = ZP__STATUS__STATUS_ONLINE;
    user.seq = seq;
    view.generation = at.generation;
    view.position = &position;
    view.users = users;
    view.n_users = user_id[0] ? 1 : 0;
    view.first = first;
    view.last = last;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW;
    message.view = &view;
    say(&message);
}

static void say_update(uint64_t number, const char *user_id, uint64_t seq, Zp__Status to) {
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__Updates updates = ZP__UPDATES__INIT;
    Zp__Update update = ZP__UPDATE__INIT;
    Zp__Update *list[] = {&update};
    update.user_id = (char *)user_id;
    update.seq = seq;
    update.to = to;
    updates.generation = at.generation;
    updates.number = number;
    updates.epoch = EPOCH;
    updates.updates = list;
    updates.n_updates = 1;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES;
    message.updates = &updates;
    say(&message);
}

/* -- the listeners -- */

static size_t listeners_count(void *context) {
    (void)context;
    return at.listeners;
}

static uint32_t wire_forms(void *context) {
    (void)context;
    return 0;
}

static void on_tell(void *context, const watch_change *change, const Zp__Update *given) {
    (void)context;
    size_t len = strlen(at.told);
    (void)snprintf(at.told + len, sizeof at.told - len, "%.*s:%s%s ", (int)change->user_id.len,
                   change->user_id.ptr, status_name(change->to), given ? "" : "*");
}

static void on_settled(void *context) {
    (void)context;
    at.settled++;
}

static bool has_interest(void *context) {
    return at.interests >= *(const uint64_t *)context;
}

static void until_interests(uint64_t count) {
    assert_true(process_fixture_run_until(&at.fixture, has_interest, &count, WAIT_MS));
}

static void run_on(void) {
    process_fixture_run_for(&at.fixture, QUIET_MS); /* some beats */
}

static void listen_with(size_t listeners) {
    at.listeners = listeners;
    fanout_link_interest_changed(at.link, (log_position){EPOCH, 0});
    until_interests(at.interests + 1);
}

static int open_world(void **state) {
    (void)state;
    static const fanout_link_hooks hooks = {listeners_count, wire_forms, on_tell, on_settled,
                                            METRIC_HTTP_INTERESTS};
    static char endpoints[64];
    memset(&at, 0, sizeof at);
    static const char *settings[] = {
        "BEAT_INTERVAL_MS",    "20", "PEER_TIMEOUT_MS",  "250",     "LOG_LEVEL", "error",
        "ENDPOINT_REFRESH_MS", "50", "FANOUT_ENDPOINTS", endpoints, NULL};
    (void)snprintf(endpoints, sizeof endpoints, "tcp://127.0.0.1:%d", 20000 + (int)(random_u64() % 10000));
    process_fixture_open(&at.fixture, API, settings);
    assert_int_equal(
        bus_socket_new(&at.fanout, &at.fixture.process.bus, BUS_ROUTER, FANOUT, endpoints, on_message, NULL),
        ZP_OK);
    assert_int_equal(fanout_link_new(&at.link, &at.fixture.process, &hooks, NULL), ZP_OK);
    until_interests(1);
    return 0;
}

static int close_world(void **state) {
    (void)state;
    fanout_link_destroy(&at.link);
    bus_socket_destroy(&at.fanout);
    bus_buffer_free(&at.buffer);
    process_fixture_close(&at.fixture);
    return 0;
}

/* Somebody listens, and the view is there: `a` is online, up to 5. */
static void listen_and_view(void) {
    listen_with(1);
    say_view("a", 5, true, true);
    run_on();
    assert_int_equal(at.settled, 1);
    at.told[0] = '\0';
}

static void whoever_has_no_listeners_wants_nothing(void **state) {
    (void)state;
    assert_false(at.all);
    listen_with(2);
    assert_true(at.all);
    listen_with(0);
    assert_false(at.all);
    assert_null(fanout_link_trouble(at.link));
}

static void only_differences_are_told(void **state) {
    (void)state;
    listen_and_view();
    say_update(1, "a", 6, ZP__STATUS__STATUS_ONLINE); /* as it is */
    say_update(2, "b", 7, ZP__STATUS__STATUS_BUSY);
    say_update(3, "b", 7, ZP__STATUS__STATUS_OFFLINE); /* said before */
    run_on();
    assert_string_equal(at.told, "b:busy ");
    assert_int_equal(at.interests, 2);
}

static void a_gap_is_followed_by_the_whole_interest_and_the_differences(void **state) {
    (void)state;
    listen_and_view();
    say_update(2, "b", 7, ZP__STATUS__STATUS_BUSY); /* 1 was lost */
    until_interests(3);
    say_view("c", 8, true, false);
    run_on();
    assert_false(watch_view_is_settled(fanout_link_view(at.link)));
    say_view("", 8, false, true);
    run_on();
    assert_string_equal(at.told, "c:online* a:offline* ");
    assert_int_equal(at.settled, 2);
}

static void a_gap_at_the_end_is_found_by_a_beat(void **state) {
    (void)state;
    listen_and_view();
    at.beat_number = 1; /* which never came */
    until_interests(3);
}

static void what_came_in_no_order_is_settled_by_a_beat(void **state) {
    (void)state;
    listen_and_view();
    at.beat_seq = 5;
    at.beat_number = 1;
    say_update(1, "b", 9, ZP__STATUS__STATUS_BUSY);
    run_on();
    assert_false(watch_view_is_settled(fanout_link_view(at.link))); /* that beat is of before */
    at.beat_seq = 9;
    run_on();
    assert_true(watch_view_is_settled(fanout_link_view(at.link)));
    assert_int_equal(at.settled, 2);
    assert_int_equal(watch_view_position(fanout_link_view(at.link)).seq, 9);
}

static void a_beat_settles_nothing_of_a_view_that_was_not_had(void **state) {
    (void)state;
    listen_and_view();
    say_update(3, "b", 9, ZP__STATUS__STATUS_BUSY); /* two were lost */
    until_interests(3);
    at.beat_seq = 9;
    say_view("", 9, false, true); /* its beginning was lost too */
    run_on();
    assert_int_equal(watch_view_position(fanout_link_view(at.link)).seq, 5);
    assert_string_equal(at.told, "");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(whoever_has_no_listeners_wants_nothing),
        TEST(only_differences_are_told),
        TEST(a_gap_is_followed_by_the_whole_interest_and_the_differences),
        TEST(a_gap_at_the_end_is_found_by_a_beat),
        TEST(what_came_in_no_order_is_settled_by_a_beat),
        TEST(a_beat_settles_nothing_of_a_view_that_was_not_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
