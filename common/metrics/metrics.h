/* metrics - counters and gauges of this process, all declared in metrics.def, rendered as Prometheus text.
 * Owns: the values. Cost: one addition. Threads: one. */
#ifndef ZP_METRICS_METRICS_H
#define ZP_METRICS_METRICS_H

#include "common/config/config.h"
#include <stddef.h>
#include <stdint.h>

typedef enum metric_id {
#define METRIC(id, type, name, labels, users, help) METRIC_##id,
#include "common/metrics/metrics.def"
#undef METRIC
    METRICS_COUNT
} metric_id;

typedef struct metrics metrics_t;

metrics_t *metrics_new(process_kind kind); /* NULL: out of memory */
void metrics_destroy(metrics_t **metrics);

void metrics_add(metrics_t *metrics, metric_id id, int64_t amount);
void metrics_set(metrics_t *metrics, metric_id id, int64_t value);
int64_t metrics_get(const metrics_t *metrics, metric_id id);

/* The metrics of this kind of process, plus resident memory, open descriptors and CPU seconds of the process.
 * A heap text, NULL where memory is out. The caller frees it. */
char *metrics_dup_text(const metrics_t *metrics, const char *process_name);

#endif
