/* token_expiry - whose token has ended while its bearer is connected. One timer wheel for all; it turns only
 * while there is somebody in it. Tokens end by the wall clock, which may be set: an end that is far away is
 * looked at again every minute. Owns: the wheel, its timer, and client->ends, which only those have whose
 * token ends. Cost: O(1). Threads: the loop's. */
#ifndef ZP_WS_EDGE_TOKEN_EXPIRY_H
#define ZP_WS_EDGE_TOKEN_EXPIRY_H

#include "common/base/error.h"
#include "services/ws-edge/core/sessions.h"
#include <uv.h>

typedef struct token_expiry token_expiry_t;

/* The token of `client` has ended, a quarter of a second ago at most; it is not watched any more. */
typedef void token_expired_fn(void *context, edge_client *client);

ZP_MUST_CHECK zp_error token_expiry_new(token_expiry_t **ret_expiry, uv_loop_t *loop, token_expired_fn *fn,
                                        void *context);
void token_expiry_destroy(token_expiry_t **expiry);

/* The client is not watched yet. */
ZP_MUST_CHECK zp_error token_expiry_watch(token_expiry_t *expiry, edge_client *client,
                                          uint64_t ends_at_unix_ms);
void token_expiry_forget(token_expiry_t *expiry, edge_client *client); /* harmless where it is not watched */

#endif
