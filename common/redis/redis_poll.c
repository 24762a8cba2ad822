#include "common/redis/redis_poll.h"
#include <stdbool.h>
#include <stdlib.h>

/* hiredis asks for writability with each command, and takes it back when it has written. A socket nearly
 * always takes bytes, so it is not asked of the kernel at first: what a turn of the loop has brought is
 * written before the loop waits, in one go. That saves a wake and four epoll_ctl calls a turn (libuv takes a
 * descriptor out of epoll whenever what is wanted of it changes). Only what the socket does not take waits
 * for POLLOUT. */
typedef struct redis_poll {
    uv_poll_t handle;
    uv_idle_t turn; /* runs before the loop waits, while something is to be written */
    int handles_open;
    redisAsyncContext *redis; /* NULL: gone, and this is being closed */
    int wanted;               /* UV_READABLE, UV_WRITABLE: of the kernel */
    bool writing;             /* hiredis is being told that it may write */
} redis_poll;

static void write_now(redis_poll *poll) {
    poll->writing = true;
    redisAsyncHandleWrite(poll->redis); /* may be its end */
    poll->writing = false;
}

static void on_poll(uv_poll_t *handle, int status, int events) {
    redis_poll *poll = handle->data;
    /* An error of the descriptor (a refused connect is one) is hiredis's to find: it asks the socket. */
    int ready = status < 0 ? poll->wanted : events;
    if (poll->redis && (ready & UV_READABLE)) {
        redisAsyncHandleRead(poll->redis);
    }
    if (poll->redis && (ready & UV_WRITABLE)) {
        write_now(poll);
    }
}

static void on_turn(uv_idle_t *turn) {
    redis_poll *poll = turn->data;
    uv_idle_stop(turn);
    if (poll->redis) {
        write_now(poll);
    }
}

static void want(redis_poll *poll, int wanted) {
    if (poll->wanted == wanted) {
        return;
    }
    poll->wanted = wanted;
    if (wanted) {
        uv_poll_start(&poll->handle, wanted, on_poll);
    } else {
        uv_poll_stop(&poll->handle);
    }
}

static void add_read(void *data) {
    redis_poll *poll = data;
    want(poll, poll->wanted | UV_READABLE);
}

static void remove_read(void *data) {
    redis_poll *poll = data;
    want(poll, poll->wanted & ~UV_READABLE);
}

/* That it is connected, a socket says by being writable. */
static void add_write(void *data) {
    redis_poll *poll = data;
    bool connected = (poll->redis->c.flags & REDIS_CONNECTED) != 0;
    if (connected && !poll->writing && !(poll->wanted & UV_WRITABLE)) {
        uv_idle_start(&poll->turn, on_turn);
    } else {
        want(poll, poll->wanted | UV_WRITABLE);
    }
}

static void remove_write(void *data) {
    redis_poll *poll = data;
    want(poll, poll->wanted & ~UV_WRITABLE);
}

static void on_closed(uv_handle_t *handle) {
    redis_poll *poll = handle->data;
    if (--poll->handles_open == 0) {
        free(poll);
    }
}

/* hiredis calls it before it closes the descriptor. */
static void detach(void *data) {
    redis_poll *poll = data;
    poll->redis = NULL;
    uv_close((uv_handle_t *)&poll->handle, on_closed);
    uv_close((uv_handle_t *)&poll->turn, on_closed);
}

zp_error redis_poll_attach(redisAsyncContext *redis, uv_loop_t *loop) {
    redis_poll *poll = calloc(1, sizeof *poll);
    if (!poll) {
        return ZP_NO_MEMORY;
    }
    if (uv_poll_init(loop, &poll->handle, redis->c.fd) != 0) {
        free(poll);
        return ZP_SYSTEM;
    }
    uv_idle_init(loop, &poll->turn);
    poll->handles_open = 2;
    poll->handle.data = poll;
    poll->turn.data = poll;
    poll->redis = redis;
    redis->ev.data = poll;
    redis->ev.addRead = add_read;
    redis->ev.delRead = remove_read;
    redis->ev.addWrite = add_write;
    redis->ev.delWrite = remove_write;
    redis->ev.cleanup = detach;
    return ZP_OK;
}
