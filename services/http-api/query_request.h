/* query_request - what several endpoints read from a query string. Owns: nothing. Threads: the loop's. */
#ifndef ZP_HTTP_API_QUERY_REQUEST_H
#define ZP_HTTP_API_QUERY_REQUEST_H

#include "services/http-api/core/query_ids.h"
#include "services/http-api/http_request.h"

/* userIds=a,b and userId=a, each once; `named` false: neither came. Free the ids, also where it fails. */
ZP_MUST_CHECK api_error query_request_ids(const http_request_t *request, size_t ids_max, query_ids *ret_ids);
/* With how many ids may be asked for, where there were too many. */
void query_request_refuse_ids(http_request_t *request, api_error error, size_t ids_max);

/* statuses=basic or full; basic where it is not said. */
ZP_MUST_CHECK api_error query_request_statuses(http_request_t *request, bool *ret_full);

#endif
