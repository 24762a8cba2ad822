/* account_sessions - POST /api/users/session/start and /api/users/session/end. A session is a sign of life of
 * the account and no presence: nobody is shown online for it. Its token is 256 random bits, made here, before
 * a core is asked, and never logged. Owns: nothing. Threads: the loop's. */
#ifndef ZP_HTTP_API_ACCOUNT_SESSIONS_H
#define ZP_HTTP_API_ACCOUNT_SESSIONS_H

#include "services/http-api/account_ask.h"

void account_session_start(const account_api *api, http_request_t *request);
void account_session_end(const account_api *api, http_request_t *request);

#endif
