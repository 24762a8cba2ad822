#include "services/presence-core/epoch_keeper.h"
#include "common/base/clock.h"
#include "common/log/log.h"
#include "common/presence/redis_clock.h"
#include "common/runtime/fault.h"
#include "common/runtime/pulse.h"
#include "services/presence-core/core/heard.h"
#include "services/presence-core/core/redis_info.h"
#include "services/presence-core/reply.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RUN_ID_BYTES = 64,
    REASON_BYTES = 512,
    TICKS_LATE_MS = 5000,
    TICKS_LATE_LOG_MS = 10000,
    REDIS_SILENT_MS = 1000,
};

/* An epoch is a unix ms, or just above the one before: nobody can have seen one from far ahead. */
static const uint64_t EPOCH_AHEAD_MAX_MS = 86400000;

typedef enum keeper_state {
    KEEPER_NO_REDIS,
    KEEPER_CHECKING,
    KEEPER_NOT_MASTER,
    KEEPER_SERVING
} keeper_state;

struct epoch_keeper {
    bus_context bus;
    epoch_keeper_events events;
    void *context;
    script_caller_t *scripts;
    pulse_t pulse;
    bool silent;
    uint64_t started_ms; /* loop time */
    keeper_state state;
    bool asking, ask_again; /* a check is under way; another is wanted after it */
    bool epoch_asked;       /* with that check, ahead of what INFO answers */
    char run_id[RUN_ID_BYTES];
    bool role_changed; /* since epoch.lua last answered */
    log_position position, seen;
    uint64_t begun_epoch; /* the newest that this core has begun; 0: none */
    bool rebuilding;
    heard_t heard;
    redis_clock_t clock;
    uint64_t epoch_asked_ms; /* monotonic */
    uint64_t clock_age_ms, ticks_late_log_ms;
    const char *why; /* it is in this state: static */
    char reason[REASON_BYTES];
};

static void on_pulse(uv_timer_t *timer);

/* Who asks a core that does not serve yet shall hear that it does: so it looks before they ask. Of one that
 * serves they hear the same as with the last beat, and Redis is woken once for all of them. */
static void keep_pulse(epoch_keeper_t *keeper) {
    pulse_start(&keeper->pulse, on_pulse, config_ms(keeper->bus.config, SETTING_BEAT_INTERVAL_MS),
                keeper->state == KEEPER_SERVING ? PULSE_BEAT : PULSE_BEFORE);
}

static void change_state(epoch_keeper_t *keeper, keeper_state state, const char *why) {
    bool changed = keeper->state != state;
    keeper->state = state;
    keeper->why = why;
    if (changed) {
        log_info("core.state", "serving=%s why=\"%s\"", state == KEEPER_SERVING ? "yes" : "no", why);
    }
    if (changed && uv_is_active((uv_handle_t *)&keeper->pulse.timer)) {
        keep_pulse(keeper);
    }
}

/* -- silence -- */

static void on_silence(void *context) {
    epoch_keeper_t *keeper = context;
    uint64_t silent_ms = redis_connection_silent_ms(script_caller_connection(keeper->scripts));
    bool silent = silent_ms >= REDIS_SILENT_MS;
    if (silent != keeper->silent) {
        keeper->silent = silent;
        if (silent) {
            log_warn("core.redis_silent", "reason=\"it is asked, and does not answer\"");
        } else {
            log_info("core.redis_answers", "reason=\"it answers again, or is out of reach\"");
        }
        keeper->events.on_silence(keeper->context, silent);
    }
}

/* -- epoch.lua -- */

static void raise_to(log_position *highest, log_position position) {
    if (log_position_before(*highest, position)) {
        *highest = position;
    }
}

static void log_late_ticks(epoch_keeper_t *keeper) {
    uint64_t now_ms = uv_now(keeper->bus.loop);
    bool late = keeper->clock_age_ms > TICKS_LATE_MS && now_ms - keeper->started_ms > TICKS_LATE_MS;
    if (late && now_ms >= keeper->ticks_late_log_ms) {
        keeper->ticks_late_log_ms = now_ms + TICKS_LATE_LOG_MS;
        log_warn("core.no_ticks", "no expiry-watcher has ticked for %llu s: nobody's silence is counted",
                 (unsigned long long)(keeper->clock_age_ms / 1000));
    }
}

/* Whatever else the answer is good for: nobody else is told. */
static void note_begun(epoch_keeper_t *keeper, const redisReply *reply) {
    if (reply_number(reply->element[3]) == 0) {
        return;
    }
    if (FAULT(AFTER_EPOCH)) {
        abort();
    }
    metrics_add(keeper->bus.metrics, METRIC_CORE_EPOCHS_BEGUN, 1);
    keeper->begun_epoch = reply_number(reply->element[0]);
}

static void take_answer(epoch_keeper_t *keeper, const redisReply *reply) {
    log_position position = {reply_number(reply->element[0]), reply_number(reply->element[1])};
    bool rebuilding = reply_number(reply->element[2]) != 0;
    keeper->clock_age_ms = reply_number(reply->element[4]);
    redis_clock_note(&keeper->clock, reply_number(reply->element[5]), keeper->epoch_asked_ms,
                     clock_monotonic_ms());
    if (position.epoch != keeper->position.epoch) {
        log_info("core.epoch", "epoch=%llu seq=%llu begun=%s rebuilding=%s",
                 (unsigned long long)position.epoch, (unsigned long long)position.seq,
                 position.epoch == keeper->begun_epoch ? "here" : "elsewhere", rebuilding ? "yes" : "no");
    } else if (rebuilding != keeper->rebuilding) {
        log_info("core.rebuilt", "epoch=%llu seq=%llu", (unsigned long long)position.epoch,
                 (unsigned long long)position.seq);
    }
    keeper->rebuilding = rebuilding;
    keeper->role_changed = false;
    keeper->position = position;
    raise_to(&keeper->seen, position);
    metrics_set(keeper->bus.metrics, METRIC_CORE_REBUILDING, rebuilding);
    metrics_set(keeper->bus.metrics, METRIC_CORE_CLOCK_AGE_MS, (int64_t)keeper->clock_age_ms);
    script_caller_set_epoch(keeper->scripts, position.epoch);
    log_late_ticks(keeper);
    change_state(keeper, KEEPER_SERVING, "epoch is known");
    keeper->events.on_checked(keeper->context);
    if (!keeper->epoch_asked) {
        keeper->events.on_beat(keeper->context);
    }
}

static void start_check(epoch_keeper_t *keeper);

static void end_check(epoch_keeper_t *keeper) {
    keeper->asking = false;
    keeper->epoch_asked = false;
    if (keeper->ask_again) {
        start_check(keeper);
    }
}

static void on_epoch_answer(void *context, call_result result, const script_call_t *call,
                            const redisReply *reply) {
    (void)call;
    epoch_keeper_t *keeper = context;
    bool usable = result == CALL_ANSWERED && reply_has(reply, 6) && reply_number(reply->element[0]) > 0;
    if (usable) {
        note_begun(keeper, reply);
    }
    /* One that was asked ahead of INFO says nothing of another Redis than INFO has confirmed. */
    bool counts = keeper->epoch_asked ? keeper->state == KEEPER_SERVING : keeper->state != KEEPER_NO_REDIS;
    if (usable && counts) {
        take_answer(keeper, reply);
    } else if (counts) {
        change_state(keeper, KEEPER_CHECKING, "it did not tell its epoch");
    }
    end_check(keeper);
}

static void ask_epoch(epoch_keeper_t *keeper) {
    const config_t *config = keeper->bus.config;
    uint64_t now_ms = uv_now(keeper->bus.loop);
    uint64_t lease_ms = config_ms(config, SETTING_EDGE_LEASE_MS);
    script_call_t *call = script_call_begin(keeper->scripts, SCRIPT_EPOCH);
    if (!call) {
        end_check(keeper);
        return;
    }
    arguments_t *arguments = &call->arguments;
    arguments_add(arguments, str_view_of(keeper->run_id));
    arguments_add_number(arguments, keeper->role_changed);
    arguments_add_number(arguments, keeper->seen.epoch);
    arguments_add_number(arguments, keeper->seen.seq);
    arguments_add_number(arguments, lease_ms);
    arguments_add_number(arguments, now_ms - keeper->started_ms >= lease_ms);
    size_t heard_count = heard_lately(&keeper->heard, now_ms, lease_ms);
    for (size_t i = 0; i < heard_count; i++) {
        arguments_add(arguments, str_view_of(keeper->heard.list[i].incarnation));
    }
    keeper->epoch_asked_ms = clock_monotonic_ms();
    script_call_send(call, on_epoch_answer, keeper);
}

/* -- INFO, then epoch.lua -- */

static void on_server_info(void *context, const redisReply *reply) {
    epoch_keeper_t *keeper = context;
    str_view run_id = reply ? redis_info_value(reply_text(reply), "run_id") : (str_view){0};
    if (run_id.len == 0 || run_id.len >= sizeof keeper->run_id) {
        keeper->run_id[0] = '\0';
        return;
    }
    if (keeper->epoch_asked && !str_view_equal(run_id, str_view_of(keeper->run_id))) {
        change_state(keeper, KEEPER_CHECKING, "it is another one");
        keeper->ask_again = true;
    }
    memcpy(keeper->run_id, run_id.ptr, run_id.len);
    keeper->run_id[run_id.len] = '\0';
}

static bool is_master(epoch_keeper_t *keeper, const redisReply *reply) {
    str_view role = redis_info_value(reply_text(reply), "role");
    if (keeper->run_id[0] == '\0' || role.len == 0) {
        change_state(keeper, KEEPER_CHECKING, "it does not answer INFO");
        return false;
    }
    if (!str_view_equal(role, str_view_of("master"))) {
        keeper->role_changed = true;
        change_state(keeper, KEEPER_NOT_MASTER, "its role is another");
        return false;
    }
    return true;
}

static void on_replication_info(void *context, const redisReply *reply) {
    epoch_keeper_t *keeper = context;
    if (reply && keeper->state != KEEPER_NO_REDIS && is_master(keeper, reply) && !keeper->epoch_asked) {
        ask_epoch(keeper);
    } else if (!keeper->epoch_asked) {
        end_check(keeper);
    }
}

static bool send_info(epoch_keeper_t *keeper, const char *section, redis_reply_fn *on_reply) {
    const char *arguments[] = {"INFO", section};
    const size_t lengths[] = {4, strlen(section)};
    return redis_connection_send(script_caller_connection(keeper->scripts), on_reply, keeper, 2, arguments,
                                 lengths) == ZP_OK;
}

static void start_check(epoch_keeper_t *keeper) {
    keeper->ask_again = false;
    if (keeper->asking) {
        keeper->ask_again = true;
        return;
    }
    if (!script_caller_is_ready(keeper->scripts)) {
        script_caller_load_again(keeper->scripts);
        return;
    }
    /* Sent one after the other, answered in that order: the second answer goes on. While this core serves, it
     * need not: INFO of one connection hardly ever says anything else than a second ago, and what it says
     * comes before epoch.lua's answer. */
    keeper->asking =
        send_info(keeper, "server", on_server_info) && send_info(keeper, "replication", on_replication_info);
    keeper->epoch_asked = keeper->asking && keeper->state == KEEPER_SERVING && keeper->run_id[0] != '\0';
    if (keeper->epoch_asked) {
        ask_epoch(keeper);
        keeper->events.on_beat(keeper->context);
    }
}

static void on_pulse(uv_timer_t *timer) {
    start_check(timer->data);
}

static void on_redis_ready(void *context) {
    epoch_keeper_t *keeper = context;
    change_state(keeper, KEEPER_CHECKING, "connected");
    start_check(keeper);
}

static void on_redis_lost(void *context) {
    epoch_keeper_t *keeper = context;
    keeper->ask_again = false;
    redis_clock_forget(&keeper->clock); /* it may be another one that comes back */
    change_state(keeper, KEEPER_NO_REDIS, "connection lost");
}

/* -- the outside -- */

zp_error epoch_keeper_new(epoch_keeper_t **ret_keeper, const bus_context *bus,
                          const epoch_keeper_events *events, void *context) {
    epoch_keeper_t *keeper = calloc(1, sizeof *keeper);
    if (!keeper) {
        return ZP_NO_MEMORY;
    }
    keeper->bus = *bus;
    keeper->events = *events;
    keeper->context = context;
    keeper->started_ms = uv_now(bus->loop);
    change_state(keeper, KEEPER_NO_REDIS, "starting");
    const script_caller_events caller_events = {
        .on_ready = on_redis_ready, .on_lost = on_redis_lost, .on_silence = on_silence};
    zp_error error = script_caller_new(&keeper->scripts, bus, &caller_events, keeper);
    if (error) {
        free(keeper);
        return error;
    }
    uv_timer_init(bus->loop, &keeper->pulse.timer);
    keeper->pulse.timer.data = keeper;
    keep_pulse(keeper);
    *ret_keeper = keeper;
    return ZP_OK;
}

void epoch_keeper_quiesce(epoch_keeper_t *keeper) {
    uv_timer_stop(&keeper->pulse.timer);
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void epoch_keeper_destroy(epoch_keeper_t **self) {
    epoch_keeper_t *keeper = *self;
    if (!keeper) {
        return;
    }
    change_state(keeper, KEEPER_NO_REDIS, "stopping");
    script_caller_destroy(&keeper->scripts); /* those who are answered by it may still ask us */
    *self = NULL;
    uv_close((uv_handle_t *)&keeper->pulse.timer, on_closed);
}

script_caller_t *epoch_keeper_scripts(epoch_keeper_t *keeper) {
    return keeper->scripts;
}

bool epoch_keeper_is_serving(const epoch_keeper_t *keeper) {
    return keeper->state == KEEPER_SERVING && !keeper->silent;
}

log_position epoch_keeper_position(const epoch_keeper_t *keeper) {
    return keeper->position;
}

uint64_t epoch_keeper_redis_time_in(const epoch_keeper_t *keeper, uint64_t in_ms) {
    return redis_clock_at(&keeper->clock, clock_monotonic_ms(), in_ms, REDIS_TIME_NEVER);
}

bool epoch_keeper_is_rebuilding(const epoch_keeper_t *keeper) {
    return keeper->rebuilding;
}

void epoch_keeper_note_seq(epoch_keeper_t *keeper, uint64_t epoch, uint64_t seq) {
    log_position position = {epoch, seq};
    if (epoch == keeper->position.epoch) {
        raise_to(&keeper->position, position);
    }
    raise_to(&keeper->seen, position);
}

void epoch_keeper_note_beat(epoch_keeper_t *keeper, log_position seen, str_view incarnation) {
    heard_note(&keeper->heard, incarnation, uv_now(keeper->bus.loop));
    if (seen.epoch <= clock_unix_ms() + EPOCH_AHEAD_MAX_MS) {
        raise_to(&keeper->seen, seen);
    }
}

void epoch_keeper_other_epoch(epoch_keeper_t *keeper, uint64_t epoch) {
    /* Of many calls that were under way together, the first to say so is enough. */
    if (keeper->state == KEEPER_SERVING && epoch == keeper->position.epoch) {
        change_state(keeper, KEEPER_CHECKING, "the data is of another epoch");
        start_check(keeper);
    }
}

const char *epoch_keeper_trouble(const epoch_keeper_t *keeper) {
    if (keeper->silent || script_caller_is_silent(keeper->scripts)) {
        return "Redis does not answer";
    }
    switch (keeper->state) {
    case KEEPER_NO_REDIS:
        return "Redis is out of reach";
    case KEEPER_NOT_MASTER:
        return "Redis is not a master";
    case KEEPER_CHECKING:
        return "Redis has yet to tell its epoch";
    case KEEPER_SERVING:
        break;
    }
    return NULL;
}

static const char *reason(epoch_keeper_t *keeper) {
    const char *trouble = keeper->why;
    const char *is = "";
    if (keeper->silent) {
        (void)snprintf(keeper->reason, sizeof keeper->reason, "Redis at %s:%lld does not answer",
                       config_text(keeper->bus.config, SETTING_REDIS_HOST),
                       (long long)config_integer(keeper->bus.config, SETTING_REDIS_PORT));
        return keeper->reason;
    }
    switch (keeper->state) {
    case KEEPER_NO_REDIS:
        is = "is out of reach";
        trouble = script_caller_trouble(keeper->scripts);
        break;
    case KEEPER_NOT_MASTER:
        is = "is not a master";
        break;
    case KEEPER_CHECKING:
        is = "has yet to tell its epoch";
        break;
    case KEEPER_SERVING:
        return keeper->rebuilding ? "rebuilding after data loss, or a first start: edges have yet to announce"
                                  : NULL;
    }
    (void)snprintf(keeper->reason, sizeof keeper->reason, "Redis at %s:%lld %s: %s",
                   config_text(keeper->bus.config, SETTING_REDIS_HOST),
                   (long long)config_integer(keeper->bus.config, SETTING_REDIS_PORT), is, trouble);
    return keeper->reason;
}

size_t epoch_keeper_reasons(epoch_keeper_t *keeper, const char *reasons[], size_t reasons_max) {
    const char *text = reason(keeper);
    if (!text || reasons_max == 0) {
        return 0;
    }
    reasons[0] = text;
    return 1;
}
