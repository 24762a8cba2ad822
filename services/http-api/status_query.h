/* status_query - POST /api/presence/status (CONTRACT B, VoicePing guide), and GET
 * /api/presence/status?userIds=a,b with the same answer: a bulk question to the cores. Owns: nothing.
 * Borrows: core link, config, metrics. Threads: the loop's. */
#ifndef ZP_HTTP_API_STATUS_QUERY_H
#define ZP_HTTP_API_STATUS_QUERY_H

#include "services/http-api/core_link.h"
#include "services/http-api/http_request.h"

void status_query_handle(const process_t *process, core_link_t *cores, http_request_t *request);
void status_query_handle_get(const process_t *process, core_link_t *cores, http_request_t *request);

#endif
