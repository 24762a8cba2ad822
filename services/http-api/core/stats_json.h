/* stats_json - the answer of GET /api/presence/stats. Owns: nothing. Threads: none. */
#ifndef ZP_HTTP_API_STATS_JSON_H
#define ZP_HTTP_API_STATS_JSON_H

#include "services/http-api/core/system_view.h"
#include "services/http-api/core/text_buffer.h"

/* `view` is of source SYSTEM_KNOWN. */
void stats_json_add(text_buffer *out, const system_view *view);

#endif
