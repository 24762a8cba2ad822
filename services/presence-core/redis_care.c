#include "services/presence-core/redis_care.h"
#include "common/log/log.h"
#include "services/presence-core/core/redis_info.h"
#include "services/presence-core/reply.h"
#include <stdlib.h>

enum { FIRST_LOOK_MS = 500, LOOK_MS = 10000 };

struct redis_care {
    const bus_context *bus;
    script_caller_t *scripts;
    uv_timer_t timer;
    bool asking;
    bool evicts, is_volatile;
};

static void note(redis_care_t *care, bool *known, bool now, metric_id metric, const char *event,
                 const char *text) {
    if (now && !*known) {
        log_warn(event, "text=\"%s\"", text);
    }
    *known = now;
    metrics_set(care->bus->metrics, metric, now);
}

static void on_memory(void *context, const redisReply *reply) {
    redis_care_t *care = context;
    str_view policy = reply ? redis_info_value(reply_text(reply), "maxmemory_policy") : (str_view){0};
    note(care, &care->evicts, policy.len > 0 && !str_view_equal(policy, str_view_of("noeviction")),
         METRIC_CORE_REDIS_EVICTS, "core.redis_evicts",
         "maxmemory-policy is not noeviction: Redis may evict presence, who is evicted seems to have left");
}

static void on_persistence(void *context, const redisReply *reply) {
    redis_care_t *care = context;
    care->asking = false;
    str_view aof = reply ? redis_info_value(reply_text(reply), "aof_enabled") : (str_view){0};
    note(care, &care->is_volatile, str_view_equal(aof, str_view_of("0")), METRIC_CORE_REDIS_VOLATILE,
         "core.redis_volatile",
         "appendonly is off: accounts, contacts and last seen are lost with Redis, as far as it has not "
         "saved them");
}

static bool ask(redis_care_t *care, const char *section, redis_reply_fn *on_reply) {
    const char *const arguments[] = {"INFO", section};
    const size_t lengths[] = {4, strlen(section)};
    return redis_connection_send(script_caller_connection(care->scripts), on_reply, care, 2, arguments,
                                 lengths) == ZP_OK;
}

static void on_timer(uv_timer_t *timer) {
    redis_care_t *care = timer->data;
    bool ready = script_caller_is_ready(care->scripts);
    if (ready && !care->asking) {
        care->asking = ask(care, "memory", on_memory) && ask(care, "persistence", on_persistence);
    }
    uv_timer_start(timer, on_timer, ready ? LOOK_MS : FIRST_LOOK_MS, 0);
}

zp_error redis_care_new(redis_care_t **ret_care, const bus_context *bus, script_caller_t *scripts) {
    redis_care_t *care = calloc(1, sizeof *care);
    if (!care) {
        return ZP_NO_MEMORY;
    }
    care->bus = bus;
    care->scripts = scripts;
    uv_timer_init(bus->loop, &care->timer);
    care->timer.data = care;
    uv_timer_start(&care->timer, on_timer, FIRST_LOOK_MS, 0);
    *ret_care = care;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void redis_care_destroy(redis_care_t **self) {
    redis_care_t *care = *self;
    if (care) {
        *self = NULL;
        uv_close((uv_handle_t *)&care->timer, on_closed);
    }
}
