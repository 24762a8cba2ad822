/* token - a JWT (RFC 7515, RFC 7519) from its text to who its bearer is. Nothing of it is believed before its
 * signature is verified, and the algorithm is ours, never the token's (RFC 8725 section 3.1). Owns: nothing.
 * Units: unix ms, passed in. Errors: a verdict for every way to be wrong. Threads: none. */
#ifndef ZP_AUTH_TOKEN_H
#define ZP_AUTH_TOKEN_H

#include "common/auth/token_key.h"
#include "common/auth/token_refusals.h"
#include "common/base/str_view.h"
#include "common/wire/client_frame.h"
#include <stdint.h>

enum { TOKEN_ROLE_MAX_BYTES = 64 };

typedef enum token_verdict {
    TOKEN_OK,
#define X(id, status, code, text) id,
    TOKEN_REFUSALS(X, )
#undef X
        TOKEN_USER_ID, /* it names a user who cannot be one */
    TOKEN_NO_MEMORY,
    TOKEN_VERDICTS_COUNT
} token_verdict;

typedef struct token_claims {
    char user_id[USER_ID_MAX_BYTES + 1];
    char role[TOKEN_ROLE_MAX_BYTES + 1]; /* empty: none, or one that is no text of 1 to 64 bytes */
    uint64_t expires_at_unix_ms;         /* the moment from which it is refused; 0: never */
} token_claims;

/* The user is the first of the claims uid, user_id, userId, sub and id that is there and not null: a string
 * or an integer; or the payload is one string (CONTRACT A). `exp` and `nbf` may be off by `leeway_ms`.
 * Refused as malformed too: a claim said twice, and header `crit`, which asks for what is not understood
 * here. */
ZP_MUST_CHECK token_verdict token_read(str_view token, const token_key_t *key, uint64_t leeway_ms,
                                       uint64_t now_unix_ms, token_claims *ret_claims);

#endif
