/* presence_update - POST /api/calls/presence {"username", "status"?, "socket_id"?}: a heartbeat (CONTRACT C).
 * Answered 200 once Redis has it; 503 where it was not acknowledged in time. */
#ifndef ZP_HTTP_API_PRESENCE_UPDATE_H
#define ZP_HTTP_API_PRESENCE_UPDATE_H

#include "services/http-api/heartbeat_link.h"
#include "services/http-api/http_request.h"

void presence_update_handle(const process_t *process, heartbeat_link_t *heartbeats, http_request_t *request);

#endif
