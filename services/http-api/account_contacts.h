/* account_contacts - /api/users/<username>/contacts: GET all, POST one ({contact, is_favorite?}); and
 * /api/users/<username>/contacts/<contact>: GET, POST and PATCH ({is_favorite}), DELETE.
 * Owns: nothing. Threads: the loop's. */
#ifndef ZP_HTTP_API_ACCOUNT_CONTACTS_H
#define ZP_HTTP_API_ACCOUNT_CONTACTS_H

#include "services/http-api/account_ask.h"

void account_contacts_get(const account_api *api, http_request_t *request);
void account_contacts_post(const account_api *api, http_request_t *request);
void account_contact_get(const account_api *api, http_request_t *request);
void account_contact_post(const account_api *api, http_request_t *request);
void account_contact_patch(const account_api *api, http_request_t *request);
void account_contact_delete(const account_api *api, http_request_t *request);

#endif
