/* slow_heads - ends connections whose next request head is not complete in time. libmicrohttpd counts silence
 * only: a byte now and then would keep a connection for ever, and HTTP_CONNECTIONS_MAX of them everybody else
 * out. Owns: a record for each connection. Time: the loop's. Threads: the loop's. */
#ifndef ZP_HTTP_API_SLOW_HEADS_H
#define ZP_HTTP_API_SLOW_HEADS_H

#include "common/base/error.h"
#include "common/metrics/metrics.h"
#include <microhttpd.h>
#include <uv.h>

typedef struct slow_heads slow_heads_t;

ZP_MUST_CHECK zp_error slow_heads_new(slow_heads_t **ret_heads, uv_loop_t *loop, metrics_t *metrics,
                                      uint64_t patience_ms);
/* After the daemon, which still closes connections. */
void slow_heads_destroy(slow_heads_t **heads);

/* For MHD_OPTION_NOTIFY_CONNECTION; `context` is the slow_heads_t. */
void slow_heads_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                              enum MHD_ConnectionNotificationCode code);

/* A head is complete; until `slow_heads_done` the connection is not looked at. */
void slow_heads_begin(struct MHD_Connection *connection);
/* The request is over: another head may follow. */
void slow_heads_done(struct MHD_Connection *connection);

#endif
