/* bus_socket: what is not sent, not taken and not bound, and that it harms nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/bus/bus_end.h"
#include <czmq.h>
#include <signal.h>

static void a_router_tells_that_a_peer_is_unknown_and_goes_on(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    assert_int_equal(send_number(&router, str_view_of("nobody"), 0), ZP_UNAVAILABLE);
    assert_int_equal(bus_fixture_metric(&fixture, METRIC_BUS_NOT_SENT), 1);
    dealer.expected = 1;
    assert_int_equal(send_number(&router, identity_of(&router), 0), ZP_OK);
    assert_true(bus_fixture_run_until(&fixture, has_received, &dealer, END_WAIT_MS));
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

static void count_writable(void *context) {
    end *at = context;
    at->writable_calls++;
}

static void a_dealer_without_a_connection_refuses_and_tells_when_one_has_come_up(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router, dealer;
    open_end(&router, &fixture, BUS_ROUTER, ANY_PORT);
    char endpoint[128];
    (void)snprintf(endpoint, sizeof endpoint, "%s", bus_socket_endpoint(router.socket));
    bus_socket_destroy(&router.socket);
    (void)bus_fixture_run_for(&fixture, 50);
    open_end(&dealer, &fixture, BUS_DEALER, endpoint);
    bus_socket_on_writable(dealer.socket, count_writable);
    (void)bus_fixture_run_for(&fixture, 100);
    assert_false(bus_socket_is_writable(dealer.socket));
    assert_int_equal(send_number(&dealer, (str_view){0}, 0), ZP_UNAVAILABLE);
    for (size_t life = 1; life <= 2; life++) {
        open_end(&router, &fixture, BUS_ROUTER, endpoint);
        assert_true(bus_fixture_run_until(&fixture, is_writable, &dealer, END_WAIT_MS));
        assert_int_equal(dealer.writable_calls, life);
        router.expected = 1;
        assert_int_equal(send_number(&dealer, (str_view){0}, 0), ZP_OK);
        assert_true(bus_fixture_run_until(&fixture, has_received, &router, END_WAIT_MS));
        bus_socket_destroy(&router.socket);
        (void)bus_fixture_run_for(&fixture, 100);
        assert_false(bus_socket_is_writable(dealer.socket));
    }
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

static bool not_taken(const end *at, str_view payload, zp_error expected) {
    return bus_socket_send(at->socket, (str_view){0}, END_TAG, payload) == expected;
}

static void a_message_over_the_limit_is_not_sent(void **state) {
    (void)state;
    static char payload[1048577];
    static const char *const SETTINGS[] = {"BUS_MESSAGE_MAX", "1048576", NULL};
    bus_fixture fixture;
    bus_fixture_open(&fixture, SETTINGS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    assert_true(not_taken(&dealer, str_view_make(payload, 1048577), ZP_TOO_LARGE));
    assert_true(not_taken(&dealer, (str_view){0}, ZP_NO_MEMORY));
    assert_int_equal(bus_fixture_metric(&fixture, METRIC_BUS_NOT_SENT), 2);
    router.expected = 2;
    assert_int_equal(bus_socket_send(dealer.socket, (str_view){0}, END_TAG, str_view_make(payload, 1048576)),
                     ZP_OK);
    assert_true(bus_fixture_run_until(&fixture, has_received, &router, END_WAIT_MS));
    assert_int_equal(router.payload_bytes, 1048576);
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

/* A peer that is not ours: libzmq without our limits. */
static zsock_t *open_stranger(const end *router) {
    zsock_t *stranger = zsock_new(ZMQ_DEALER);
    assert_non_null(stranger);
    assert_int_equal(zsock_connect(stranger, "%s", bus_socket_endpoint(router->socket)), 0);
    return stranger;
}

static void a_stranger_who_sends_too_much_is_cut_off_and_the_others_are_not(void **state) {
    (void)state;
    static char payload[1048577];
    static const char *const SETTINGS[] = {"BUS_MESSAGE_MAX", "1048576", NULL};
    bus_fixture fixture;
    bus_fixture_open(&fixture, SETTINGS);
    end router, dealer;
    open_pair(&router, &dealer, &fixture);
    zsock_t *stranger = open_stranger(&router);
    void *raw = zsock_resolve(stranger);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(zmq_send(raw, END_TAG, strlen(END_TAG), ZMQ_SNDMORE), strlen(END_TAG));
        assert_int_equal(zmq_send(raw, payload, sizeof payload, 0), sizeof payload);
    }
    (void)bus_fixture_run_for(&fixture, 300);
    assert_int_equal(router.received, 1);
    router.expected = 2;
    assert_int_equal(send_number(&dealer, (str_view){0}, 1), ZP_OK);
    assert_true(bus_fixture_run_until(&fixture, has_received, &router, END_WAIT_MS));
    zsock_set_linger(stranger, 0);
    zsock_destroy(&stranger);
    bus_socket_destroy(&router.socket);
    bus_socket_destroy(&dealer.socket);
    bus_fixture_close(&fixture);
}

static void a_message_of_another_shape_is_counted_and_dropped_whole(void **state) {
    (void)state;
    static char long_tag[65];
    memset(long_tag, 'x', sizeof long_tag);
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router;
    open_end(&router, &fixture, BUS_ROUTER, ANY_PORT);
    zsock_t *stranger = open_stranger(&router);
    void *raw = zsock_resolve(stranger);
    for (int frames = 1; frames <= 6; frames++) {
        if (frames == 2) {
            continue;
        }
        for (int i = 1; i <= frames; i++) {
            assert_int_equal(zmq_send(raw, END_TAG, strlen(END_TAG), i < frames ? ZMQ_SNDMORE : 0),
                             strlen(END_TAG));
        }
    }
    assert_int_equal(zmq_send(raw, long_tag, sizeof long_tag, ZMQ_SNDMORE), sizeof long_tag);
    assert_int_equal(zmq_send(raw, "", 0, 0), 0);
    uint64_t number = 0;
    assert_int_equal(zmq_send(raw, END_TAG, strlen(END_TAG), ZMQ_SNDMORE), strlen(END_TAG));
    assert_int_equal(zmq_send(raw, &number, sizeof number, 0), sizeof number);
    router.expected = 1;
    assert_true(bus_fixture_run_until(&fixture, has_received, &router, END_WAIT_MS));
    assert_int_equal(router.out_of_order, 0);
    assert_int_equal(bus_fixture_metric(&fixture, METRIC_BUS_INVALID), 6);
    assert_int_equal(bus_fixture_metric(&fixture, METRIC_BUS_RECEIVED), 1);
    zsock_destroy(&stranger);
    bus_socket_destroy(&router.socket);
    bus_fixture_close(&fixture);
}

static void on_nothing(void *context, str_view identity, str_view tag, str_view payload) {
    (void)context;
    (void)identity;
    (void)tag;
    (void)payload;
}

static void an_endpoint_that_is_taken_or_malformed_is_refused(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router;
    open_end(&router, &fixture, BUS_ROUTER, ANY_PORT);
    assert_null(strchr(bus_socket_endpoint(router.socket), '*'));
    assert_non_null(strstr(bus_socket_endpoint(router.socket), "tcp://127.0.0.1:"));
    bus_socket_t *other = NULL;
    assert_int_equal(bus_socket_new(&other, &fixture.bus, BUS_ROUTER, FANOUT,
                                    bus_socket_endpoint(router.socket), on_nothing, NULL),
                     ZP_SYSTEM);
    const char *const MALFORMED[] = {"", "127.0.0.1:7300", "tcp://127.0.0.1:99999", "tcp://127.0.0.1"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(
            bus_socket_new(&other, &fixture.bus, BUS_ROUTER, FANOUT, MALFORMED[i], on_nothing, NULL),
            ZP_SYSTEM);
    }
    assert_null(other);
    bus_socket_destroy(&other);
    bus_socket_destroy(&router.socket);
    bus_fixture_close(&fixture);
}

static void signals_stay_with_the_process(void **state) {
    (void)state;
    bus_fixture fixture;
    bus_fixture_open(&fixture, END_DEFAULTS);
    end router;
    open_end(&router, &fixture, BUS_ROUTER, ANY_PORT);
    const int NUMBERS[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        struct sigaction action;
        assert_int_equal(sigaction(NUMBERS[i], NULL, &action), 0);
        assert_true(action.sa_handler == SIG_DFL);
    }
    bus_socket_destroy(&router.socket);
    bus_fixture_close(&fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_router_tells_that_a_peer_is_unknown_and_goes_on),
        cmocka_unit_test(a_dealer_without_a_connection_refuses_and_tells_when_one_has_come_up),
        cmocka_unit_test(a_message_over_the_limit_is_not_sent),
        cmocka_unit_test(a_stranger_who_sends_too_much_is_cut_off_and_the_others_are_not),
        cmocka_unit_test(a_message_of_another_shape_is_counted_and_dropped_whole),
        cmocka_unit_test(an_endpoint_that_is_taken_or_malformed_is_refused),
        cmocka_unit_test(signals_stay_with_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
