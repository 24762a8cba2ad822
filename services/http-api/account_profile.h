/* account_profile - POST /api/users/register, GET and PUT /api/users/profile/<username>, GET
 * /api/users/active?limit=50. Asking for a profile is a sign of life of its account, as the overview has it.
 * Owns: nothing. Threads: the loop's. */
#ifndef ZP_HTTP_API_ACCOUNT_PROFILE_H
#define ZP_HTTP_API_ACCOUNT_PROFILE_H

#include "services/http-api/account_ask.h"

void account_register(const account_api *api, http_request_t *request);
void account_profile_get(const account_api *api, http_request_t *request);
void account_profile_put(const account_api *api, http_request_t *request);
void account_active(const account_api *api, http_request_t *request);

#endif
