/* script_caller - calls the scripts of script_table on one Redis: loads them at each connection, calls them
 * by EVALSHA, and where Redis has forgotten them (NOSCRIPT, at any moment) loads and calls again. Owns: the
 * connection to Redis, calls (used again and again). Borrows: loop, config, metrics. Threads: the loop's. How
 * many calls are under way is the caller's to bound. */
#ifndef ZP_PRESENCE_CORE_SCRIPT_CALLER_H
#define ZP_PRESENCE_CORE_SCRIPT_CALLER_H

#include "common/bus/bus_socket.h"
#include "common/redis/redis_connection.h"
#include "services/presence-core/core/arguments.h"
#include "services/presence-core/script_table.h"

typedef struct script_caller script_caller_t;

typedef enum call_result {
    CALL_ANSWERED,
    CALL_OTHER_EPOCH, /* nothing was changed: the data is of another epoch than the call was made for */
    CALL_FAILED, /* Redis is out of reach, or refused (logged); whether it was carried out is not known */
} call_result;

typedef struct script_call script_call_t;

/* `reply` is for CALL_ANSWERED, else NULL. `call` gives the arguments back. May make calls; may not destroy.
 */
typedef void script_answer_fn(void *context, call_result result, const script_call_t *call,
                              const redisReply *reply);

struct script_call {
    /* ARGV of the script; the four common ones are already in. */
    arguments_t arguments;
    /* Of script_caller. */
    script_caller_t *caller;
    script_call_t *next;
    script_id script;
    unsigned attempts;
    script_answer_fn *on_answer;
    void *context;
};

typedef struct script_caller_events {
    void (*on_ready)(void *context); /* connected, and the scripts are loaded */
    void (*on_lost)(void *context);  /* after every call under way has been answered */
    void (*on_silence)(
        void *context); /* how long Redis has been silent (redis_connection_silent_ms) has changed */
} script_caller_events;

ZP_MUST_CHECK zp_error script_caller_new(script_caller_t **ret_caller, const bus_context *bus,
                                         const script_caller_events *events, void *context);
/* Answers what is under way with CALL_FAILED; no event comes after it. */
void script_caller_destroy(script_caller_t **caller);

bool script_caller_is_ready(const script_caller_t *caller);
/* Why it is not ready, in words. */
const char *script_caller_trouble(const script_caller_t *caller);
/* Connected, or connecting, to one that answers nothing: it was told so by a timeout, not by a refusal. */
bool script_caller_is_silent(const script_caller_t *caller);
/* Connected, but the scripts could not be loaded: tries again. Else does nothing. */
void script_caller_load_again(script_caller_t *caller);

/* For plain commands. */
redis_connection_t *script_caller_connection(script_caller_t *caller);

/* The epoch that calls begun from here on are for. */
void script_caller_set_epoch(script_caller_t *caller, uint64_t epoch);

/* A call with its common arguments; NULL: out of memory. Add the others, then send it. */
script_call_t *script_call_begin(script_caller_t *caller, script_id script);
/* Takes the call. `on_answer` is called exactly once, from within only with CALL_FAILED. */
void script_call_send(script_call_t *call, script_answer_fn *on_answer, void *context);

/* How many arguments stand in front of the first that the caller added. */
enum { SCRIPT_ARGUMENTS_BEFORE = 7 };

#endif
