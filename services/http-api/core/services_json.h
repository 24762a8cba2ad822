/* services_json - the body of GET /api/ops/services: every process that has beaten lately. */
#ifndef ZP_HTTP_API_SERVICES_JSON_H
#define ZP_HTTP_API_SERVICES_JSON_H

#include "services/http-api/core/system_view.h"
#include "services/http-api/core/text_buffer.h"

/* {"asOf": ISO 8601, "services": [{"kind", "id", "version", "pid", "address", "admin", "uptimeMs",
 * "beatAgeMs", "silent", "figures": {name: number}}]}. */
void services_json_add(text_buffer *out, const system_view *view, uint64_t now_unix_ms);

#endif
