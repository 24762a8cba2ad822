#include "common/metrics/metrics.h"

#include "common/base/clock.h"
#include "common/metrics/process_stats.h"
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum metric_type { COUNTER, GAUGE, COUNTER_MS, GAUGE_MS } metric_type;

typedef struct metric_row {
    const char *name;
    const char *labels; /* as Prometheus writes them, a="b",c="d", or "" */
    const char *help;
    metric_type type;
    unsigned users; /* process kinds, or-ed */
} metric_row;

static const metric_row rows[METRICS_COUNT] = {
#define METRIC(id, type, name, labels, users, help) {name, labels, help, type, users},
#include "common/metrics/metrics.def"
#undef METRIC
};

struct metrics {
    process_kind kind;
    uint64_t began_ms; /* unix ms: a process has its metrics from its start on */
    int64_t values[METRICS_COUNT];
};

metrics_t *metrics_new(process_kind kind) {
    metrics_t *metrics = calloc(1, sizeof *metrics);
    if (metrics) {
        metrics->kind = kind;
        metrics->began_ms = clock_unix_ms();
    }
    return metrics;
}

void metrics_destroy(metrics_t **metrics) {
    free(*metrics);
    *metrics = NULL;
}

void metrics_add(metrics_t *metrics, metric_id id, int64_t amount) {
    assert(id >= 0 && id < METRICS_COUNT);
    metrics->values[id] += amount;
}

void metrics_set(metrics_t *metrics, metric_id id, int64_t value) {
    assert(id >= 0 && id < METRICS_COUNT);
    metrics->values[id] = value;
}

int64_t metrics_get(const metrics_t *metrics, metric_id id) {
    assert(id >= 0 && id < METRICS_COUNT);
    return metrics->values[id];
}

static void print_head(FILE *out, const char *name, metric_type type, const char *help) {
    bool counter = type == COUNTER || type == COUNTER_MS;
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, counter ? "counter" : "gauge");
}

static void print_sample(FILE *out, const metric_row *row, const char *process_label, int64_t value) {
    fprintf(out, "%s{process=\"%s\"%s%s} ", row->name, process_label, row->labels[0] ? "," : "", row->labels);
    if (row->type == COUNTER_MS || row->type == GAUGE_MS) {
        fprintf(out, "%.3f\n", (double)value / 1000);
    } else {
        fprintf(out, "%" PRId64 "\n", value);
    }
}

/* A family of this kind of process begins with the first of its rows. */
static bool begins_family(process_kind kind, size_t index) {
    for (size_t i = 0; i < index; i++) {
        if ((rows[i].users & kind) && strcmp(rows[i].name, rows[index].name) == 0) {
            return false;
        }
    }
    return true;
}

static void print_families(FILE *out, const metrics_t *metrics, const char *process_label) {
    for (size_t first = 0; first < METRICS_COUNT; first++) {
        if (!(rows[first].users & metrics->kind) || !begins_family(metrics->kind, first)) {
            continue;
        }
        print_head(out, rows[first].name, rows[first].type, rows[first].help);
        for (size_t i = first; i < METRICS_COUNT; i++) {
            if ((rows[i].users & metrics->kind) && strcmp(rows[i].name, rows[first].name) == 0) {
                print_sample(out, &rows[i], process_label, metrics->values[i]);
            }
        }
    }
}

static void print_process(FILE *out, const metrics_t *metrics, const char *process_label) {
    process_stats stats = process_stats_read();
    print_head(out, "process_resident_memory_bytes", GAUGE, "resident memory of the process");
    fprintf(out, "process_resident_memory_bytes{process=\"%s\"} %" PRIu64 "\n", process_label,
            stats.resident_bytes);
    print_head(out, "process_start_time_seconds", GAUGE, "when the process started, in unix seconds");
    fprintf(out, "process_start_time_seconds{process=\"%s\"} %.3f\n", process_label,
            (double)metrics->began_ms / 1000);
    print_head(out, "process_open_fds", GAUGE, "open file descriptors");
    fprintf(out, "process_open_fds{process=\"%s\"} %" PRIu64 "\n", process_label, stats.open_fds);
    print_head(out, "process_cpu_seconds_total", COUNTER, "user and system CPU time spent");
    fprintf(out, "process_cpu_seconds_total{process=\"%s\"} %.6f\n", process_label, stats.cpu_seconds);
    print_head(out, "zpresence_build_info", GAUGE, "always 1; the version is in the label");
    fprintf(out, "zpresence_build_info{process=\"%s\",version=\"%s\"} 1\n", process_label, ZPRESENCE_VERSION);
}

/* Escaped as the text format wants label values. NULL: out of memory. */
static char *dup_label(const char *value) {
    char *label = malloc(strlen(value) * 2 + 1);
    size_t used = 0;
    for (; label && *value != '\0'; value++) {
        if (*value == '"' || *value == '\\') {
            label[used++] = '\\';
        }
        label[used++] = *value;
    }
    if (label) {
        label[used] = '\0';
    }
    return label;
}

char *metrics_dup_text(const metrics_t *metrics, const char *process_name) {
    char *text = NULL;
    size_t len = 0;
    char *label = dup_label(process_name);
    FILE *out = label ? open_memstream(&text, &len) : NULL;
    if (out) {
        print_families(out, metrics, label);
        print_process(out, metrics, label);
        bool failed = ferror(out) != 0;
        if (fclose(out) != 0 || failed) {
            free(text);
            text = NULL;
        }
    }
    free(label);
    return text;
}
