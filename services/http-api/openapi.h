/* openapi - GET /api/openapi.json: openapi.json of this folder, as it was built into this program. */
#ifndef ZP_HTTP_API_OPENAPI_H
#define ZP_HTTP_API_OPENAPI_H

#include "services/http-api/http_request.h"

void openapi_handle(http_request_t *request);

#endif
