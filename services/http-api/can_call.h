/* can_call - GET /api/calls/can-call?caller=&callee=: only users who are online can be called (the overview,
 * "Where Presence is Used"). */
#ifndef ZP_HTTP_API_CAN_CALL_H
#define ZP_HTTP_API_CAN_CALL_H

#include "services/http-api/core_link.h"
#include "services/http-api/http_request.h"

void can_call_handle(const process_t *process, core_link_t *cores, http_request_t *request);

#endif
