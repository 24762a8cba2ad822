/* admin_endpoint - what launchers, containers and Prometheus ask a process:
 *     GET /healthz   200 {"healthy": true}: the loop turns
 *     GET /readyz    {"ready": bool, "name": "ws-edge-1", "pid": 123, "reasons": ["..."]}: 200 where it is
 *                    ready, else 503; name and pid, as another process may listen here by now
 *     GET /metrics   Prometheus text
 *     POST /faults/<name>?times=N   test builds only (common/runtime/fault.h)
 * Owns: its http_loop. Threads: the loop's. */
#ifndef ZP_ADMIN_ADMIN_ENDPOINT_H
#define ZP_ADMIN_ADMIN_ENDPOINT_H

#include "common/base/error.h"
#include "common/config/config.h"
#include "common/metrics/metrics.h"
#include <uv.h>

typedef struct admin_endpoint admin_endpoint_t;

enum { ADMIN_REASONS_MAX = 8 };

/* Fills `reasons` with static or owner-held texts that say, in words, why this process is not ready; returns
 * how many (0: ready). Also the place to set gauges before /metrics: it is called for each request. */
typedef size_t admin_readiness_fn(void *context, const char *reasons[ADMIN_REASONS_MAX]);

ZP_MUST_CHECK zp_error admin_endpoint_new(admin_endpoint_t **ret_admin, uv_loop_t *loop,
                                          const config_t *config, metrics_t *metrics,
                                          admin_readiness_fn *readiness, void *context);
void admin_endpoint_destroy(admin_endpoint_t **admin);
const char *admin_endpoint_address(const admin_endpoint_t *admin);

#endif
