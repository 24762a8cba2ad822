/* socket_fixture - a ws_server on a loop of its own, the events it raised, and raw clients that speak to it
 * through real sockets, all in one thread: whoever waits turns the loop. */
#ifndef ZP_TEST_SOCKET_FIXTURE_H
#define ZP_TEST_SOCKET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/config/config.h"
#include "common/metrics/metrics.h"
#include "services/ws-edge/ws_server.h"

enum { WAIT_MS = 5000, MESSAGE_KEPT_BYTES = 65536 };

typedef struct server_side {
    uv_loop_t loop;
    config_t *config;
    metrics_t *metrics;
    ws_server_t *server;
    ws_socket_t *socket; /* the newest that is open */
    char user_id[200], device[200];
    wire_form form;
    size_t opened_count, closed_count, pongs_count, others_count, messages_count, writable_count;
    ws_close_reason closed_by;
    unsigned failed_with;             /* for what the last client that broke the protocol will be closed */
    char message[MESSAGE_KEPT_BYTES]; /* the last one */
    size_t message_bytes;
    bool refuses;       /* on_open returns NULL */
    bool user_is_full;  /* has_room_for says no */
    bool congested;     /* is_congested says yes */
    bool closes_itself; /* on_message closes with 4000 */
    str_view to_write;  /* by the next on_writable */
    bool was_reset;     /* a client saw a reset instead of the end of its connection */
} server_side;

/* cmocka setup and teardown: *state is a server_side. The teardown also finds descriptors that leaked. */
int start_server(void **state);
int stop_server(void **state);
/* As start_server, with `settings` "NAME=value" lines, ended by NULL. */
int start_server_with(void **state, const char *const *settings);

/* Turns the loop until *count reaches `wanted`; fails after WAIT_MS. */
void wait_for_count(server_side *side, const size_t *count, size_t wanted);
void turn_for(server_side *side, unsigned ms);

/* A client's descriptor, connected. */
int connect_client(server_side *side);
void send_bytes(server_side *side, int fd, const void *bytes, size_t len_bytes);
/* Exactly so many bytes; false: the connection ended first. */
bool receive_bytes(server_side *side, int fd, void *out, size_t len_bytes);
/* Up to the end of the connection, NUL-terminated; returns how many. */
size_t receive_all(server_side *side, int fd, char *out, size_t out_bytes);

/* A request head that is let in, as user `u`. */
extern const str_view good_head;

/* Sends `bytes` and expects an answer that begins with `status` and names `code`, and `metric` to count it.
 */
void expect_refused(server_side *side, const char *bytes, const char *status, const char *code,
                    metric_id metric);

/* Sends a good head with `target` and `headers` ("Name: value\r\n"...), and reads the answer into `out`. */
void shake_hands(server_side *side, int fd, const char *target, const char *headers, char *out,
                 size_t out_bytes);
/* A client with user `u`, past its handshake. */
int open_client(server_side *side);
/* A final masked frame. */
void send_frame(server_side *side, int fd, unsigned char first, const void *payload, size_t payload_bytes);
/* The next frame of the server: its first byte; its payload, NUL-terminated. */
unsigned char receive_frame(server_side *side, int fd, char *payload, size_t room_bytes, size_t *ret_bytes);
/* A close frame with that code, and then the end of the connection. */
void expect_close(server_side *side, int fd, unsigned code);

#endif
