#include "common/auth/token_key.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum { RSA_BITS_MIN = 2048 /* RFC 7518 section 3.3 */, ES256_NUMBER_BYTES = 32, ES256_DER_MAX_BYTES = 80 };

typedef enum key_kind { KEY_HMAC, KEY_RSA, KEY_EC } key_kind;

typedef struct key_algorithm {
    const char *name;
    key_kind kind;
    const EVP_MD *(*hash)(void);
} key_algorithm;

static const key_algorithm algorithms[] = {{"HS256", KEY_HMAC, EVP_sha256},
                                           {"HS384", KEY_HMAC, EVP_sha384},
                                           {"HS512", KEY_HMAC, EVP_sha512},
                                           {"RS256", KEY_RSA, EVP_sha256},
                                           {"ES256", KEY_EC, EVP_sha256}};

struct token_key {
    const key_algorithm *algorithm;
    EVP_PKEY *public_key; /* NULL: HMAC */
    size_t secret_bytes;
    char secret[];
};

static const key_algorithm *algorithm_of(const char *name) {
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (strcmp(algorithms[i].name, name) == 0) {
            return &algorithms[i];
        }
    }
    return NULL;
}

/* -- loading -- */

static const char *check_secret(str_view text) {
    static const char pem[] = "-----BEGIN ";
    if (text.len == 0) {
        return "the key is empty";
    }
    /* Whoever knows the public key could sign with it. */
    return memmem(text.ptr, text.len, pem, sizeof pem - 1)
               ? "a PEM key is no secret for an HMAC: set JWT_ALGORITHM to RS256 or ES256"
               : NULL;
}

static const char *check_public_key(const EVP_PKEY *key, key_kind kind) {
    char curve[32] = "";
    if (!key) {
        return "this is not a PEM public key (-----BEGIN PUBLIC KEY-----)";
    }
    if (kind == KEY_RSA && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        return "RS256 needs an RSA key";
    }
    if (kind == KEY_RSA && EVP_PKEY_get_bits(key) < RSA_BITS_MIN) {
        return "an RSA key of 2048 bits or more is needed";
    }
    if (kind == KEY_EC &&
        (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
         !EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) || strcmp(curve, "prime256v1") != 0)) {
        return "ES256 needs a key on the curve P-256";
    }
    return NULL;
}

static EVP_PKEY *read_pem(str_view text) {
    BIO *bio = text.len > 0 ? BIO_new_mem_buf(text.ptr, (int)text.len) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

zp_error token_key_new(token_key_t **ret_key, const char *algorithm_name, str_view text,
                       const char **ret_reason) {
    const key_algorithm *algorithm = algorithm_of(algorithm_name);
    assert(algorithm && text.len <= INT32_MAX);
    bool hmac = algorithm->kind == KEY_HMAC;
    token_key_t *key = calloc(1, sizeof *key + (hmac ? text.len : 0));
    if (!key) {
        return ZP_NO_MEMORY;
    }
    key->algorithm = algorithm;
    const char *reason = NULL;
    if (hmac) {
        reason = check_secret(text);
        key->secret_bytes = text.len;
        memcpy(key->secret, text.ptr ? text.ptr : "", text.len);
    } else {
        key->public_key = read_pem(text);
        reason = check_public_key(key->public_key, algorithm->kind);
    }
    if (reason) {
        *ret_reason = reason;
        token_key_destroy(&key);
        return ZP_INVALID;
    }
    *ret_key = key;
    return ZP_OK;
}

void token_key_destroy(token_key_t **key) {
    if (*key) {
        EVP_PKEY_free((*key)->public_key);
        OPENSSL_cleanse((*key)->secret, (*key)->secret_bytes);
        free(*key);
        *key = NULL;
    }
}

const char *token_key_algorithm(const token_key_t *key) {
    return key->algorithm->name;
}

bool token_key_is_short(const token_key_t *key) {
    return !key->public_key && key->secret_bytes < (size_t)EVP_MD_get_size(key->algorithm->hash());
}

/* -- verifying -- */

static bool hmac_verifies(const token_key_t *key, str_view signed_bytes, str_view signature) {
    unsigned char right[EVP_MAX_MD_SIZE];
    unsigned right_bytes = 0;
    return HMAC(key->algorithm->hash(), key->secret, (int)key->secret_bytes,
                (const unsigned char *)signed_bytes.ptr, signed_bytes.len, right, &right_bytes) &&
           signature.len == right_bytes && CRYPTO_memcmp(right, signature.ptr, right_bytes) == 0;
}

static bool public_key_verifies(const token_key_t *key, str_view signed_bytes, str_view signature) {
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool right = context &&
                 EVP_DigestVerifyInit(context, NULL, key->algorithm->hash(), NULL, key->public_key) == 1 &&
                 EVP_DigestVerify(context, (const unsigned char *)signature.ptr, signature.len,
                                  (const unsigned char *)signed_bytes.ptr, signed_bytes.len) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return right;
}

/* A token carries r and s as they are, 32 bytes each (RFC 7518 section 3.4); OpenSSL wants them in DER. */
static bool ec_verifies(const token_key_t *key, str_view signed_bytes, str_view signature) {
    if (signature.len != (size_t)2 * ES256_NUMBER_BYTES) {
        return false;
    }
    const unsigned char *numbers = (const unsigned char *)signature.ptr;
    unsigned char der[ES256_DER_MAX_BYTES];
    unsigned char *end = der;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(numbers, ES256_NUMBER_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(numbers + ES256_NUMBER_BYTES, ES256_NUMBER_BYTES, NULL);
    int der_bytes = 0;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        der_bytes = i2d_ECDSA_SIG(pair, &end);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return der_bytes > 0 && public_key_verifies(key, signed_bytes, str_view_make(der, (size_t)der_bytes));
}

bool token_key_verifies(const token_key_t *key, str_view signed_bytes, str_view signature) {
    switch (key->algorithm->kind) {
    case KEY_HMAC:
        return hmac_verifies(key, signed_bytes, signature);
    case KEY_RSA:
        return public_key_verifies(key, signed_bytes, signature);
    case KEY_EC:
        return ec_verifies(key, signed_bytes, signature);
    }
    return false;
}
