/* health_json - the bodies of GET /health and GET /api/ops/health. */
#ifndef ZP_HTTP_API_HEALTH_JSON_H
#define ZP_HTTP_API_HEALTH_JSON_H

#include "services/http-api/core/system_view.h"
#include "services/http-api/core/text_buffer.h"

/* {"status": "ok" | "degraded", "reasons": [...], "notes": [...], "services": {kind: processes, ...}, ...};
 * what is not known for want of a core is left out. */
void health_json_add(text_buffer *out, const system_view *view, const system_health *health);

/* The same, and "silent": the names of processes that were there a moment ago. */
void health_json_add_for_ops(text_buffer *out, const system_view *view, const system_health *health);

#endif
