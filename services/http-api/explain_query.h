/* explain_query - GET /api/presence/explain/<userId>?limit=20: why a user is shown as they are. One question
 * to a core; how far back it can answer is the log's length (LOG_MAX), and the answer says so. */
#ifndef ZP_HTTP_API_EXPLAIN_QUERY_H
#define ZP_HTTP_API_EXPLAIN_QUERY_H

#include "services/http-api/core_link.h"
#include "services/http-api/http_request.h"

void explain_query_handle(core_link_t *cores, http_request_t *request);

#endif
