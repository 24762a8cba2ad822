/* redis_poll - lets libuv drive a hiredis asynchronous context.
 * Owns: one uv_poll, freed by itself after the context is gone. Threads: the loop's. */
#ifndef ZP_REDIS_REDIS_POLL_H
#define ZP_REDIS_REDIS_POLL_H

#include "common/base/error.h"
#include <hiredis/async.h>
#include <uv.h>

/* Right after redisAsyncConnect. ZP_NO_MEMORY, ZP_SYSTEM: the context is untouched, free it. */
ZP_MUST_CHECK zp_error redis_poll_attach(redisAsyncContext *redis, uv_loop_t *loop);

#endif
