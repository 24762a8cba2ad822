/* metrics_all - GET /metrics/all: the metrics of every process that beats, in one Prometheus text, each
 * fetched from its admin endpoint. Who cannot be asked is `zpresence_scrape_up 0`; whoever asks while one is
 * being made gets that one. Owns: the scrape, who waits. Borrows: process, system watch. Threads: the
 * loop's. */
#ifndef ZP_HTTP_API_METRICS_ALL_H
#define ZP_HTTP_API_METRICS_ALL_H

#include "services/http-api/http_request.h"
#include "services/http-api/system_watch.h"

typedef struct metrics_all metrics_all_t;

ZP_MUST_CHECK zp_error metrics_all_new(metrics_all_t **ret_all, const process_t *process,
                                       system_watch_t *watch);
/* Before the server: answers who waits. */
void metrics_all_destroy(metrics_all_t **all);

void metrics_all_handle(metrics_all_t *all, http_request_t *request);

#endif
