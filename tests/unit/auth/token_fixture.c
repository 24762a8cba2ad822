#include "tests/unit/auth/token_fixture.h"

#include <jwt.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

key_pair rsa_pair, ec_pair;

/* -- keys -- */

static void write_pair(key_pair *pair, EVP_PKEY *key) {
    assert_non_null(key);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    int len = BIO_read(bio, pair->private_pem, sizeof pair->private_pem - 1);
    assert_true(len > 0);
    pair->private_pem[len] = '\0';
    assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
    len = BIO_read(bio, pair->public_pem, sizeof pair->public_pem - 1);
    assert_true(len > 0);
    pair->public_pem[len] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(key);
}

void make_rsa_pair(key_pair *pair, unsigned bits) {
    write_pair(pair, EVP_RSA_gen(bits));
}

void make_ec_pair(key_pair *pair, const char *curve) {
    write_pair(pair, EVP_EC_gen(curve));
}

int make_key_pairs(void **state) {
    (void)state;
    make_rsa_pair(&rsa_pair, 2048);
    make_ec_pair(&ec_pair, "P-256");
    return 0;
}

static const char *key_text(const char *algorithm, bool to_sign) {
    const key_pair *pair = algorithm[0] == 'R' ? &rsa_pair : &ec_pair;
    return algorithm[0] == 'H' ? SECRET : to_sign ? pair->private_pem : pair->public_pem;
}

token_key_t *verifier(const char *algorithm) {
    token_key_t *key = NULL;
    const char *reason = NULL;
    assert_int_equal(token_key_new(&key, algorithm, str_view_of(key_text(algorithm, false)), &reason), ZP_OK);
    return key;
}

/* -- tokens -- */

char *base64url(const void *bytes, size_t len_bytes) {
    char *text = calloc(1, len_bytes * 2 + 4);
    assert_non_null(text);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)len_bytes);
    for (char *c = text; *c; c++) {
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
    }
    return text;
}

char *token_of_libjwt(const char *algorithm, const char *claims) {
    jwt_t *jwt = NULL;
    const char *key = key_text(algorithm, true);
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    assert_int_equal(jwt_set_alg(jwt, jwt_str_alg(algorithm), (const unsigned char *)key, (int)strlen(key)),
                     0);
    char *token = jwt_encode_str(jwt);
    assert_non_null(token);
    jwt_free(jwt);
    return token;
}

static char *text_to_sign(const char *header, str_view payload) {
    char *header_text = base64url(header, strlen(header));
    char *payload_text = base64url(payload.ptr, payload.len);
    char *text = NULL;
    assert_true(asprintf(&text, "%s.%s", header_text, payload_text) > 0);
    free(header_text);
    free(payload_text);
    return text;
}

/* Takes the text. */
static char *add_signature(char *text, const unsigned char *signature, size_t signature_bytes) {
    char *signature_text = base64url(signature, signature_bytes);
    char *token = NULL;
    assert_true(asprintf(&token, "%s.%s", text, signature_text) > 0);
    free(signature_text);
    free(text);
    return token;
}

static size_t sign_hmac(const EVP_MD *hash, str_view secret, const char *text, unsigned char *out) {
    unsigned len = 0;
    assert_non_null(
        HMAC(hash, secret.ptr, (int)secret.len, (const unsigned char *)text, strlen(text), out, &len));
    return len;
}

/* r and s out of their DER. */
static size_t bare_numbers(unsigned char *signature, size_t len_bytes) {
    const unsigned char *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len_bytes);
    assert_non_null(pair);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + 32, 32);
    ECDSA_SIG_free(pair);
    return 64;
}

static size_t sign_with_pem(const char *algorithm, const char *text, unsigned char *out, size_t room_bytes) {
    BIO *bio = BIO_new_mem_buf(key_text(algorithm, true), -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = room_bytes;
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, out, &len, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return algorithm[0] == 'E' ? bare_numbers(out, len) : len;
}

char *forge(const char *header, const char *payload, const char *algorithm) {
    unsigned char signature[1024];
    size_t len = 0;
    char *text = text_to_sign(header, str_view_of(payload));
    if (algorithm && algorithm[0] == 'H') {
        const EVP_MD *hash = algorithm[2] == '2'   ? EVP_sha256()
                             : algorithm[2] == '3' ? EVP_sha384()
                                                   : EVP_sha512();
        len = sign_hmac(hash, str_view_of(SECRET), text, signature);
    } else if (algorithm) {
        len = sign_with_pem(algorithm, text, signature, sizeof signature);
    }
    return add_signature(text, signature, len);
}

char *forge_hs256(const char *header, str_view payload, str_view secret) {
    unsigned char signature[64];
    char *text = text_to_sign(header, payload);
    return add_signature(text, signature, sign_hmac(EVP_sha256(), secret, text, signature));
}
