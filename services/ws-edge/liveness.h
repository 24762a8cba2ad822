/* liveness - every socket's PINGs and the end of its patience, from one timer wheel.
 * A PING goes out every min(PING_INTERVAL, PRESENCE_TTL / 3), phases spread so that a restart does not
 * synchronise all clients; PRESENCE_TTL after the last sign of life (any inbound frame) the socket has
 * expired. Silence is counted in listened time: a clock that stands still while this process does not run
 * (SIGSTOP, a stalled machine), for then PONGs wait in the kernel and no PING asked for more. Owns: the wheel
 * and its timer. Time: listened ms. Cost: O(1) a PING. Threads: the loop's. */
#ifndef ZP_WS_EDGE_LIVENESS_H
#define ZP_WS_EDGE_LIVENESS_H

#include "common/base/error.h"
#include "common/runtime/process.h"
#include "services/ws-edge/core/sessions.h"

typedef struct liveness liveness_t;

/* `client` showed no life for PRESENCE_TTL; it is not watched any more. */
typedef void liveness_expired_fn(void *context, edge_client *client);

ZP_MUST_CHECK zp_error liveness_new(liveness_t **ret_liveness, process_t *process,
                                    liveness_expired_fn *expired, void *context);
void liveness_destroy(liveness_t **liveness);

/* Now, in listened time: for sessions_show_life. */
uint64_t liveness_now(const liveness_t *liveness);

void liveness_watch(liveness_t *liveness, edge_client *client);
void liveness_forget(liveness_t *liveness, edge_client *client);

#endif
