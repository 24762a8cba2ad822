/* ws_socket - one client's WebSocket, from libwebsockets' ESTABLISHED to its end: what ws_server.h offers of
 * it, and what ws_server.c's lws callback hands in. Private to ws_server.c and ws_socket.c.
 *
 * A socket is in `ready` while something can be done for it without waiting for the kernel, in `closing` from
 * its close frame until it is gone, in neither otherwise: writes go round the event library, which spends
 * four epoll_ctl calls on each POLLOUT that lws asks for. Owns: a message under way. Threads: the loop's.
 * Cost: O(1) per event. */
#ifndef ZP_WS_EDGE_WS_SOCKET_H
#define ZP_WS_EDGE_WS_SOCKET_H

#include "common/base/ring.h"
#include "common/http/listen_socket.h"
#include "common/limits/rate_limit.h"
#include "services/ws-edge/authentication.h"
#include "services/ws-edge/core/frame_watch.h"
#include "services/ws-edge/front_door.h"
#include "services/ws-edge/ws_server.h"
#include <libwebsockets.h>

typedef enum ws_socket_state {
    WS_SOCKET_NEW,     /* zeroed by lws: not yet established */
    WS_SOCKET_OPEN,    /* events flow */
    WS_SOCKET_FAILING, /* the client broke the protocol: a close frame is due, nothing more is read */
    WS_SOCKET_CLOSING, /* our close frame is out: until the client's comes, or its time is up; in `closing` */
    WS_SOCKET_LEAVING, /* the client's close frame came first: lws answers it, and ends it; in `closing` */
    WS_SOCKET_GONE,
} ws_socket_state;

typedef struct partial_message partial_message;

/* There are as many as clients: 8 bytes more or less are visible. */
struct ws_socket {
    struct lws *wsi;          /* its context knows the server */
    void *data;               /* of on_open; NULL: the owner does not know of this socket */
    ring link;                /* in `ready` or `closing` */
    partial_message *partial; /* only while a message is not complete */
    uint64_t due_ms;          /* in `closing`: when it ends anyway */
    frame_watch watch;
    rate_bucket frames;         /* what it may still send */
    client_network from;        /* where its client is */
    limited_address_t *address; /* NULL: it is not counted there */
    uint16_t failure_code;      /* what the client did wrong; 0: nothing */
    uint8_t state;              /* ws_socket_state */
    bool wants_write : 1, wants_ping : 1, asked_lws : 1, closed_by_us : 1;
    bool life_pong : 1, life_other : 1; /* seen by the tap, not yet told */
};

/* The sockets of one server, and what they share. */
typedef struct ws_sockets {
    uv_loop_t *loop;
    metrics_t *metrics;
    ws_server_events events;
    void *context;
    struct lws_context *lws;
    ring ready, closing;
    size_t ready_count, count;
    uint32_t message_max_bytes;
    rate_limit frames;      /* of each client */
    uv_idle_t ready_turn;   /* runs while `ready` is not empty */
    uv_timer_t close_timer; /* for the first in `closing` */
} ws_sockets;

struct ws_server {
    ws_sockets sockets;
    front_door_t *door;
    authentication_t *authentication;
    address_limits_t *addresses;
    const char *origins; /* WS_ORIGINS */
    struct lws_vhost *vhost;
    struct ws_opening *opening; /* while lws takes a descriptor in */
    size_t sockets_max;
    int descriptors_max; /* the limit of this process, which lws made its tables for */
    int handles_open;    /* ready_turn and close_timer; the last one to close frees the server */
    char address[LISTEN_ADDRESS_BYTES];
};

/* `loop` is set. Starts the two handles. */
void ws_sockets_init(ws_sockets *sockets);

void ws_socket_established(struct ws_socket *socket, struct lws *wsi, const ws_identity *identity);
/* How many of the bytes lws may see. */
size_t ws_socket_tap(struct ws_socket *socket, str_view bytes);
void ws_socket_received(struct ws_socket *socket, str_view chunk, bool completes_message);
void ws_socket_tell_life(struct ws_socket *socket);
void ws_socket_writable(struct ws_socket *socket);
/* The client's close frame came. True: it answers ours, and the connection is over. */
bool ws_socket_close_received(struct ws_socket *socket);
void ws_socket_gone(struct ws_socket *socket);

#endif
