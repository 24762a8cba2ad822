#include "services/presence-core/script_caller.h"
#include "common/log/log.h"
#include "common/log/log_limit.h"
#include "services/presence-core/reply.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SHA_BYTES = 40,
    ATTEMPTS_MAX = 3, /* NOSCRIPT right after SCRIPT LOAD: somebody flushes faster than we load */
    TROUBLE_BYTES = 160,
};

typedef enum caller_state {
    CALLER_DOWN,
    CALLER_LOADING,
    CALLER_REFUSED, /* connected, but Redis does not take the scripts (it loads its data, a missing password)
                     */
    CALLER_READY,
} caller_state;

struct script_caller {
    bus_context bus;
    script_caller_events events;
    void *context;
    redis_connection_t *connection;
    caller_state state;
    size_t loads_pending;
    bool load_failed;
    uint64_t epoch;
    char shas[SCRIPTS_COUNT][SHA_BYTES];
    script_call_t *free_calls;
    log_limit refusals;
    char trouble[TROUBLE_BYTES];
};

static void change_state(script_caller_t *caller, caller_state state) {
    caller->state = state;
    metrics_set(caller->bus.metrics, METRIC_CORE_REDIS_UP, state == CALLER_READY);
}

/* -- loading -- */

static void note_trouble(script_caller_t *caller, const redisReply *reply) {
    bool is_error = reply->type == REDIS_REPLY_ERROR;
    str_view text = is_error ? str_view_make(reply->str, reply->len) : str_view_of("it answers oddly");
    (void)snprintf(caller->trouble, sizeof caller->trouble, "%.*s", (int)text.len, text.ptr);
}

static void refused(script_caller_t *caller) {
    uint64_t held_back = 0;
    change_state(caller, CALLER_REFUSED);
    if (log_limit_pass(&caller->refusals, uv_now(caller->bus.loop), &held_back)) {
        char text[TROUBLE_BYTES];
        log_warn("core.redis_refuses", "reason=\"%s\" held_back=%llu",
                 str_view_escape(str_view_of(caller->trouble), text, sizeof text),
                 (unsigned long long)held_back);
    }
}

static void on_load_done(script_caller_t *caller) {
    if (caller->load_failed) {
        refused(caller);
        return;
    }
    change_state(caller, CALLER_READY);
    caller->events.on_ready(caller->context);
}

typedef struct load_context {
    script_caller_t *caller;
    script_id script;
} load_context;

static void on_loaded(void *context, const redisReply *reply) {
    load_context load = *(load_context *)context;
    free(context);
    script_caller_t *caller = load.caller;
    assert(caller->loads_pending > 0);
    caller->loads_pending--;
    if (!reply) {
        return; /* on_down follows */
    }
    if (reply->type == REDIS_REPLY_STRING && reply->len == SHA_BYTES) {
        memcpy(caller->shas[load.script], reply->str, SHA_BYTES);
    } else {
        caller->load_failed = true;
        note_trouble(caller, reply);
    }
    if (caller->loads_pending == 0 && caller->state == CALLER_LOADING) {
        on_load_done(caller);
    }
}

static void load(script_caller_t *caller, script_id script) {
    load_context *context = malloc(sizeof *context);
    if (!context) {
        caller->load_failed = true;
        return;
    }
    *context = (load_context){caller, script};
    const script_source *source = &script_table[script];
    const char *arguments[] = {"SCRIPT", "LOAD", source->text};
    const size_t lengths[] = {6, 4, source->text_bytes};
    if (redis_connection_send(caller->connection, on_loaded, context, 3, arguments, lengths) != ZP_OK) {
        free(context);
        caller->load_failed = true;
        return;
    }
    caller->loads_pending++;
}

static void load_all(script_caller_t *caller) {
    caller->load_failed = false;
    for (int script = 0; script < SCRIPTS_COUNT; script++) {
        load(caller, (script_id)script);
    }
    if (caller->loads_pending == 0) {
        change_state(caller, CALLER_REFUSED); /* out of memory: again with the next beat */
    }
}

/* A small question first: to one who has not given the password it wants, Redis closes the connection in the
 * middle of anything large, without a word. */
static void on_pong(void *context, const redisReply *reply) {
    script_caller_t *caller = context;
    if (!reply || caller->state != CALLER_LOADING) {
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        note_trouble(caller, reply);
        refused(caller);
        return;
    }
    load_all(caller);
}

static void ping(script_caller_t *caller) {
    static const char *const arguments[] = {"PING"};
    static const size_t lengths[] = {4};
    change_state(caller, CALLER_LOADING);
    if (redis_connection_send(caller->connection, on_pong, caller, 1, arguments, lengths) != ZP_OK) {
        change_state(caller, CALLER_REFUSED); /* out of memory: again with the next beat */
    }
}

void script_caller_load_again(script_caller_t *caller) {
    if (caller->state == CALLER_REFUSED) {
        ping(caller);
    }
}

/* -- calls -- */

static void recycle(script_call_t *call) {
    arguments_clear(&call->arguments);
    call->next = call->caller->free_calls;
    call->caller->free_calls = call;
}

static void answer(script_call_t *call, call_result result, const redisReply *reply) {
    call->on_answer(call->context, result, call, reply);
    recycle(call);
}

static bool is_error(const redisReply *reply, const char *code) {
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, code, strlen(code)) == 0;
}

static void log_refusal(script_call_t *call, const redisReply *reply) {
    script_caller_t *caller = call->caller;
    uint64_t held_back = 0;
    metrics_add(caller->bus.metrics, METRIC_CORE_CALLS_REFUSED, 1);
    if (log_limit_pass(&caller->refusals, uv_now(caller->bus.loop), &held_back)) {
        char text[TROUBLE_BYTES];
        log_error("core.script_refused", "script=%s reason=\"%s\" held_back=%llu",
                  script_table[call->script].name,
                  str_view_escape(str_view_make(reply->str, reply->len), text, sizeof text),
                  (unsigned long long)held_back);
    }
}

static void attempt(script_call_t *call);

static void on_reply(void *context, const redisReply *reply) {
    script_call_t *call = context;
    if (!reply) {
        answer(call, CALL_FAILED, NULL);
    } else if (is_error(reply, "NOSCRIPT") && call->attempts < ATTEMPTS_MAX) {
        metrics_add(call->caller->bus.metrics, METRIC_CORE_NOSCRIPT, 1);
        load(call->caller, call->script);
        attempt(call);
    } else if (is_error(reply, "EPOCH")) {
        answer(call, CALL_OTHER_EPOCH, NULL);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        log_refusal(call, reply);
        answer(call, CALL_FAILED, NULL);
    } else {
        answer(call, CALL_ANSWERED, reply);
    }
}

static void attempt(script_call_t *call) {
    script_caller_t *caller = call->caller;
    arguments_t *arguments = &call->arguments;
    call->attempts++;
    metrics_add(caller->bus.metrics, METRIC_CORE_CALLS, 1);
    if (caller->state != CALLER_READY || arguments_ready(arguments) != ZP_OK ||
        redis_connection_send(caller->connection, on_reply, call, (int)arguments->count, arguments->pointers,
                              arguments->lengths) != ZP_OK) {
        answer(call, CALL_FAILED, NULL);
    }
}

script_call_t *script_call_begin(script_caller_t *caller, script_id script) {
    script_call_t *call = caller->free_calls;
    if (call) {
        caller->free_calls = call->next;
    } else {
        call = calloc(1, sizeof *call);
        if (!call) {
            return NULL;
        }
        call->caller = caller;
    }
    call->script = script;
    call->attempts = 0;
    const config_t *config = caller->bus.config;
    arguments_t *arguments = &call->arguments;
    arguments_add(arguments, str_view_of("EVALSHA"));
    arguments_add(arguments, str_view_make(caller->shas[script], SHA_BYTES));
    arguments_add(arguments, str_view_of("0"));
    arguments_add_number(arguments, caller->epoch);
    arguments_add_number(arguments, config_ms(config, SETTING_PRESENCE_TTL));
    arguments_add_number(arguments, config_ms(config, SETTING_META_TTL));
    arguments_add_number(arguments, (uint64_t)config_integer(config, SETTING_LOG_MAX));
    assert(arguments->out_of_memory || arguments->count == SCRIPT_ARGUMENTS_BEFORE);
    return call;
}

void script_call_send(script_call_t *call, script_answer_fn *on_answer, void *context) {
    call->on_answer = on_answer;
    call->context = context;
    attempt(call);
}

/* -- the connection -- */

static void on_up(void *context) {
    ping(context);
}

static void on_down(void *context) {
    script_caller_t *caller = context;
    metrics_add(caller->bus.metrics, METRIC_CORE_REDIS_LOST, 1);
    bool was_ready = caller->state == CALLER_READY;
    change_state(caller, CALLER_DOWN);
    if (was_ready) {
        caller->events.on_lost(caller->context);
    }
}

static void on_silence(void *context) {
    script_caller_t *caller = context;
    caller->events.on_silence(caller->context);
}

zp_error script_caller_new(script_caller_t **ret_caller, const bus_context *bus,
                           const script_caller_events *events, void *context) {
    script_caller_t *caller = calloc(1, sizeof *caller);
    if (!caller) {
        return ZP_NO_MEMORY;
    }
    *caller = (script_caller_t){.bus = *bus, .events = *events, .context = context};
    const redis_connection_events connection_events = {
        .on_up = on_up, .on_down = on_down, .on_silence = on_silence};
    zp_error error =
        redis_connection_new(&caller->connection, bus->loop, bus->config, &connection_events, caller);
    if (error) {
        free(caller);
        return error;
    }
    *ret_caller = caller;
    return ZP_OK;
}

void script_caller_destroy(script_caller_t **self) {
    script_caller_t *caller = *self;
    if (!caller) {
        return;
    }
    change_state(caller, CALLER_DOWN);
    redis_connection_destroy(&caller->connection); /* those who are answered by it may still ask us */
    *self = NULL;
    while (caller->free_calls) {
        script_call_t *call = caller->free_calls;
        caller->free_calls = call->next;
        arguments_free(&call->arguments);
        free(call);
    }
    free(caller);
}

bool script_caller_is_ready(const script_caller_t *caller) {
    return caller->state == CALLER_READY;
}

const char *script_caller_trouble(const script_caller_t *caller) {
    return caller->state == CALLER_REFUSED ? caller->trouble : redis_connection_trouble(caller->connection);
}

bool script_caller_is_silent(const script_caller_t *caller) {
    /* Those who are answered by its end ask when the connection is gone already. */
    return caller->connection &&
           (caller->state == CALLER_LOADING || redis_connection_timed_out(caller->connection));
}

redis_connection_t *script_caller_connection(script_caller_t *caller) {
    return caller->connection;
}

void script_caller_set_epoch(script_caller_t *caller, uint64_t epoch) {
    caller->epoch = epoch;
}
