/* metrics_merge - the Prometheus texts of several processes as one valid text: each family once, its samples
 * together (text format 0.0.4), whoever they came from. A line that is no sample of the family that it stands
 * under is left out and counted: one process that answers nonsense does not spoil the rest. Owns: the
 * families. Borrows: the texts. Cost: O(lines). Threads: none. */
#ifndef ZP_HTTP_API_METRICS_MERGE_H
#define ZP_HTTP_API_METRICS_MERGE_H

#include "common/base/str_view.h"
#include "services/http-api/core/text_buffer.h"
#include <stdbool.h>

enum { MERGED_FAMILIES_MAX = 2000 };

typedef struct metrics_merge metrics_merge_t;

metrics_merge_t *metrics_merge_new(void); /* NULL: out of memory */
void metrics_merge_destroy(metrics_merge_t **merge);

/* `text` must live until metrics_merge_write. Returns how many lines were left out. A family that has
 * another type here than where it was first seen is left out whole. */
size_t metrics_merge_add(metrics_merge_t *merge, str_view text);

void metrics_merge_write(const metrics_merge_t *merge, text_buffer *out);

#endif
