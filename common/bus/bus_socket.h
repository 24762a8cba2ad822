/* bus_socket - a ZeroMQ socket on a libuv loop (the rules of ZMQ_FD: bus_poll.h).
 * A message is [identity (ROUTER only)] [tag] [payload]: the tag names arrow and version ("edge-core/1"), the
 * payload is one protobuf message of that arrow. What comes in another shape is counted (BUS_INVALID) and
 * dropped. Owns: the socket and its handles. Threads: the loop's. Every socket has LINGER, HWM, MAXMSGSIZE,
 * IMMEDIATE, ROUTER_MANDATORY, ROUTER_HANDOVER and heartbeats set (FACTS: ZeroMQ), and where the process has
 * keys, CURVE: nobody is heard or told anything without a key of a kind that bus_arrows.h admits there, and
 * nothing but what that kind may say (bus_door.h). Who is refused comes again (bus_comeback.h). */
#ifndef ZP_BUS_BUS_SOCKET_H
#define ZP_BUS_BUS_SOCKET_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include "common/config/config.h"
#include "common/metrics/metrics.h"
#include <uv.h>

typedef struct bus_socket bus_socket_t;

/* At most so long after a peer is back, a socket tries to connect to it. */
enum { BUS_RECONNECT_MAX_MS = 250 };

typedef enum bus_socket_kind { BUS_ROUTER, BUS_DEALER, BUS_PUB, BUS_SUB } bus_socket_kind;

/* Called for each message; the views live until it returns. `identity` is empty but for a ROUTER. It may
 * send, and may not destroy the socket. NULL is for a PUB. */
typedef void bus_receive_fn(void *context, str_view identity, str_view tag, str_view payload);

/* Called when a socket that could not send can do so: a DEALER's connection has come up, or room has been
 * made. It may send, and may not destroy the socket. */
typedef void bus_writable_fn(void *context);

/* What every bus object of a process needs; owned by main. `keys` and `door` are NULL where BUS_SECURITY is
 * off; a process that binds nothing has no door. */
typedef struct bus_context {
    uv_loop_t *loop;
    const config_t *config;
    metrics_t *metrics;
    struct bus_keys *keys;
    struct bus_door *door;
} bus_context;

/* A ROUTER or PUB binds `endpoint` (ZP_SYSTEM: it is taken, or malformed; logged with the reason); `host` is
 * what kind of process this is. A DEALER connects to one of kind `host` there. A SUB takes NULL, subscribes
 * to every tag and is connected with bus_socket_connect. ZP_NOT_FOUND: the certificate of `host` is gone. */
ZP_MUST_CHECK zp_error bus_socket_new(bus_socket_t **ret_socket, const bus_context *bus, bus_socket_kind kind,
                                      process_kind host, const char *endpoint, bus_receive_fn *on_message,
                                      void *context);
/* Closes within LINGER (DRAIN_MS bounds it). Call it before the loop ends; safe with NULL inside. From any
 * callback of the loop but this socket's own. The memory goes with the loop's next turns. */
void bus_socket_destroy(bus_socket_t **socket);

/* SUB only. Repeating either is harmless. */
ZP_MUST_CHECK zp_error bus_socket_connect(bus_socket_t *socket, const char *endpoint);
void bus_socket_disconnect(bus_socket_t *socket, const char *endpoint);

/* DEALER only; `on_writable` gets the context of the socket. */
void bus_socket_on_writable(bus_socket_t *socket, bus_writable_fn *on_writable);

/* Whether a DEALER would take a message, as far as the loop has been told. */
bool bus_socket_is_writable(const bus_socket_t *socket);

/* Never blocks, and takes all of a message or nothing. `identity` is for a ROUTER, else empty. What is not
 * taken is dropped and counted (BUS_NOT_SENT): ZP_UNAVAILABLE: no such peer, or its queue is full;
 * ZP_TOO_LARGE: over BUS_MESSAGE_MAX, which would cost the peer's connection; ZP_NO_MEMORY: `payload` is
 * empty, as bus_pack leaves it then. A PUB takes everything and may lose it. */
ZP_MUST_CHECK zp_error bus_socket_send(bus_socket_t *socket, str_view identity, const char *tag,
                                       str_view payload);

/* Stops or resumes reading: back-pressure to the peers, through their high-water marks. Where it lasts so
 * long that both queues of a peer are full and nothing is read for a while (twice PEER_TIMEOUT_MS and more),
 * that peer's connection is made anew and what was queued on it is lost: what must arrive is sent again until
 * acknowledged. */
void bus_socket_pause(bus_socket_t *socket, bool paused);

/* Where a ROUTER or PUB really listens ("tcp://127.0.0.1:7300"), also after binding port 0 or "*". */
const char *bus_socket_endpoint(const bus_socket_t *socket);

#endif
