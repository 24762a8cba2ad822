#include "services/http-api/core/system_view.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Service time moves several times a second while a watcher runs and Redis answers. */
enum { CLOCK_STANDS_AFTER_MS = 3000 };

typedef struct kind_row {
    const char *name, *lack;
} kind_row;

static const kind_row kinds[SERVICE_KINDS_COUNT] = {
#define X(id, name, lack) {name, lack},
    SERVICE_KINDS(X)
#undef X
};

const char *service_kind_name(service_kind kind) {
    return kinds[kind].name;
}

bool service_row_is_silent(const system_view *view, const service_row *row) {
    return row->beat_age_ms > view->silent_after_ms;
}

uint64_t service_row_figure(const service_row *row, const char *name) {
    for (size_t i = 0; i < row->figures_count; i++) {
        if (strcmp(row->figures[i].name, name) == 0) {
            return row->figures[i].value;
        }
    }
    return 0;
}

static void __attribute__((format(printf, 2, 3))) add_reason(system_health *health, const char *format, ...) {
    assert(health->reasons_count < HEALTH_REASONS_MAX);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(health->reasons[health->reasons_count++], HEALTH_REASON_BYTES, format, arguments);
    va_end(arguments);
}

static void count_kinds(const system_view *view, system_health *health) {
    for (size_t i = 0; i < view->rows_count; i++) {
        for (size_t kind = 0; kind < SERVICE_KINDS_COUNT; kind++) {
            if (strcmp(view->rows[i].kind, kinds[kind].name) == 0 &&
                !service_row_is_silent(view, &view->rows[i])) {
                health->kind_counts[kind]++;
            }
        }
    }
}

static void find_reasons(const system_view *view, system_health *health) {
    for (size_t kind = 0; kind < SERVICE_KINDS_COUNT; kind++) {
        /* With presence disabled an edge keeps no state, and so beats to no core. */
        bool expected = view->presence_enabled || kind != KIND_WS_EDGE;
        if (expected && health->kind_counts[kind] == 0) {
            add_reason(health, "%s", kinds[kind].lack);
        }
    }
    if (view->clock_age_ms > CLOCK_STANDS_AFTER_MS) {
        add_reason(health,
                   "service time has stood still for %" PRIu64 " s: nobody is taken offline when time passes",
                   view->clock_age_ms / 1000);
    }
    if (view->rebuilding) {
        add_reason(
            health,
            "presence is being rebuilt after a loss of data: queries are refused until it is complete");
    }
}

/* -- notes -- */

/* Of the processes of `kind` that are not silent and tell this figure: how many do, and how many of these
 * tell more than 0. */
static void count_figure(const system_view *view, service_kind kind, const char *name, size_t *ret_tell,
                         size_t *ret_set) {
    *ret_tell = *ret_set = 0;
    for (size_t i = 0; i < view->rows_count; i++) {
        const service_row *row = &view->rows[i];
        if (strcmp(row->kind, kinds[kind].name) != 0 || service_row_is_silent(view, row)) {
            continue;
        }
        for (size_t j = 0; j < row->figures_count; j++) {
            if (strcmp(row->figures[j].name, name) == 0) {
                *ret_tell += 1;
                *ret_set += row->figures[j].value > 0;
            }
        }
    }
}

static void add_note(system_health *health, const char *text) {
    assert(health->notes_count < HEALTH_NOTES_MAX);
    health->notes[health->notes_count++] = text;
}

static void find_notes(const system_view *view, system_health *health) {
    size_t tell = 0, set = 0;
    count_figure(view, KIND_EXPIRY_WATCHER, "hintsOn", &tell, &set);
    if (tell > 0 && set == 0) {
        add_note(health,
                 "no expiry-watcher hears from Redis of expired keys (notify-keyspace-events Ex): the "
                 "sweep alone takes users offline, within the same bound");
    }
    count_figure(view, KIND_PRESENCE_CORE, "redisEvicts", &tell, &set);
    if (set > 0) {
        add_note(health, "Redis may evict keys (maxmemory-policy is not noeviction): who is evicted seems to "
                         "have left");
    }
    count_figure(view, KIND_PRESENCE_CORE, "redisVolatile", &tell, &set);
    if (set > 0) {
        add_note(health, "Redis keeps no append-only file (appendonly no): accounts, contacts and last seen "
                         "are lost with it, as far as it has not saved them");
    }
}

void health_assess(const system_view *view, system_health *ret_health) {
    *ret_health = (system_health){0};
    switch (view->source) {
    case SYSTEM_NO_CORE:
        add_reason(ret_health, "no presence-core answers: nobody's presence is known or changes");
        return;
    case SYSTEM_NO_ANSWER:
        add_reason(ret_health,
                   "presence-core is there, but does not answer in time: nobody's presence is known");
        return;
    case SYSTEM_NO_REDIS:
        add_reason(ret_health, "presence-core is there, but %s: nobody's presence is known or changes",
                   view->trouble);
        return;
    case SYSTEM_KNOWN:
        count_kinds(view, ret_health);
        find_reasons(view, ret_health);
        find_notes(view, ret_health);
        return;
    }
}
