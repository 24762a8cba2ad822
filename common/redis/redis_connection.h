/* redis_connection - one asynchronous connection to Redis that is kept up: names are looked up without
 * blocking the loop, AUTH, reconnection with backoff, and the timeout of requests that hiredis 0.14 does not
 * have. Owns: the hiredis context and its libuv handles. Borrows: loop and config. Threads: the loop's.
 * Units: milliseconds. What it replaces of hiredis: adapters/libuv.h, which drops a refused connect silently
 * (libuv reports it as an error of the poll handle, which that adapter ignores). */
#ifndef ZP_REDIS_REDIS_CONNECTION_H
#define ZP_REDIS_REDIS_CONNECTION_H

#include "common/base/error.h"
#include "common/config/config.h"
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct redis_connection redis_connection_t;

typedef struct redis_connection_events {
    /* Connected and authenticated: commands may be sent, also from within this call. */
    void (*on_up)(void *context);
    /* It was up and is lost; every command under way has had its NULL reply. It reconnects by itself. */
    void (*on_down)(void *context);
    /* redis_connection_silent_ms has changed: it has grown, or is 0 again. */
    void (*on_silence)(void *context);
} redis_connection_events;

/* The answer to one command; `reply` lives until this returns, and may be an error reply. NULL: the
 * connection was lost first, and whether the command was carried out is not known. May send; may not destroy
 * the connection. */
typedef void redis_reply_fn(void *context, const redisReply *reply);

/* Connects to REDIS_HOST:REDIS_PORT; the first attempt starts in the next turn of the loop. Any event may
 * be NULL. ZP_NO_MEMORY, ZP_SYSTEM. */
ZP_MUST_CHECK zp_error redis_connection_new(redis_connection_t **ret_connection, uv_loop_t *loop,
                                            const config_t *config, const redis_connection_events *events,
                                            void *context);
/* Answers what is under way with NULL; no event comes after it. What was sent leaves before, as far as the
 * kernel takes it at once. Not from within a reply or an event of its own. */
void redis_connection_destroy(redis_connection_t **connection);

bool redis_connection_is_up(const redis_connection_t *connection);
/* Why it is not up, in words; "" where it is. Lives until the next change of state. */
const char *redis_connection_trouble(const redis_connection_t *connection);

/* For how long Redis has answered nothing although commands are under way; 0 while it is not up. Counted in
 * steps of a twentieth of REDIS_TIMEOUT_MS. */
uint64_t redis_connection_silent_ms(const redis_connection_t *connection);

/* Its last life ended because Redis answered nothing, and no other has come up since. */
bool redis_connection_timed_out(const redis_connection_t *connection);

/* Sends one command, binary-safe. Redis silent for REDIS_TIMEOUT_MS while commands are under way: the
 * connection is made anew. How many are under way is the caller's to bound. ZP_UNAVAILABLE: not up;
 * `on_reply` is not called. */
ZP_MUST_CHECK zp_error redis_connection_send(redis_connection_t *connection, redis_reply_fn *on_reply,
                                             void *context, int arguments_count, const char *const *arguments,
                                             const size_t *arguments_bytes);

/* SUBSCRIBE: `on_message` is called for the confirmation and each message (arrays of three), and once with
 * NULL when the connection is lost: then subscribe again at on_up. Redis lets such a connection do nothing
 * else. A dead peer is noticed by TCP keepalive only (15 s and more): who must know earlier watches a second
 * connection. */
ZP_MUST_CHECK zp_error redis_connection_subscribe(redis_connection_t *connection, redis_reply_fn *on_message,
                                                  void *context, const char *channel);

/* Drops the connection now and makes it anew, with on_down in between. Not from within a reply or an event
 * of its own. */
void redis_connection_restart(redis_connection_t *connection);

#endif
