/* ws_server - clients' WebSockets: what comes in by the front door and through libwebsockets, as events; what
 * goes out, as bytes. Knows nothing of presence. Owns: the front door, the lws context, every socket.
 * Borrows: the loop. Threads: the loop's. Cost: see FACTS, libwebsockets; nothing here is O(sockets) per
 * event. */
#ifndef ZP_WS_EDGE_WS_SERVER_H
#define ZP_WS_EDGE_WS_SERVER_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include "common/config/config.h"
#include "common/limits/address_limits.h"
#include "common/metrics/metrics.h"
#include "common/wire/wire_form.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef struct ws_server ws_server_t;
typedef struct ws_socket ws_socket_t; /* lives from on_open until on_close returns */

/* What the handshake said of a client, checked. Views live until on_open returns. */
typedef struct ws_identity {
    str_view user_id;            /* clean UTF-8, 1..128 bytes */
    str_view device;             /* clean UTF-8, 1..64 bytes */
    wire_form form;              /* from ?wire=array, headers token / voicepingtoken, ?statuses=full */
    str_view role;               /* of its token: clean UTF-8, at most 64 bytes; empty: none */
    bool snapshot;               /* ?snapshot=1 */
    uint64_t expires_at_unix_ms; /* its token's end, leeway included; 0: never */
    uint64_t opened_at_unix_ms;  /* before it was answered: who connects upon the answer is the newer one */
} ws_identity;

typedef enum ws_close_reason {
    WS_CLOSED_BY_CLIENT, /* a close frame, or the connection ended */
    WS_CLOSED_BY_US,     /* ws_socket_close, or the client broke the protocol */
} ws_close_reason;

typedef struct ws_server_events {
    /* The handshake is complete. Returns what is to be kept with the socket (ws_socket_data), or NULL to
     * refuse: then the socket is closed with 1013 and no other event comes. */
    void *(*on_open)(void *context, ws_socket_t *socket, const ws_identity *identity);
    /* A sign of life: a PONG (pong true) or any other inbound frame. Comes before on_message. */
    void (*on_life)(void *context, ws_socket_t *socket, bool pong);
    /* A whole binary message, at most MESSAGE_MAX bytes. */
    void (*on_message)(void *context, ws_socket_t *socket, str_view bytes);
    /* The client broke the protocol: it is heard no more, and will be closed with that code. */
    void (*on_failed)(void *context, ws_socket_t *socket, uint16_t close_code);
    /* The socket can be written to, as asked by ws_socket_want_write. Call ws_socket_write at most once. */
    void (*on_writable)(void *context, ws_socket_t *socket);
    /* The socket is gone. Called once for each on_open that returned data. */
    void (*on_close)(void *context, ws_socket_t *socket, ws_close_reason reason);
    /* Whether this user may have one more; if not, the handshake is refused with 429. Asked right before
     * on_open. */
    bool (*has_room_for)(void *context, str_view user_id);
    /* Whether so much is under way already that nobody else should come in now: those who come wait. */
    bool (*is_congested)(void *context);
} ws_server_events;

/* Listens on WS_LISTEN. ZP_SYSTEM: cannot; ZP_INVALID: the key of tokens or TRUSTED_PROXIES is not usable
 * (logged with the reason). */
ZP_MUST_CHECK zp_error ws_server_new(ws_server_t **ret_server, uv_loop_t *loop, const config_t *config,
                                     metrics_t *metrics, const ws_server_events *events, void *context);
/* Closes every socket without ceremony: on_close comes for each from within. Turns the loop a few times,
 * because lws lets go of its handles there: destroy it before what its events use. */
void ws_server_destroy(ws_server_t **server);
/* Stops listening, and tells who waits or is not yet in to come again; established sockets stay. */
void ws_server_quiesce(ws_server_t *server);
const char *ws_server_address(const ws_server_t *server); /* host:port */
size_t ws_server_sockets_count(const ws_server_t *server);

void *ws_socket_data(const ws_socket_t *socket);
/* Where its client is; behind a gateway, whom that has named. */
client_network ws_socket_from(const ws_socket_t *socket);

/* on_writable comes as soon as the kernel takes more. Cheap to repeat. */
void ws_socket_want_write(ws_socket_t *socket);

/* Sends ready-made server frames (RFC 6455 headers included) in one system call where the kernel takes them;
 * what it does not take, lws keeps, and on_writable does not come before it is gone. Only from within
 * on_writable. `frames` is ours again on return. ZP_UNAVAILABLE: the socket is going away. */
ZP_MUST_CHECK zp_error ws_socket_write(ws_socket_t *socket, str_view frames);

/* A PING with payload "voiceping": at once where the pipe is free, else as soon as it is. */
void ws_socket_ping(ws_socket_t *socket);

/* Starts the closing handshake with `code`; on_close follows, at the latest after a few seconds, and always
 * from the loop, never from within this call. What was queued before by ws_socket_write goes out first. */
void ws_socket_close(ws_socket_t *socket, uint16_t code, const char *reason);

#endif
