/* system_pages - what operators look at: GET /health, GET /, GET /metrics, GET /api/ops/health and GET
 * /api/ops/services. None of them waits for anybody.
 * Owns: nothing. Borrows: system watch, process. Threads: the loop's. */
#ifndef ZP_HTTP_API_SYSTEM_PAGES_H
#define ZP_HTTP_API_SYSTEM_PAGES_H

#include "services/http-api/http_request.h"
#include "services/http-api/system_watch.h"

void system_pages_health(system_watch_t *watch, http_request_t *request);
void system_pages_ops_health(system_watch_t *watch, http_request_t *request);
void system_pages_services(system_watch_t *watch, http_request_t *request);
/* What runs is shown to those only who may see AREA_OPS. */
void system_pages_front(system_watch_t *watch, http_request_t *request);
void system_pages_metrics(const process_t *process, http_request_t *request);

#endif
