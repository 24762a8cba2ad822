/* account_ask - what the accounts' endpoints share: reading a body, asking a core, and every refusal; each
 * endpoint says only what it asks and how the answer reads.
 * Owns: what an answer needs of its question, until it is answered. Threads: the loop's. */
#ifndef ZP_HTTP_API_ACCOUNT_ASK_H
#define ZP_HTTP_API_ACCOUNT_ASK_H

#include "proto/valid.h"
#include "services/http-api/core/account_body.h"
#include "services/http-api/core/account_json.h"
#include "services/http-api/core/json_fields.h"
#include "services/http-api/core/tv_json.h"
#include "services/http-api/core_link.h"
#include "services/http-api/http_request.h"

typedef struct account_api {
    const process_t *process;
    core_link_t *cores;
} account_api;

/* Of session/start: what is asked, and answered. */
typedef struct account_session {
    char token[VALID_SESSION_TOKEN_BYTES + 1];
    char username[VALID_USER_ID_MAX_BYTES + 1];
    char session_type[VALID_SESSION_TYPE_MAX_BYTES + 1];
    char room_name[VALID_ROOM_NAME_MAX_BYTES + 1]; /* "": none */
} account_session;

/* Adds members to the answer, behind {"success":true; `reply` says DONE or CREATED. `session` as it was given
 * to account_ask. */
typedef void account_answer_fn(text_buffer *body, const Zp__AccountReply *reply,
                               const account_session *session);

/* False, and refused: presence is switched off. */
ZP_MUST_CHECK bool account_is_enabled(const account_api *api, http_request_t *request);

/* Reads the request's body (core/account_body.h). False: refused. */
ZP_MUST_CHECK bool account_take_body(const account_api *api, http_request_t *request, unsigned reads,
                                     bool may_be_empty, account_body *ret_body);

/* The user that the path names there; NULL: it is no user id, and refused. */
char *account_path_user(http_request_t *request, size_t segment);

/* Asks, and answers or refuses `request`, now or later; a nonce is chosen where `writes`. All is borrowed
 * until it returns; `session` may be NULL. */
void account_ask(const account_api *api, http_request_t *request, Zp__AccountQuery *query, bool writes,
                 account_answer_fn *answer, const account_session *session);

/* An account of a reply as it is shown; borrows it. */
account_view account_view_of(const Zp__AccountReply *reply, size_t index);

/* ,"key":{...}: the one account of a reply; nothing where there is none. */
void account_add_one(text_buffer *body, const char *key, account_shape shape, const Zp__AccountReply *reply);

#endif
