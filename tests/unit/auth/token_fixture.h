/* token_fixture - tokens made for tests: good ones by libjwt, an implementation that is not ours, and forged
 * ones of any header, payload and signature. Keys are made anew for each run. */
#ifndef ZP_TEST_TOKEN_FIXTURE_H
#define ZP_TEST_TOKEN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/auth/token.h"

#define SECRET "an HMAC secret of more than sixty-four bytes, so that no hash finds it short"

typedef struct key_pair {
    char private_pem[4096], public_pem[1024];
} key_pair;

/* RSA of 2048 bits and P-256; ready after make_key_pairs, which is for cmocka's group setup. */
extern key_pair rsa_pair, ec_pair;
int make_key_pairs(void **state);
void make_rsa_pair(key_pair *pair, unsigned bits);
void make_ec_pair(key_pair *pair, const char *curve);

/* A key as a process with that JWT_ALGORITHM has it. */
token_key_t *verifier(const char *algorithm);

/* All texts are the caller's to free. */
char *base64url(const void *bytes, size_t len_bytes);
/* The claims are a JSON object. */
char *token_of_libjwt(const char *algorithm, const char *claims);
/* `algorithm`: how it is signed; NULL: not at all. What `header` claims is another matter. */
char *forge(const char *header, const char *payload, const char *algorithm);
/* As it stands, signed with HS256 and `secret`. */
char *forge_hs256(const char *header, str_view payload, str_view secret);

#endif
