#include "services/http-api/system_watch.h"
#include "common/base/clock.h"
#include "common/runtime/pulse.h"
#include "services/http-api/core/rate_window.h"
#include "services/http-api/core_questions.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct system_watch {
    const process_t *process;
    core_link_t *cores;
    pulse_t pulse;
    bool asking;
    system_source source;
    Zp__ServicesReply *known; /* set where source is SYSTEM_KNOWN */
    uint64_t known_at_ms;     /* monotonic */
    service_row *rows;        /* for known->n_services */
    rate_window rate;         /* of seq */
    char trouble[VALID_TROUBLE_MAX_BYTES + 1];
};

static void forget(system_watch_t *watch, system_source source) {
    if (watch->known) {
        zp__services_reply__free_unpacked(watch->known, NULL);
    }
    free(watch->rows);
    watch->known = NULL;
    watch->rows = NULL;
    watch->source = source;
}

/* protobuf-c has no deep copy; a message packed and unpacked is one. */
static Zp__ServicesReply *copy_reply(const Zp__ServicesReply *reply) {
    size_t bytes = zp__services_reply__get_packed_size(reply);
    uint8_t *packed = malloc(bytes + 1);
    if (!packed) {
        return NULL;
    }
    zp__services_reply__pack(reply, packed);
    Zp__ServicesReply *copy = zp__services_reply__unpack(NULL, bytes, packed);
    free(packed);
    return copy;
}

static int compare_services(const void *a, const void *b) {
    const Zp__ServiceState *left = *(Zp__ServiceState *const *)a, *right = *(Zp__ServiceState *const *)b;
    int order = strcmp(left->process->kind, right->process->kind);
    return order != 0 ? order : strverscmp(left->process->name, right->process->name);
}

static void keep(system_watch_t *watch, const Zp__ServicesReply *reply) {
    Zp__ServicesReply *known = copy_reply(reply);
    service_row *rows = calloc(reply->n_services + 1, sizeof *rows);
    if (!known || !rows) {
        if (known) {
            zp__services_reply__free_unpacked(known, NULL);
        }
        free(rows);
        return; /* the last answer stands a little longer */
    }
    forget(watch, SYSTEM_KNOWN);
    if (known->n_services > 0) {
        qsort(known->services, known->n_services, sizeof(Zp__ServiceState *), compare_services);
    }
    watch->known = known;
    watch->known_at_ms = clock_monotonic_ms();
    watch->rows = rows;
    if (known->position) {
        rate_window_note(&watch->rate, known->position->seq, watch->known_at_ms);
    }
}

static void on_answer(void *context, const Zp__CoreToApi *answer) {
    system_watch_t *watch = context;
    watch->asking = false;
    if (!answer) {
        forget(watch, SYSTEM_NO_ANSWER);
        return;
    }
    const Zp__ServicesReply *reply = answer->services_reply;
    if (reply->outcome == ZP__OUTCOME__OUTCOME_OK) {
        keep(watch, reply);
    } else {
        forget(watch, SYSTEM_NO_REDIS);
        (void)snprintf(watch->trouble, sizeof watch->trouble, "%s",
                       reply->trouble[0] ? reply->trouble : "it cannot use Redis");
    }
}

static void on_timer(uv_timer_t *timer) {
    system_watch_t *watch = timer->data;
    if (!watch->asking) {
        watch->asking = ask_services(watch->cores, on_answer, watch) == ZP_OK;
    }
}

static uint64_t age_since(uint64_t now_ms, uint64_t then_ms) {
    return now_ms > then_ms ? now_ms - then_ms : 0;
}

static void fill_figures(service_row *row, const Zp__ProcessInfo *process) {
    static_assert((int)SERVICE_FIGURES_MAX == (int)VALID_FIGURES_MAX, "a row takes what the bus carries");
    row->figures_count = process->n_figures;
    for (size_t i = 0; i < process->n_figures; i++) {
        row->figures[i].name = process->figures[i]->name;
        row->figures[i].value = process->figures[i]->value;
    }
}

static void fill_rows(system_watch_t *watch, uint64_t answer_age_ms) {
    uint64_t now_unix_ms = clock_unix_ms();
    for (size_t i = 0; i < watch->known->n_services; i++) {
        const Zp__ServiceState *service = watch->known->services[i];
        const Zp__ProcessInfo *process = service->process;
        watch->rows[i] = (service_row){
            .kind = process->kind,
            .name = process->name,
            .version = process->version,
            .address = process->address,
            .admin = process->admin,
            .pid = process->pid,
            .up_ms = age_since(now_unix_ms, process->started_at_ms),
            .beat_age_ms = service->beat_age_ms + answer_age_ms,
        };
        fill_figures(&watch->rows[i], process);
    }
}

void system_watch_view(system_watch_t *watch, system_view *ret_view) {
    const config_t *config = watch->process->config;
    *ret_view = (system_view){
        .source = core_link_live_count(watch->cores) == 0 ? SYSTEM_NO_CORE : watch->source,
        .trouble = watch->trouble,
        .presence_enabled = config_bool(config, SETTING_PRESENCE_ENABLED),
        .silent_after_ms = config_ms(config, SETTING_PEER_TIMEOUT_MS),
    };
    if (ret_view->source != SYSTEM_KNOWN) {
        return;
    }
    const Zp__ServicesReply *known = watch->known;
    uint64_t answer_age_ms = age_since(clock_monotonic_ms(), watch->known_at_ms);
    fill_rows(watch, answer_age_ms);
    ret_view->rebuilding = known->rebuilding;
    ret_view->clock_ms = known->clock_ms;
    ret_view->clock_age_ms = known->clock_age_ms;
    ret_view->users_online = known->users_online;
    ret_view->users_away = known->users_away;
    ret_view->users_busy = known->users_busy;
    ret_view->transitions_per_second = rate_window_per_second(&watch->rate);
    ret_view->age_ms = answer_age_ms;
    ret_view->epoch = known->position ? known->position->epoch : 0;
    ret_view->seq = known->position ? known->position->seq : 0;
    ret_view->rows = watch->rows;
    ret_view->rows_count = known->n_services;
}

zp_error system_watch_new(system_watch_t **ret_watch, const process_t *process, core_link_t *cores) {
    system_watch_t *watch = calloc(1, sizeof *watch);
    if (!watch) {
        return ZP_NO_MEMORY;
    }
    watch->process = process;
    watch->cores = cores;
    watch->source = SYSTEM_NO_CORE;
    uv_timer_init(process->bus.loop, &watch->pulse.timer);
    watch->pulse.timer.data = watch;
    pulse_start(&watch->pulse, on_timer, config_ms(process->config, SETTING_BEAT_INTERVAL_MS), PULSE_BEAT);
    *ret_watch = watch;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void system_watch_destroy(system_watch_t **self) {
    system_watch_t *watch = *self;
    if (!watch) {
        return;
    }
    *self = NULL;
    forget(watch, SYSTEM_NO_CORE);
    uv_close((uv_handle_t *)&watch->pulse.timer, on_closed);
}
