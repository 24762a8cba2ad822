#include "services/ws-edge/authentication.h"

#include "common/auth/token_settings.h"
#include "common/base/clock.h"

#include <stdlib.h>

struct authentication {
    token_key_t *key; /* NULL: tokens are user ids */
    uint64_t leeway_ms;
};

zp_error authentication_new(authentication_t **ret_authentication, const config_t *config) {
    authentication_t *authentication = calloc(1, sizeof *authentication);
    if (!authentication) {
        return ZP_NO_MEMORY;
    }
    if (config_bool(config, SETTING_USE_AUTHENTICATION)) {
        authentication->leeway_ms = config_ms(config, SETTING_JWT_LEEWAY);
        zp_error error =
            token_settings_load_key(&authentication->key, config, "USE_AUTHENTICATION value=true");
        if (error != ZP_OK) {
            authentication_destroy(&authentication);
            return error;
        }
    }
    *ret_authentication = authentication;
    return ZP_OK;
}

bool authentication_is_usable(const config_t *config) {
    authentication_t *authentication = NULL;
    bool usable = authentication_new(&authentication, config) == ZP_OK;
    authentication_destroy(&authentication);
    return usable;
}

void authentication_destroy(authentication_t **authentication) {
    if (*authentication) {
        token_key_destroy(&(*authentication)->key);
        free(*authentication);
        *authentication = NULL;
    }
}

static request_refusal refusal_of(token_verdict verdict) {
    switch (verdict) {
#define X(id, status, code, text)                                                                            \
    case id:                                                                                                 \
        return REFUSED_##id;
        TOKEN_REFUSALS(X, )
#undef X
    case TOKEN_OK:
        return NOT_REFUSED;
    case TOKEN_USER_ID:
        return REFUSED_USER_ID;
    case TOKEN_NO_MEMORY:
    case TOKEN_VERDICTS_COUNT:
        break;
    }
    return REFUSED_FULL;
}

request_refusal authentication_check(const authentication_t *authentication, const request_head *head,
                                     token_claims *ret_claims) {
    if (authentication->key) {
        request_refusal refusal = refusal_of(token_read(
            head->token, authentication->key, authentication->leeway_ms, clock_unix_ms(), ret_claims));
        return refusal == NOT_REFUSED ? request_head_check_device(head->device) : refusal;
    }
    request_refusal refusal = request_head_check_identity(head);
    if (refusal == NOT_REFUSED) {
        memcpy(ret_claims->user_id, head->token.ptr, head->token.len);
        ret_claims->user_id[head->token.len] = '\0';
        ret_claims->role[0] = '\0';
        ret_claims->expires_at_unix_ms = 0;
    }
    return refusal;
}
