/* token: any bytes as a JWT. The first byte says how. '0': a header and, from the next line on, a payload,
 * which are signed here, or no fuzzer would ever get beyond the signature: what is accepted is a user id that
 * can be one, and no token changed in one place is. '1': the token as it stands, and its text as base64url,
 * which says one thing in one way only. '2': a signature for ES256, to OpenSSL. */
#include "common/auth/token.h"
#include "common/auth/base64url.h"
#include "tests/fuzz/fuzz.h"
#include <openssl/hmac.h>
#include <stdio.h>

enum { MAC_BYTES = 32, ES256_SIGNATURE_BYTES = 64 };

static const uint64_t NOW_MS = 1765535445000, LEEWAY_MS = 5000;
static const char SECRET[] = "a secret of thirty-two bytes or more";
/* Nobody has its other half. */
static const char PUBLIC_PEM[] = "-----BEGIN PUBLIC KEY-----\n"
                                 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE13LxK49xALudGLnd/wQwAA0CmSCD\n"
                                 "6xZ6hWn2MjdQmGISvlmOJqkgA1uQLDwwTvsR0yqa3/IHcBIv7S3dliAx3g==\n"
                                 "-----END PUBLIC KEY-----\n";

static const token_key_t *key_of(const char *algorithm, const char *text) {
    token_key_t *key = NULL;
    const char *reason = NULL;
    assert(token_key_new(&key, algorithm, str_view_of(text), &reason) == ZP_OK);
    return key;
}

/* Asked for once; both live as long as the program. */
static const token_key_t *hmac_key, *ec_key;

static bool is_user_id(str_view text) {
    return text.len > 0 && text.len <= USER_ID_MAX_BYTES && str_view_is_clean_text(text);
}

static token_verdict read_token(str_view token, const token_key_t *key, token_claims *ret_claims) {
    char *copy = fuzz_copy(token.ptr, token.len);
    token_verdict verdict = token_read(str_view_make(copy, token.len), key, LEEWAY_MS, NOW_MS, ret_claims);
    assert(verdict < TOKEN_VERDICTS_COUNT);
    free(copy);
    return verdict;
}

/* -- making tokens -- */

static void add_base64url(FILE *out, str_view bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t three = 0;
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        for (size_t j = 0; j < 3; j++) {
            three = three << 8 | (j < count ? (uint8_t)bytes.ptr[i + j] : 0);
        }
        for (size_t j = 0; j <= count; j++) {
            fputc(digits[three >> (18 - 6 * j) & 63], out);
        }
    }
}

/* The texts of these are the caller's to free. */
static char *base64url_of(str_view bytes) {
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *out = open_memstream(&text, &text_bytes);
    assert(out);
    add_base64url(out, bytes);
    fclose(out);
    return text;
}

static char *sign(str_view header, str_view payload) {
    char *text = NULL;
    size_t text_bytes = 0;
    unsigned char mac[MAC_BYTES];
    unsigned mac_bytes = 0;
    FILE *out = open_memstream(&text, &text_bytes);
    assert(out);
    add_base64url(out, header);
    fputc('.', out);
    add_base64url(out, payload);
    fflush(out);
    assert(
        HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (unsigned char *)text, text_bytes, mac, &mac_bytes));
    fputc('.', out);
    add_base64url(out, str_view_make(mac, mac_bytes));
    fclose(out);
    return text;
}

/* -- claims -- */

static void check_claims(const token_claims *claims) {
    str_view user_id = str_view_of(claims->user_id);
    assert(user_id.len >= 1 && is_user_id(user_id));
    assert(strlen(claims->role) <= TOKEN_ROLE_MAX_BYTES && str_view_is_clean_text(str_view_of(claims->role)));
    assert(claims->expires_at_unix_ms == 0 || claims->expires_at_unix_ms > NOW_MS);
}

static void add_json_text(FILE *out, const char *name, const char *text) {
    fprintf(out, "\"%s\":\"", name);
    for (; *text; text++) {
        fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    fputc('"', out);
}

/* What was understood, said in the plainest way, is understood the same. */
static void check_said_again(const token_claims *claims) {
    char *payload = NULL;
    size_t payload_bytes = 0;
    FILE *out = open_memstream(&payload, &payload_bytes);
    assert(out);
    fputc('{', out);
    add_json_text(out, "uid", claims->user_id);
    fputc(',', out);
    add_json_text(out, "role", claims->role);
    fputc('}', out);
    fclose(out);
    char *token = sign(str_view_of("{\"alg\":\"HS256\"}"), str_view_make(payload, payload_bytes));
    token_claims again;
    assert(read_token(str_view_of(token), hmac_key, &again) == TOKEN_OK);
    assert(strcmp(again.user_id, claims->user_id) == 0 && strcmp(again.role, claims->role) == 0);
    assert(again.expires_at_unix_ms == 0);
    free(token);
    free(payload);
}

static void check_altered(const char *token, size_t place) {
    size_t len = strlen(token);
    token_claims claims;
    char *altered = malloc(len + 2);
    assert(altered);
    for (size_t at = place % len; at < len; at += len / 4 + 1) {
        memcpy(altered, token, len + 1);
        altered[at] = altered[at] == 'A' ? 'B' : 'A';
        assert(read_token(str_view_make(altered, len), hmac_key, &claims) != TOKEN_OK);
    }
    memcpy(altered, token, len + 1);
    assert(read_token(str_view_make(altered, len - 1), hmac_key, &claims) != TOKEN_OK);
    altered[len] = "=.A "[place % 4];
    assert(read_token(str_view_make(altered, len + 1), hmac_key, &claims) != TOKEN_OK);
    free(altered);
}

static void check_signed(str_view header_and_payload) {
    const char *line =
        header_and_payload.len > 0 ? memchr(header_and_payload.ptr, '\n', header_and_payload.len) : NULL;
    size_t header_bytes = line ? (size_t)(line - header_and_payload.ptr) : header_and_payload.len;
    size_t taken_bytes = line ? header_bytes + 1 : header_bytes;
    char *token =
        sign(str_view_make(header_and_payload.ptr, header_bytes),
             str_view_make(header_and_payload.ptr + taken_bytes, header_and_payload.len - taken_bytes));
    token_claims claims;
    if (read_token(str_view_of(token), hmac_key, &claims) == TOKEN_OK) {
        check_claims(&claims);
        check_said_again(&claims);
        check_altered(token, header_and_payload.len);
    }
    assert(read_token(str_view_of(token), ec_key, &claims) != TOKEN_OK);
    free(token);
}

/* -- the text as it stands -- */

static void check_text(str_view text) {
    token_claims claims;
    assert(read_token(text, hmac_key, &claims) != TOKEN_OK);
    assert(read_token(text, ec_key, &claims) != TOKEN_OK);

    char *out = malloc(text.len * 3 / 4 + 1);
    size_t len_bytes = 0;
    assert(out);
    if (base64url_decode(text, out, &len_bytes) == ZP_OK) {
        assert(len_bytes <= text.len * 3 / 4);
        char *again = base64url_of(str_view_make(out, len_bytes));
        assert(str_view_equal(str_view_of(again), text));
        free(again);
    }
    free(out);
}

/* r and s; what is missing is zero. */
static void check_signature(str_view bytes) {
    unsigned char signature[ES256_SIGNATURE_BYTES] = {0};
    memcpy(signature, bytes.ptr, bytes.len < sizeof signature ? bytes.len : sizeof signature);
    str_view view = str_view_make(signature, sizeof signature);
    assert(!token_key_verifies(ec_key, str_view_of("e30.e30"), view));
    assert(!token_key_verifies(ec_key, str_view_of("e30.e30"), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!hmac_key) {
        hmac_key = key_of("HS256", SECRET);
        ec_key = key_of("ES256", PUBLIC_PEM);
    }
    fuzz_input input = {data, size};
    uint8_t how = fuzz_byte(&input);
    str_view rest = fuzz_take(&input, size);
    switch (how % 3) {
    case 0:
        check_signed(rest);
        break;
    case 1:
        check_text(rest);
        break;
    default:
        check_signature(rest);
        break;
    }
    return 0;
}
