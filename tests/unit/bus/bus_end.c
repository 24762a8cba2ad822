#include "tests/unit/bus/bus_end.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

const char *const END_DEFAULTS[] = {NULL};

bool has_received(void *context) {
    const end *at = context;
    return at->received >= at->expected;
}

str_view identity_of(const end *at) {
    return str_view_make(at->identity, at->identity_len);
}

static void on_message(void *context, str_view identity, str_view tag, str_view payload) {
    end *at = context;
    assert_true(str_view_equal(tag, str_view_of(END_TAG)));
    memcpy(at->identity, identity.ptr ? identity.ptr : "", identity.len);
    at->identity_len = identity.len;
    uint64_t number = 0;
    assert_true(payload.len >= sizeof number);
    memcpy(&number, payload.ptr, sizeof number);
    at->out_of_order += number != at->received ? 1 : 0;
    at->received++;
    at->payload_bytes = payload.len;
    if (at->echoes) {
        assert_int_equal(bus_socket_send(at->socket, identity, END_TAG, payload), ZP_OK);
    }
    if (at->destroys) {
        bus_socket_destroy(at->destroys);
        at->destroys = NULL;
    }
}

void open_end(end *at, bus_fixture *fixture, bus_socket_kind kind, const char *endpoint) {
    *at = (end){.fixture = fixture};
    assert_int_equal(bus_socket_new(&at->socket, &fixture->bus, kind, FANOUT, endpoint,
                                    kind == BUS_PUB ? NULL : on_message, at),
                     ZP_OK);
}

zp_error send_number(end *at, str_view identity, uint64_t number) {
    return bus_socket_send(at->socket, identity, END_TAG, str_view_make(&number, sizeof number));
}

bool is_writable(void *context) {
    const end *at = context;
    return bus_socket_is_writable(at->socket);
}

void open_pair(end *router, end *dealer, bus_fixture *fixture) {
    open_end(router, fixture, BUS_ROUTER, ANY_PORT);
    open_end(dealer, fixture, BUS_DEALER, bus_socket_endpoint(router->socket));
    assert_true(bus_fixture_run_until(fixture, is_writable, dealer, END_WAIT_MS));
    router->expected = 1;
    assert_int_equal(send_number(dealer, (str_view){0}, 0), ZP_OK);
    assert_true(bus_fixture_run_until(fixture, has_received, router, END_WAIT_MS));
}
