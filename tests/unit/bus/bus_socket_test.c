/* bus_socket: messages flow. The loop is woken by nothing but ZMQ_FD, so a lost edge is a stall. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/bus/bus_end.h"

static bool both_have_received(void *context) {
    end *const *ends = context;
    return has_received(ends[0]) && has_received(ends[1]);
}

/* Both ends send in bursts, outside of any callback of their own, so that sends swallow edges; then the loop
 * may sleep until everything has come. */
static void a_hundred_thousand_messages_each_way_at_once_never_stall(void **state) {
    (void)state;
    enum { ROUNDS = 500, BURST = 200 };
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    end *both[] = {&router, &dealer};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < BURST; i++) {
            assert_int_equal(send_number(&dealer, (str_view){0}, 1 + round * BURST + i), ZP_OK);
            assert_int_equal(send_number(&router, identity_of(&router), round * BURST + i), ZP_OK);
        }
        router.expected = 1 + (round + 1) * BURST;
        dealer.expected = (round + 1) * BURST;
        assert_true(bus_fixture_run_until(&fixture, both_have_received, both, END_WAIT_MS));
    }
    assert_int_equal(router.out_of_order + dealer.out_of_order, 0);
    assert_int_equal(bus_fixture_metric(&fixture, METRIC_BUS_RECEIVED), 2 * ROUNDS * BURST + 1);
    assert_int_equal(bus_fixture_metric(&fixture, METRIC_BUS_SENT), 2 * ROUNDS * BURST + 1);
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

static void answers_from_within_the_callback_never_stall(void **state) {
    (void)state;
    enum { ROUNDS = 200, BURST = 300 };
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    router.echoes = true;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < BURST; i++) {
            assert_int_equal(send_number(&dealer, (str_view){0}, round * BURST + i), ZP_OK);
        }
        dealer.expected = (round + 1) * BURST;
        assert_true(bus_fixture_run_until(&fixture, has_received, &dealer, END_WAIT_MS));
    }
    assert_int_equal(dealer.out_of_order, 0);
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

static void a_loop_with_nothing_to_read_sleeps(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    (void)bus_fixture_run_for(&fixture, 100);
    assert_in_range(bus_fixture_run_for(&fixture, 300), 1, 30);
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

/* Each of the two queues holds BUS_QUEUE_MAX, and the kernel's buffers some large messages more. */
static void a_paused_reader_holds_its_peer_back_and_loses_nothing(void **state) {
    (void)state;
    enum { PAYLOAD_BYTES = 262144, QUEUE_MAX = 20 };
    static char payload[PAYLOAD_BYTES];
    static const char *const SETTINGS[] = {"BUS_QUEUE_MAX", "20", NULL};
    bus_fixture fixture;
    bus_fixture_open(&fixture, SETTINGS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    bus_socket_pause(router.socket, true);
    uint64_t sent = 1;
    for (int turn = 0; turn < 40; turn++) {
        memcpy(payload, &sent, sizeof sent);
        while (bus_socket_send(dealer.socket, (str_view){0}, END_TAG,
                               str_view_make(payload, sizeof payload)) == ZP_OK) {
            sent++;
            memcpy(payload, &sent, sizeof sent);
        }
        (void)bus_fixture_run_for(&fixture, 10);
    }
    assert_int_equal(router.received, 1);
    assert_in_range(sent, QUEUE_MAX, 200);
    assert_false(bus_socket_is_writable(dealer.socket));
    router.expected = sent;
    bus_socket_pause(router.socket, false);
    assert_true(bus_fixture_run_until(&fixture, has_received, &router, END_WAIT_MS));
    assert_int_equal(router.out_of_order, 0);
    assert_true(bus_fixture_run_until(&fixture, is_writable, &dealer, END_WAIT_MS));
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

static void a_paused_reader_does_not_spin(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    bus_socket_pause(router.socket, true);
    assert_int_equal(send_number(&dealer, (str_view){0}, 1), ZP_OK);
    (void)bus_fixture_run_for(&fixture, 100);
    assert_in_range(bus_fixture_run_for(&fixture, 300), 1, 30);
    assert_int_equal(router.received, 1);
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

static void a_subscriber_hears_every_publisher_that_it_is_connected_to(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end first, second, subscriber;
    open_end(&first, &fixture, BUS_PUB, ANY_PORT);
    open_end(&second, &fixture, BUS_PUB, ANY_PORT);
    open_end(&subscriber, &fixture, BUS_SUB, NULL);
    end *publishers[] = {&first, &second, &first};
    for (size_t i = 0; i < 3; i++) { /* the third repeats the first */
        assert_int_equal(bus_socket_connect(subscriber.socket, bus_socket_endpoint(publishers[i]->socket)),
                         ZP_OK);
    }
    for (size_t i = 0; i < 2;
         i++) { /* slow joiners: the first message that comes says that they have joined */
        subscriber.expected = subscriber.received + 1;
        while (!has_received(&subscriber)) {
            assert_int_equal(send_number(publishers[i], (str_view){0}, subscriber.received), ZP_OK);
            (void)bus_fixture_run_until(&fixture, has_received, &subscriber, 20);
        }
    }
    subscriber.expected = subscriber.received + 200;
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(send_number(&first, (str_view){0}, i), ZP_OK);
        assert_int_equal(send_number(&second, (str_view){0}, i), ZP_OK);
    }
    assert_true(bus_fixture_run_until(&fixture, has_received, &subscriber, END_WAIT_MS));
    (void)bus_fixture_run_for(&fixture, 50);
    assert_int_equal(subscriber.received, subscriber.expected);

    bus_socket_disconnect(subscriber.socket, bus_socket_endpoint(first.socket));
    bus_socket_disconnect(subscriber.socket, bus_socket_endpoint(first.socket));
    (void)bus_fixture_run_for(&fixture, 100);
    assert_int_equal(send_number(&first, (str_view){0}, 0), ZP_OK);
    (void)bus_fixture_run_for(&fixture, 100);
    assert_int_equal(subscriber.received, subscriber.expected);
    subscriber.expected++;
    assert_int_equal(send_number(&second, (str_view){0}, 0), ZP_OK);
    assert_true(bus_fixture_run_until(&fixture, has_received, &subscriber, END_WAIT_MS));
    bus_socket_destroy(&first.socket);
    bus_socket_destroy(&second.socket);
    bus_socket_destroy(&subscriber.socket);
    bus_fixture_close(&fixture);
}

static void a_peer_that_restarts_is_served_again(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    for (size_t life = 0; life < 3; life++) {
        bus_socket_destroy(&dealer.socket);
        open_end(&dealer, &fixture, BUS_DEALER, bus_socket_endpoint(router.socket));
        assert_true(bus_fixture_run_until(&fixture, is_writable, &dealer, END_WAIT_MS));
        router.expected = router.received + 1;
        assert_int_equal(send_number(&dealer, (str_view){0}, router.received), ZP_OK);
        assert_true(bus_fixture_run_until(&fixture, has_received, &router, END_WAIT_MS));
        dealer.expected = 1;
        assert_int_equal(send_number(&router, identity_of(&router), 0), ZP_OK);
        assert_true(bus_fixture_run_until(&fixture, has_received, &dealer, END_WAIT_MS));
    }
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

static void a_socket_may_be_destroyed_from_a_callback_of_another(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    for (uint64_t i = 1; i <= 500; i++) { /* so that much is under way both ways */
        assert_int_equal(send_number(&dealer, (str_view){0}, i), ZP_OK);
        assert_int_equal(send_number(&router, identity_of(&router), i), ZP_OK);
    }
    router.destroys = &dealer.socket;
    router.expected = 2;
    assert_true(bus_fixture_run_until(&fixture, has_received, &router, END_WAIT_MS));
    (void)bus_fixture_run_for(&fixture, 50);
    assert_null(dealer.socket);
    bus_socket_destroy(&router.socket);
    bus_fixture_close(&fixture);
}

/* LINGER: what was sent just before the end still goes out. */
static void what_was_sent_before_destroy_arrives(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    for (uint64_t i = 1; i <= 1000; i++) {
        assert_int_equal(send_number(&dealer, (str_view){0}, i), ZP_OK);
    }
    bus_socket_destroy(&dealer.socket);
    router.expected = 1001;
    assert_true(bus_fixture_run_until(&fixture, has_received, &router, END_WAIT_MS));
    bus_socket_destroy(&router.socket);
    bus_fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_messages_each_way_at_once_never_stall),
        cmocka_unit_test(answers_from_within_the_callback_never_stall),
        cmocka_unit_test(a_loop_with_nothing_to_read_sleeps),
        cmocka_unit_test(a_paused_reader_holds_its_peer_back_and_loses_nothing),
        cmocka_unit_test(a_paused_reader_does_not_spin),
        cmocka_unit_test(a_subscriber_hears_every_publisher_that_it_is_connected_to),
        cmocka_unit_test(a_peer_that_restarts_is_served_again),
        cmocka_unit_test(a_socket_may_be_destroyed_from_a_callback_of_another),
        cmocka_unit_test(what_was_sent_before_destroy_arrives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
