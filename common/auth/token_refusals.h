/* token_refusals - every way in which a token can be wrong: one list for whoever refuses for it, with the
 * same codes at the edges and at the HTTP API. Owns: nothing. */
#ifndef ZP_AUTH_TOKEN_REFUSALS_H
#define ZP_AUTH_TOKEN_REFUSALS_H

/* X(id, HTTP status, code, text); each id begins with PREFIX. */
#define TOKEN_REFUSALS(X, PREFIX)                                                                            \
    X(PREFIX##NO_TOKEN, 401, "token_missing", "A token is required")                                         \
    X(PREFIX##TOKEN_MALFORMED, 401, "token_malformed", "The token is not a well-formed JWT")                 \
    X(PREFIX##TOKEN_ALGORITHM, 401, "token_wrong_algorithm", "The token has another algorithm than ours")    \
    X(PREFIX##TOKEN_SIGNATURE, 401, "token_wrong_signature", "The signature of the token is wrong")          \
    X(PREFIX##TOKEN_TIME, 401, "token_invalid_time", "exp and nbf of a token must be numbers")               \
    X(PREFIX##TOKEN_EXPIRED, 401, "token_expired", "The token has expired")                                  \
    X(PREFIX##TOKEN_EARLY, 401, "token_not_yet_valid", "The token is not valid yet")                         \
    X(PREFIX##TOKEN_NO_USER, 401, "token_without_user", "The token names no user")

#endif
