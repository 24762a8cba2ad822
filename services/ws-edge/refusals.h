/* refusals - what those are told who are not let in, in HTTP; each counted, and said in the log: limits once
 * a minute each, as their operator should know of them, the rest at debug level. Owns: nothing. Borrows: the
 * loop, the metrics. Threads: the loop's. */
#ifndef ZP_WS_EDGE_REFUSALS_H
#define ZP_WS_EDGE_REFUSALS_H

#include "common/base/address_list.h"
#include "common/config/config.h"
#include "common/metrics/metrics.h"
#include "services/ws-edge/core/request_head.h"
#include <uv.h>

typedef struct refusals {
    const uv_loop_t *loop;
    metrics_t *metrics;
    unsigned retry_spread_s;
    uint64_t say_again_at_ms[REFUSALS_COUNT]; /* NOT_REFUSED: of X-Forwarded-For that is not believed */
} refusals;

void refusals_init(refusals *self, const uv_loop_t *loop, const config_t *config, metrics_t *metrics);

/* Sends the answer, and ends our side of the connection. False: the client has gone. */
bool refusals_answer(refusals *self, int fd, request_refusal refusal, const ip_address *from);
/* The same for one of whom nothing more is read, and closes `fd`. */
void refusals_turn_away(refusals *self, int fd, request_refusal refusal, const ip_address *from);

/* Somebody who is no gateway sent X-Forwarded-For. */
void refusals_note_forwarded(refusals *self, const ip_address *from);

#endif
