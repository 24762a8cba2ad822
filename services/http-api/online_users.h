/* online_users - GET /api/calls/online-users?exclude_user=&contacts_only=&include_offline= (CONTRACT C).
 * Asked of the cores in pieces of 100: the contacts of exclude_user, then who is not shown offline by name,
 * then with include_offline the accounts that were active last. Beyond 1000 users the rest is cut, and the
 * answer says "truncated": true; who wants all pages through GET /api/presence/online. */
#ifndef ZP_HTTP_API_ONLINE_USERS_H
#define ZP_HTTP_API_ONLINE_USERS_H

#include "services/http-api/core_link.h"
#include "services/http-api/http_request.h"

void online_users_handle(const process_t *process, core_link_t *cores, http_request_t *request);

#endif
