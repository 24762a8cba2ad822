/* guests - connections that are not WebSockets yet: each from the door until its request head is read (and
 * what a gateway says in front of it), and it is handed over or refused with an HTTP answer. libwebsockets
 * does not see a byte of a head (FACTS, "Subprotocols"), and nothing past it is read here. Who a guest is,
 * for limits and logs, is the peer; where that is a gateway (TRUSTED_PROXIES), whom its PROXY header and
 * X-Forwarded-For name. Owns: the connections that it reads or answers. Borrows: the loop. Threads: the
 * loop's. Bounds: HANDSHAKES_MAX connections of HANDSHAKE_MAX bytes, each for HANDSHAKE_TIMEOUT at most, then
 * its answer for a second. Cost: O(1) per event. */
#ifndef ZP_WS_EDGE_GUESTS_H
#define ZP_WS_EDGE_GUESTS_H

#include "common/auth/token.h"
#include "common/base/address_list.h"
#include "common/base/error.h"
#include "common/config/config.h"
#include "common/limits/address_limits.h"
#include "common/metrics/metrics.h"
#include "services/ws-edge/core/request_head.h"
#include <uv.h>

typedef struct guests guests_t;

typedef struct guest_hooks {
    /* A connection came `from` there: whether its head is read, or why it is refused. Where a gateway speaks
     * for it, this is asked as soon as it is known for whom. */
    request_refusal (*knock)(void *context, client_network from);
    /* Who it is that sends this head, or why it is refused. */
    request_refusal (*identify)(void *context, const request_head *head, client_network from,
                                token_claims *ret_claims);
    /* Identified, so it comes in: `fd` is the callee's now (it does not block, and no handle of the loop is
     * on it). The views of `head`, and `claims`, live until this returns. */
    void (*enter)(void *context, int fd, const request_head *head, client_network from,
                  const token_claims *claims);
} guest_hooks;

/* ZP_INVALID: TRUSTED_PROXIES cannot be used (logged). */
ZP_MUST_CHECK zp_error guests_new(guests_t **ret_guests, uv_loop_t *loop, const config_t *config,
                                  metrics_t *metrics, const guest_hooks *hooks, void *context);
/* Who is here is told that the server stops. Memory goes as the loop turns. */
void guests_destroy(guests_t **guests);

/* Whether one more can be taken: there is room, or somebody who may be sent away for it: who has been
 * answered, or whose head is slow. */
bool guests_have_room(const guests_t *guests);
/* Takes `fd`, which came from `peer`; there must be room. False: it comes too often to be counted as one who
 * was let in, as far as is known yet of one that comes by a gateway. */
bool guests_take(guests_t *guests, int fd, ip_address peer);
/* Answers `fd` without reading what it wants, and closes it. Takes no room. */
void guests_turn_away(guests_t *guests, int fd, ip_address peer, request_refusal refusal);
size_t guests_count(const guests_t *guests);

#endif
