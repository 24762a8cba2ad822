/* presence_stats - GET /api/presence/stats: how many are online, as what, on which edges, and how much
 * changes. As the system watch was told last: it waits for nobody, and costs no core anything. */
#ifndef ZP_HTTP_API_PRESENCE_STATS_H
#define ZP_HTTP_API_PRESENCE_STATS_H

#include "services/http-api/http_request.h"
#include "services/http-api/system_watch.h"

void presence_stats_handle(system_watch_t *watch, http_request_t *request);

#endif
