#include "common/redis/redis_connection.h"
#include "common/log/log.h"
#include "common/redis/redis_address.h"
#include "common/redis/redis_poll.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_LEAST_MS = 50,
    BACKOFF_MOST_MS = 1000,
    /* Silence is counted in checks, not read off a clock: a process that was itself stopped for a while must
     * not take its own absence for Redis's. */
    CHECKS_PER_TIMEOUT = 20,
    TROUBLE_BYTES = 192,
};

typedef enum connection_state {
    CONNECTION_WAITING,        /* for the next attempt */
    CONNECTION_RESOLVING,      /* the name is being looked up */
    CONNECTION_CONNECTING,     /* TCP */
    CONNECTION_AUTHENTICATING, /* AUTH is sent */
    CONNECTION_UP,
    CONNECTION_CLOSING,
} connection_state;

struct redis_connection {
    uv_loop_t *loop;
    const config_t *config;
    redis_connection_events events;
    void *context;
    connection_state state;
    redisAsyncContext *redis; /* NULL: none; it frees itself when it fails */
    uv_timer_t timer;         /* what it means depends on the state: see change_state */
    redis_address_lookup lookup;
    unsigned attempts;    /* since it was last up */
    size_t pending_count; /* commands under way */
    unsigned silent_checks;
    bool timed_out;
    char trouble[TROUBLE_BYTES];
    char warned_of[TROUBLE_BYTES]; /* since it was last up */
    unsigned open_handles;         /* timer, lookup: freed with the last */
};

/* One command under way, or one subscription. */
typedef struct call {
    redis_connection_t *connection;
    redis_reply_fn *on_reply;
    void *context;
} call;

static void on_timer(uv_timer_t *timer);

static uint64_t backoff_ms(unsigned attempts) {
    if (attempts == 0) {
        return 0;
    }
    uint64_t wait_ms = BACKOFF_LEAST_MS;
    for (unsigned i = 1; i < attempts && wait_ms < BACKOFF_MOST_MS; i++) {
        wait_ms *= 2;
    }
    return wait_ms < BACKOFF_MOST_MS ? wait_ms : BACKOFF_MOST_MS;
}

static uint64_t timeout_ms(const redis_connection_t *connection) {
    return config_ms(connection->config, SETTING_REDIS_TIMEOUT_MS);
}

static uint64_t check_ms(const redis_connection_t *connection) {
    return timeout_ms(connection) / CHECKS_PER_TIMEOUT;
}

static void change_state(redis_connection_t *connection, connection_state state) {
    connection->state = state;
    switch (state) {
    case CONNECTION_WAITING:
        uv_timer_start(&connection->timer, on_timer, backoff_ms(connection->attempts), 0);
        break;
    case CONNECTION_CONNECTING:
        uv_timer_start(&connection->timer, on_timer, timeout_ms(connection), 0);
        break;
    case CONNECTION_AUTHENTICATING:
        break; /* within the time of CONNECTING */
    case CONNECTION_UP:
        connection->attempts = 0;
        connection->silent_checks = 0;
        connection->trouble[0] = '\0';
        connection->warned_of[0] = '\0';
        uv_timer_stop(&connection->timer); /* runs while commands are under way */
        break;
    case CONNECTION_RESOLVING:
    case CONNECTION_CLOSING:
        uv_timer_stop(&connection->timer);
        break;
    }
}

static void start_checks(redis_connection_t *connection) {
    connection->silent_checks = 0;
    uv_timer_start(&connection->timer, on_timer, check_ms(connection), check_ms(connection));
}

static void tell_silence(redis_connection_t *connection) {
    if (connection->events.on_silence) {
        connection->events.on_silence(connection->context);
    }
}

/* `why` comes from the system, hiredis or Redis: made fit to stand between quotes in a log line. */
static void note_trouble(redis_connection_t *connection, const char *why) {
    snprintf(connection->trouble, sizeof connection->trouble, "%s", why);
    for (char *at = connection->trouble; *at; at++) {
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\') {
            *at = '.';
        }
    }
}

/* Every new reason once: the same one again and again would fill the log while Redis is away. */
static void warn_of_trouble(redis_connection_t *connection) {
    if (strcmp(connection->warned_of, connection->trouble) == 0) {
        log_debug("redis.down", "why=\"%s\" attempts=%u", connection->trouble, connection->attempts);
        return;
    }
    memcpy(connection->warned_of, connection->trouble, sizeof connection->warned_of);
    log_warn("redis.down", "why=\"%s\" attempts=%u", connection->trouble, connection->attempts);
}

/* The context is gone, and so is every command that was under way. */
static void went_down(redis_connection_t *connection) {
    bool was_up = connection->state == CONNECTION_UP;
    bool was_silent = was_up && connection->silent_checks > 0;
    connection->redis = NULL;
    if (connection->state == CONNECTION_CLOSING) {
        return;
    }
    connection->attempts++;
    warn_of_trouble(connection);
    change_state(connection, CONNECTION_WAITING);
    if (was_silent) {
        tell_silence(connection);
    }
    if (was_up && connection->events.on_down) {
        connection->events.on_down(connection->context);
    }
}

/* Not from within a callback of hiredis. */
static void drop(redis_connection_t *connection, const char *why) {
    note_trouble(connection, why);
    redisAsyncContext *redis = connection->redis;
    if (redis) {
        redis->data = NULL; /* its last callbacks concern nobody */
        redisAsyncFree(redis);
    }
    went_down(connection);
}

static void came_up(redis_connection_t *connection) {
    log_info("redis.up", "host=%s port=%lld", config_text(connection->config, SETTING_REDIS_HOST),
             (long long)config_integer(connection->config, SETTING_REDIS_PORT));
    change_state(connection, CONNECTION_UP);
    if (connection->events.on_up) {
        connection->events.on_up(connection->context);
    }
}

static void on_auth(redisAsyncContext *redis, void *data, void *context) {
    redis_connection_t *connection = context;
    const redisReply *reply = data;
    if (!reply || !redis->data) {
        return; /* on_disconnect follows */
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        note_trouble(connection, reply->str);
        redisAsyncFree(redis); /* after this callback; on_disconnect follows */
        return;
    }
    came_up(connection);
}

static void on_connect(const redisAsyncContext *redis, int status) {
    redis_connection_t *connection = redis->data;
    if (!connection) {
        return;
    }
    if (status != REDIS_OK) {
        connection->timed_out = false;
        note_trouble(connection, redis->c.errstr);
        went_down(connection); /* hiredis frees the context itself */
        return;
    }
    redisEnableKeepAlive(&connection->redis->c);
    const char *user = config_text(connection->config, SETTING_REDIS_USER);
    const char *password = config_text(connection->config, SETTING_REDIS_PASSWORD);
    if (user[0] == '\0' && password[0] == '\0') {
        came_up(connection);
        return;
    }
    change_state(connection, CONNECTION_AUTHENTICATING);
    int sent = user[0] == '\0'
                   ? redisAsyncCommand(connection->redis, on_auth, connection, "AUTH %s", password)
                   : redisAsyncCommand(connection->redis, on_auth, connection, "AUTH %s %s", user, password);
    if (sent != REDIS_OK) {
        note_trouble(connection,
                     "AUTH cannot be sent"); /* the timer ends it: hiredis allows no free in here */
    }
}

static void on_disconnect(const redisAsyncContext *redis, int status) {
    redis_connection_t *connection = redis->data;
    if (!connection) {
        return;
    }
    if (status != REDIS_OK) {
        note_trouble(connection, redis->errstr);
    }
    went_down(connection);
}

static void connect_to(redis_connection_t *connection, const char *address) {
    int port = (int)config_integer(connection->config, SETTING_REDIS_PORT);
    redisAsyncContext *redis = redisAsyncConnect(address, port);
    if (!redis || redis->err || redis_poll_attach(redis, connection->loop) != ZP_OK) {
        note_trouble(connection, redis && redis->err ? redis->errstr : "cannot make a connection");
        if (redis) {
            redisAsyncFree(redis);
        }
        went_down(connection);
        return;
    }
    redis->data = connection;
    connection->redis = redis;
    redisAsyncSetConnectCallback(redis, on_connect);
    redisAsyncSetDisconnectCallback(redis, on_disconnect);
    change_state(connection, CONNECTION_CONNECTING);
}

static void on_handle_closed(redis_connection_t *connection) {
    if (--connection->open_handles == 0) {
        free(connection);
    }
}

static void on_address(void *context, const char *address, const char *why) {
    redis_connection_t *connection = context;
    if (connection->state == CONNECTION_CLOSING) {
        on_handle_closed(connection);
        return;
    }
    connection->open_handles--;
    if (!address) {
        note_trouble(connection, why);
        went_down(connection);
        return;
    }
    connect_to(connection, address);
}

static void start_attempt(redis_connection_t *connection) {
    change_state(connection, CONNECTION_RESOLVING);
    const char *why = "";
    if (redis_address_look_up(&connection->lookup, connection->loop,
                              config_text(connection->config, SETTING_REDIS_HOST), connection->attempts,
                              on_address, connection, &why) != ZP_OK) {
        note_trouble(connection, why);
        went_down(connection);
        return;
    }
    connection->open_handles++;
}

static void on_timer(uv_timer_t *timer) {
    redis_connection_t *connection = timer->data;
    switch (connection->state) {
    case CONNECTION_WAITING:
        start_attempt(connection);
        break;
    case CONNECTION_CONNECTING:
    case CONNECTION_AUTHENTICATING:
        connection->timed_out = true;
        drop(connection, "no answer while connecting");
        break;
    case CONNECTION_UP:
        if (++connection->silent_checks >= CHECKS_PER_TIMEOUT) {
            connection->timed_out = true;
            drop(connection, "no answer to commands");
        } else {
            tell_silence(connection);
        }
        break;
    case CONNECTION_RESOLVING:
    case CONNECTION_CLOSING:
        break;
    }
}

zp_error redis_connection_new(redis_connection_t **ret_connection, uv_loop_t *loop, const config_t *config,
                              const redis_connection_events *events, void *context) {
    redis_connection_t *connection = calloc(1, sizeof *connection);
    if (!connection) {
        return ZP_NO_MEMORY;
    }
    connection->loop = loop;
    connection->config = config;
    connection->events = *events;
    connection->context = context;
    if (uv_timer_init(loop, &connection->timer) != 0) {
        free(connection);
        return ZP_SYSTEM;
    }
    connection->timer.data = connection;
    connection->open_handles = 1;
    note_trouble(connection, "not connected yet");
    change_state(connection, CONNECTION_WAITING);
    *ret_connection = connection;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *handle) {
    on_handle_closed(handle->data);
}

/* The loop would write it in its next turn: it may have none. */
static void write_what_waits(const redis_connection_t *connection) {
    int done = 0;
    size_t before = 0;
    redisContext *redis = &connection->redis->c;
    do {
        before = sdslen(redis->obuf);
    } while (redisBufferWrite(redis, &done) == REDIS_OK && !done && sdslen(redis->obuf) < before);
}

void redis_connection_destroy(redis_connection_t **self) {
    redis_connection_t *connection = *self;
    if (!connection) {
        return;
    }
    *self = NULL;
    if (connection->state == CONNECTION_RESOLVING) {
        redis_address_cancel(&connection->lookup);
    }
    if (connection->state == CONNECTION_UP) {
        write_what_waits(connection);
    }
    change_state(connection, CONNECTION_CLOSING);
    if (connection->redis) {
        redisAsyncContext *redis = connection->redis;
        connection->redis = NULL;
        redis->data = NULL;
        redisAsyncFree(redis);
    }
    uv_close((uv_handle_t *)&connection->timer, on_timer_closed);
}

bool redis_connection_is_up(const redis_connection_t *connection) {
    return connection->state == CONNECTION_UP;
}

const char *redis_connection_trouble(const redis_connection_t *connection) {
    return connection->trouble;
}

uint64_t redis_connection_silent_ms(const redis_connection_t *connection) {
    return connection->state == CONNECTION_UP && connection->pending_count > 0
               ? connection->silent_checks * check_ms(connection)
               : 0;
}

bool redis_connection_timed_out(const redis_connection_t *connection) {
    return connection->timed_out;
}

static void note_answer(redis_connection_t *connection) {
    bool was_silent = connection->silent_checks > 0;
    connection->silent_checks = 0;
    if (connection->pending_count == 0) {
        uv_timer_stop(&connection->timer);
    }
    if (was_silent) {
        tell_silence(connection);
    }
}

/* `data` is NULL where the connection ends, which is told by itself. */
static void on_reply(redisAsyncContext *redis, void *data, void *context) {
    (void)redis;
    call *done = context;
    redis_connection_t *connection = done->connection;
    assert(connection->pending_count > 0);
    connection->pending_count--;
    if (data) {
        note_answer(connection);
    }
    connection->timed_out = connection->timed_out && !data;
    done->on_reply(done->context, data);
    free(done);
}

static void on_message(redisAsyncContext *redis, void *data, void *context) {
    (void)redis;
    call *subscription = context;
    subscription->on_reply(subscription->context, data);
    if (!data) {
        free(subscription);
    }
}

static call *new_call(redis_connection_t *connection, redis_reply_fn *on_answer, void *context) {
    call *made = malloc(sizeof *made);
    if (made) {
        *made = (call){connection, on_answer, context};
    }
    return made;
}

zp_error redis_connection_send(redis_connection_t *connection, redis_reply_fn *on_answer, void *context,
                               int arguments_count, const char *const *arguments,
                               const size_t *arguments_bytes) {
    if (connection->state != CONNECTION_UP) {
        return ZP_UNAVAILABLE;
    }
    call *made = new_call(connection, on_answer, context);
    if (!made) {
        return ZP_NO_MEMORY;
    }
    if (redisAsyncCommandArgv(connection->redis, on_reply, made, arguments_count, (const char **)arguments,
                              arguments_bytes) != REDIS_OK) {
        free(made);
        return ZP_UNAVAILABLE;
    }
    if (connection->pending_count++ == 0) {
        start_checks(connection);
    }
    return ZP_OK;
}

zp_error redis_connection_subscribe(redis_connection_t *connection, redis_reply_fn *on_answer, void *context,
                                    const char *channel) {
    if (connection->state != CONNECTION_UP) {
        return ZP_UNAVAILABLE;
    }
    call *made = new_call(connection, on_answer, context);
    if (!made) {
        return ZP_NO_MEMORY;
    }
    if (redisAsyncCommand(connection->redis, on_message, made, "SUBSCRIBE %s", channel) != REDIS_OK) {
        free(made);
        return ZP_UNAVAILABLE;
    }
    return ZP_OK;
}

void redis_connection_restart(redis_connection_t *connection) {
    if (connection->redis) {
        drop(connection, "restarted on purpose");
    }
}
