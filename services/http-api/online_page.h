/* online_page - GET /api/presence/online?limit=100&cursor=: everybody who is not offline, ascending by user
 * id (bytes), page by page. One question to a core a page, which reads as much of Redis as the page holds.
 * Whoever is online all the while is in exactly one page. */
#ifndef ZP_HTTP_API_ONLINE_PAGE_H
#define ZP_HTTP_API_ONLINE_PAGE_H

#include "services/http-api/core_link.h"
#include "services/http-api/http_request.h"

void online_page_handle(const process_t *process, core_link_t *cores, http_request_t *request);

#endif
