/* peer_set: who lives, who is chosen, and how soon. Peers are real ROUTERs that answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/bus/peer_set.h"
#include "tests/unit/bus/bus_fixture.h"

enum { WAIT_MS = 20000, PEERS_MAX = 3, KEYS = 300, DESCRIPTORS = 100 };

static const char TAG[] = "test/1";
static const char *const SETTINGS[] = {
    "BEAT_INTERVAL_MS", "100", "PEER_TIMEOUT_MS", "500", "ENDPOINT_REFRESH_MS", "50", NULL};

typedef struct answerer {
    bus_socket_t *socket;
    char endpoint[64];
    size_t heard;
    bool silent;
    const char *tag; /* that it answers with */
} answerer;

typedef struct world {
    bus_fixture fixture;
    answerer peers[PEERS_MAX];
    peer_set_t *set;
    size_t live_expected;
    size_t messages, became_live, became_lost;
    bool only_silent_beats;
} world;

static void answer(void *context, str_view identity, str_view tag, str_view payload) {
    answerer *peer = context;
    assert_true(str_view_equal(tag, str_view_of(TAG)));
    peer->heard++;
    if (!peer->silent) {
        /* Who asked may have left: then there is nobody to be answered. */
        (void)!bus_socket_send(peer->socket, identity, peer->tag ? peer->tag : TAG, payload);
    }
}

static void start_peer(world *at, size_t i) {
    const char *endpoint = at->peers[i].endpoint[0] ? at->peers[i].endpoint : ANY_PORT;
    assert_int_equal(bus_socket_new(&at->peers[i].socket, &at->fixture.bus, BUS_ROUTER, FANOUT, endpoint,
                                    answer, &at->peers[i]),
                     ZP_OK);
    (void)snprintf(at->peers[i].endpoint, sizeof at->peers[i].endpoint, "%s",
                   bus_socket_endpoint(at->peers[i].socket));
}

static void on_message(void *context, peer_t *peer, str_view payload) {
    world *at = context;
    assert_true(peer_is_live(peer));
    assert_true(payload.len > 0);
    at->messages++;
}

static void on_beat(void *context, peer_t *peer, str_view *ret_payload) {
    const world *at = context;
    (void)peer;
    if (!at->only_silent_beats) {
        *ret_payload = str_view_of("beat");
    }
}

static void on_liveness(void *context, peer_t *peer, bool live) {
    world *at = context;
    assert_int_equal(peer_is_live(peer), live);
    at->became_live += live ? 1 : 0;
    at->became_lost += live ? 0 : 1;
    assert_int_equal(peer_live_for_ms(peer), 0);
    if (!live) { /* owners choose another at once: never the one that is lost */
        assert_ptr_not_equal(peer_set_choose(at->set, str_view_of("123")), peer);
    }
}

static void open_set(world *at, const char *endpoints) {
    static const peer_set_events EVENTS = {on_message, on_beat, on_liveness};
    assert_int_equal(peer_set_new(&at->set, &at->fixture.bus, endpoints, TAG, &EVENTS, at), ZP_OK);
}

static void open_world(world *at) {
    *at = (world){0};
    bus_fixture_open(&at->fixture, SETTINGS);
    char endpoints[256];
    size_t len = 0;
    for (size_t i = 0; i < PEERS_MAX; i++) {
        start_peer(at, i);
        len += (size_t)snprintf(endpoints + len, sizeof endpoints - len, "%s%s", i > 0 ? "," : "",
                                at->peers[i].endpoint);
    }
    open_set(at, endpoints);
}

static void close_world(world *at) {
    peer_set_destroy(&at->set);
    assert_int_equal(bus_fixture_metric(&at->fixture, METRIC_PEERS_LIVE), 0);
    for (size_t i = 0; i < PEERS_MAX; i++) {
        bus_socket_destroy(&at->peers[i].socket);
    }
    bus_fixture_close(&at->fixture);
}

static bool live_as_expected(void *context) {
    const world *at = context;
    return peer_set_live_count(at->set) == at->live_expected;
}

static bool become_live(world *at, size_t count) {
    at->live_expected = count;
    bool done = bus_fixture_run_until(&at->fixture, live_as_expected, at, WAIT_MS);
    assert_int_equal(bus_fixture_metric(&at->fixture, METRIC_PEERS_LIVE), count);
    return done;
}

static void all_peers_are_live_as_soon_as_they_are_connected(void **state) {
    (void)state;
    static const char *const SLOW[] = {"BEAT_INTERVAL_MS", "60000", "PEER_TIMEOUT_MS", "600000", NULL};
    world at = {0};
    bus_fixture_open(&at.fixture, SLOW);
    start_peer(&at, 0);
    open_set(&at, at.peers[0].endpoint);
    uint64_t began_ms = clock_monotonic_ms();
    assert_true(become_live(&at, 1));
    assert_in_range(clock_monotonic_ms() - began_ms, 0, 2000);
    assert_int_equal(at.became_live, 1);
    close_world(&at);
}

static void a_peer_that_dies_is_lost_and_one_that_returns_is_found(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_true(become_live(&at, 3));
    bus_socket_destroy(&at.peers[1].socket);
    uint64_t began_ms = clock_monotonic_ms();
    assert_true(become_live(&at, 2));
    assert_in_range(clock_monotonic_ms() - began_ms, 350, 2000);
    assert_int_equal(at.became_lost, 1);
    start_peer(&at, 1);
    assert_true(become_live(&at, 3));
    assert_int_equal(at.became_live, 4);
    close_world(&at);
}

static void a_peer_that_is_connected_and_says_nothing_is_lost(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_true(become_live(&at, 3));
    at.peers[0].silent = true;
    assert_true(become_live(&at, 2));
    size_t heard = at.peers[0].heard;
    (void)bus_fixture_run_for(&at.fixture, 500);
    assert_in_range(at.peers[0].heard - heard, 2, 8); /* still beaten, at the interval */
    at.peers[0].silent = false;
    assert_true(become_live(&at, 3));
    close_world(&at);
}

static void live_peers_stay_live(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_true(become_live(&at, 3));
    (void)bus_fixture_run_for(&at.fixture, 2000);
    assert_int_equal(at.became_lost, 0);
    assert_int_equal(at.became_live, 3);
    peer_t *peer = peer_set_choose(at.set, str_view_of("123"));
    assert_in_range(peer_live_for_ms(peer), 1900, 4000);
    close_world(&at);
}

/* SIGSTOP and a long swap look like this: timers are due first, and what the peers said waits unread. */
static void a_loop_that_stood_still_does_not_blame_its_peers(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_true(become_live(&at, 3));
    for (int i = 0; i < 3; i++) {
        (void)usleep(900 * 1000);
        (void)bus_fixture_run_for(&at.fixture, 150);
    }
    assert_int_equal(at.became_lost, 0);
    close_world(&at);
}

static void keys_belong_to_live_peers_and_move_only_when_theirs_goes(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_null(peer_set_choose(at.set, str_view_of("123")));
    assert_true(become_live(&at, 3));
    char before[KEYS][64];
    size_t owned[PEERS_MAX] = {0};
    for (int i = 0; i < KEYS; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "user-%d", i);
        peer_t *peer = peer_set_choose(at.set, str_view_of(key));
        (void)snprintf(before[i], sizeof before[i], "%s", peer_endpoint(peer));
        for (size_t j = 0; j < PEERS_MAX; j++) {
            owned[j] += strcmp(at.peers[j].endpoint, before[i]) == 0 ? 1 : 0;
        }
    }
    for (size_t j = 0; j < PEERS_MAX; j++) {
        assert_in_range(owned[j], KEYS / 6, KEYS / 2);
    }
    bus_socket_destroy(&at.peers[2].socket);
    assert_true(become_live(&at, 2));
    for (int i = 0; i < KEYS; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "user-%d", i);
        const char *after = peer_endpoint(peer_set_choose(at.set, str_view_of(key)));
        if (strcmp(before[i], at.peers[2].endpoint) == 0) {
            assert_string_not_equal(after, at.peers[2].endpoint);
        } else {
            assert_string_equal(after, before[i]);
        }
    }
    close_world(&at);
}

static void a_key_goes_through_every_live_peer_once_and_then_to_none(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_null(peer_set_choose_after(at.set, str_view_of("123"), NULL));
    assert_true(become_live(&at, 3));
    size_t second_count[PEERS_MAX] = {0};
    for (int i = 0; i < KEYS; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "user-%d", i);
        bool had[PEERS_MAX] = {false};
        peer_t *peer = NULL;
        for (size_t turn = 0; turn < 3; turn++) {
            peer = peer_set_choose_after(at.set, str_view_of(key), peer);
            assert_non_null(peer);
            for (size_t j = 0; j < PEERS_MAX; j++) {
                if (strcmp(at.peers[j].endpoint, peer_endpoint(peer)) == 0) {
                    assert_false(had[j]);
                    had[j] = true;
                    second_count[j] += turn == 1;
                }
            }
        }
        assert_null(peer_set_choose_after(at.set, str_view_of(key), peer));
    }
    for (size_t j = 0; j < 3; j++) {
        assert_true(second_count[j] > 0); /* who takes over for one is not always the same other */
    }
    close_world(&at);
}

static bool is_heard_again(void *context) {
    return !peer_is_passed_over(context);
}

static void who_is_passed_over_comes_last_until_heard(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_true(become_live(&at, 3));
    peer_t *first = peer_set_choose(at.set, str_view_of("123"));
    peer_t *second = peer_set_choose_after(at.set, str_view_of("123"), first);
    peer_t *third = peer_set_choose_after(at.set, str_view_of("123"), second);
    peer_pass_over(first);
    assert_ptr_equal(peer_set_choose(at.set, str_view_of("123")), second);
    assert_ptr_equal(peer_set_choose_after(at.set, str_view_of("123"), third), first);
    peer_pass_over(second);
    peer_pass_over(third);
    assert_ptr_equal(peer_set_choose(at.set, str_view_of("123")), first);            /* better than none */
    assert_true(bus_fixture_run_until(&at.fixture, is_heard_again, first, WAIT_MS)); /* its next beat */
    assert_true(peer_is_live(first));
    close_world(&at);
}

static bool has_messages(void *context) {
    const world *at = context;
    return at->messages >= 50;
}

static void what_is_sent_to_a_peer_is_answered_by_it(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_true(become_live(&at, 3));
    peer_t *peer = peer_set_choose(at.set, str_view_of("123"));
    at.messages = 0;
    at.only_silent_beats = true;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(peer_send(peer, str_view_of("statement")), ZP_OK);
    }
    assert_true(bus_fixture_run_until(&at.fixture, has_messages, &at, WAIT_MS));
    close_world(&at);
}

static void beat_now_beats_every_connected_peer_at_once(void **state) {
    (void)state;
    world at;
    open_world(&at);
    assert_true(become_live(&at, 3));
    bus_socket_destroy(&at.peers[2].socket);
    assert_true(become_live(&at, 2));
    int64_t not_sent = bus_fixture_metric(&at.fixture, METRIC_BUS_NOT_SENT);
    size_t heard[] = {at.peers[0].heard, at.peers[1].heard};
    for (int i = 0; i < 20; i++) {
        peer_set_beat_now(at.set);
    }
    (void)bus_fixture_run_for(&at.fixture, 50);
    assert_true(at.peers[0].heard - heard[0] >= 20);
    assert_true(at.peers[1].heard - heard[1] >= 20);
    assert_int_equal(bus_fixture_metric(&at.fixture, METRIC_BUS_NOT_SENT), not_sent);
    close_world(&at);
}

static bool every_answer_was_refused(void *context) {
    const world *at = context;
    return bus_fixture_metric(&at->fixture, METRIC_BUS_INVALID) == (int64_t)at->peers[0].heard;
}

static void a_message_of_another_arrow_is_refused_and_proves_no_life(void **state) {
    (void)state;
    world at = {0};
    bus_fixture_open(&at.fixture, SETTINGS);
    start_peer(&at, 0);
    at.peers[0].tag = "other/1";
    open_set(&at, at.peers[0].endpoint);
    (void)bus_fixture_run_for(&at.fixture, 500);
    assert_true(at.peers[0].heard > 0);
    assert_int_equal(at.messages, 0);
    assert_int_equal(peer_set_live_count(at.set), 0);
    assert_true(bus_fixture_run_until(&at.fixture, every_answer_was_refused, &at, WAIT_MS));
    close_world(&at);
}

static void write_list(const char *path, const char *text) {
    char temporary[128];
    (void)snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *stream = fopen(temporary, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(rename(temporary, path), 0);
}

static void a_peer_that_leaves_the_list_is_lost_at_once_and_gone(void **state) {
    (void)state;
    world at = {0};
    char path[] = "/tmp/zpresence-peers-XXXXXX", text[256];
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    bus_fixture_open(&at.fixture, SETTINGS);
    start_peer(&at, 0);
    start_peer(&at, 1);
    (void)snprintf(text, sizeof text, "%s\n%s\n", at.peers[0].endpoint, at.peers[1].endpoint);
    write_list(path, text);
    (void)snprintf(text, sizeof text, "file:%s", path);
    open_set(&at, text);
    assert_true(become_live(&at, 2));
    write_list(path, at.peers[1].endpoint);
    assert_true(become_live(&at, 1));
    assert_int_equal(at.became_lost, 1);
    for (int i = 0; i < KEYS; i++) {
        char key[24];
        (void)snprintf(key, sizeof key, "user-%d", i);
        assert_string_equal(peer_endpoint(peer_set_choose(at.set, str_view_of(key))), at.peers[1].endpoint);
    }
    (void)snprintf(text, sizeof text, "%s,%s", at.peers[0].endpoint, at.peers[1].endpoint);
    write_list(path, text);
    assert_true(become_live(&at, 2));
    assert_int_equal(unlink(path), 0);
    (void)bus_fixture_run_for(&at.fixture, 200);
    assert_int_equal(peer_set_live_count(at.set), 2); /* a list that is gone keeps what it gave */
    close_world(&at);
}

/* An edge full of clients has none to spare when a core is added. */
static void a_peer_that_could_not_be_connected_for_want_of_descriptors_is_tried_again(void **state) {
    (void)state;
    world at = {0};
    bus_fixture_open(&at.fixture, SETTINGS);
    start_peer(&at, 0);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){DESCRIPTORS, before.rlim_max}), 0);
    int taken[DESCRIPTORS];
    size_t count = 0;
    while ((taken[count] = dup(STDERR_FILENO)) >= 0) {
        count++;
    }
    open_set(&at, at.peers[0].endpoint);
    (void)bus_fixture_run_for(&at.fixture, 250);
    assert_int_equal(peer_set_live_count(at.set), 0);
    assert_true(bus_fixture_metric(&at.fixture, METRIC_BUS_SENT) == 0);
    while (count > 0) {
        close(taken[--count]);
    }
    assert_true(become_live(&at, 1));
    close_world(&at);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        /* First: libzmq closes the sockets of other tests in its own time, and would give descriptors back.
         */
        cmocka_unit_test(a_peer_that_could_not_be_connected_for_want_of_descriptors_is_tried_again),
        cmocka_unit_test(all_peers_are_live_as_soon_as_they_are_connected),
        cmocka_unit_test(a_peer_that_dies_is_lost_and_one_that_returns_is_found),
        cmocka_unit_test(a_peer_that_is_connected_and_says_nothing_is_lost),
        cmocka_unit_test(live_peers_stay_live),
        cmocka_unit_test(a_loop_that_stood_still_does_not_blame_its_peers),
        cmocka_unit_test(keys_belong_to_live_peers_and_move_only_when_theirs_goes),
        cmocka_unit_test(a_key_goes_through_every_live_peer_once_and_then_to_none),
        cmocka_unit_test(who_is_passed_over_comes_last_until_heard),
        cmocka_unit_test(what_is_sent_to_a_peer_is_answered_by_it),
        cmocka_unit_test(beat_now_beats_every_connected_peer_at_once),
        cmocka_unit_test(a_message_of_another_arrow_is_refused_and_proves_no_life),
        cmocka_unit_test(a_peer_that_leaves_the_list_is_lost_at_once_and_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
