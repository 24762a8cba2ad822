/* bus_end - one end of a conversation over real sockets, for tests of bus_socket. */
#ifndef ZP_TESTS_BUS_END_H
#define ZP_TESTS_BUS_END_H

#include "tests/unit/bus/bus_fixture.h"

enum { END_WAIT_MS = 20000 };
#define END_TAG "test/1"
extern const char *const END_DEFAULTS[]; /* settings for bus_fixture_open */

typedef struct end {
    bus_fixture *fixture;
    bus_socket_t *socket;
    char identity[256]; /* of the last sender, at a ROUTER */
    size_t identity_len;
    size_t received, expected;
    size_t out_of_order;
    size_t payload_bytes;
    size_t writable_calls;
    bool echoes;
    bus_socket_t **destroys; /* at the next message */
} end;

/* For bus_fixture_run_until: whether as many messages came as the end expects. */
bool has_received(void *context);
/* Of the last sender. */
str_view identity_of(const end *at);
void open_end(end *at, bus_fixture *fixture, bus_socket_kind kind, const char *endpoint);
/* The payload is `number`, 8 bytes: the receiver counts what comes out of order. */
zp_error send_number(end *at, str_view identity, uint64_t number);
/* For bus_fixture_run_until. */
bool is_writable(void *context);
/* A ROUTER, and a DEALER whose identity the ROUTER knows; message 0 has passed. */
void open_pair(end *router, end *dealer, bus_fixture *fixture);

#endif
