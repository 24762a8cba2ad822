/* authentication - from a request head to who it is from (CONTRACT A, "Connect"): the token is a JWT where
 * USE_AUTHENTICATION=true, else the user id itself. Owns: the key. Threads: the loop's. */
#ifndef ZP_WS_EDGE_AUTHENTICATION_H
#define ZP_WS_EDGE_AUTHENTICATION_H

#include "common/auth/token.h"
#include "common/config/config.h"
#include "services/ws-edge/core/request_head.h"

typedef struct authentication authentication_t;

/* Loads the key from SECRET_KEY or SECRET_KEY_FILE, where one is needed. ZP_INVALID: it cannot be used (one
 * line in the log says why). */
ZP_MUST_CHECK zp_error authentication_new(authentication_t **ret_authentication, const config_t *config);
/* Whether it can be made: the same line in the log where it cannot. */
ZP_MUST_CHECK bool authentication_is_usable(const config_t *config);
void authentication_destroy(authentication_t **authentication);

/* Who this head is from, its device checked too. */
ZP_MUST_CHECK request_refusal authentication_check(const authentication_t *authentication,
                                                   const request_head *head, token_claims *ret_claims);

#endif
