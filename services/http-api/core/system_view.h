/* system_view - what is known of the whole system at one moment, and what is wrong with it, in words.
 * Borrows: the rows and their texts. Units: milliseconds; ages are as of now. Threads: none. */
#ifndef ZP_HTTP_API_SYSTEM_VIEW_H
#define ZP_HTTP_API_SYSTEM_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(id, name as in ProcessInfo.kind, what it means that none runs) */
#define SERVICE_KINDS(X)                                                                                     \
    X(KIND_WS_EDGE, "ws-edge", "no ws-edge runs: no client can connect")                                     \
    X(KIND_PRESENCE_CORE, "presence-core", "no presence-core runs: nobody's presence is known or changes")   \
    X(KIND_FANOUT, "fanout", "no fanout runs: clients hear of no change")                                    \
    X(KIND_EXPIRY_WATCHER, "expiry-watcher",                                                                 \
      "no expiry-watcher runs: nobody is taken offline when time passes")                                    \
    X(KIND_HTTP_API, "http-api", "no http-api runs")

typedef enum service_kind {
#define X(id, name, lack) id,
    SERVICE_KINDS(X)
#undef X
        SERVICE_KINDS_COUNT
} service_kind;

const char *service_kind_name(service_kind kind);

enum { SERVICE_FIGURES_MAX = 8 };

/* One process, as its last beat described it. Texts come from the bus: escape them. */
typedef struct service_row {
    const char *kind, *name, *version, *address, *admin;
    uint32_t pid;
    uint64_t up_ms;
    uint64_t beat_age_ms;
    struct service_figure {
        const char *name;
        uint64_t value;
    } figures[SERVICE_FIGURES_MAX]; /* as common/metrics/figures.def names them */
    size_t figures_count;
} service_row;

typedef enum system_source {
    SYSTEM_NO_CORE,   /* no presence-core lives: the rest is not known */
    SYSTEM_NO_ANSWER, /* one lives, and did not answer in time: likewise */
    SYSTEM_NO_REDIS,  /* one answers that something is wrong with Redis: likewise */
    SYSTEM_KNOWN,
} system_source;

typedef struct system_view {
    system_source source;
    const char *trouble; /* SYSTEM_NO_REDIS: what, in a few words; never NULL */
    bool presence_enabled;
    bool rebuilding;
    uint64_t clock_ms;               /* service time */
    uint64_t clock_age_ms;           /* real time since it last moved */
    uint64_t users_online;           /* not offline */
    uint64_t users_away, users_busy; /* of these */
    uint64_t epoch, seq;
    double transitions_per_second; /* over the last seconds */
    uint64_t age_ms;               /* of all this */
    const service_row *rows;
    size_t rows_count;
    uint64_t silent_after_ms; /* a beat older than this: the process counts as gone */
} system_view;

bool service_row_is_silent(const system_view *view, const service_row *row);

/* 0 where the process tells no such figure. */
uint64_t service_row_figure(const service_row *row, const char *name);

enum { HEALTH_REASONS_MAX = SERVICE_KINDS_COUNT + 4, HEALTH_REASON_BYTES = 240, HEALTH_NOTES_MAX = 3 };

typedef struct system_health {
    size_t kind_counts[SERVICE_KINDS_COUNT]; /* processes that are not silent */
    size_t reasons_count;                    /* 0: all is well */
    char reasons[HEALTH_REASONS_MAX][HEALTH_REASON_BYTES];
    size_t notes_count; /* what works, but not as well as it might, or only as long as nothing else breaks */
    const char *notes[HEALTH_NOTES_MAX];
} system_health;

void health_assess(const system_view *view, system_health *ret_health);

#endif
