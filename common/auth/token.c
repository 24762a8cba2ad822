#include "common/auth/token.h"

#include "common/auth/base64url.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { HEADER, PAYLOAD, SIGNATURE, PARTS_COUNT };

/* Times beyond it are as good as never; up to it, milliseconds are whole in a double. */
static const double TIME_MAX_MS = 9007199254740992.0;

/* Exactly three parts, as the compact form has them. */
static bool split(str_view token, str_view ret_parts[PARTS_COUNT]) {
    for (size_t i = 0; i < PARTS_COUNT; i++) {
        const char *dot = token.len > 0 ? memchr(token.ptr, '.', token.len) : NULL;
        if ((dot == NULL) != (i == PARTS_COUNT - 1)) {
            return false;
        }
        size_t len = dot ? (size_t)(dot - token.ptr) : token.len;
        ret_parts[i] = str_view_make(token.ptr, len);
        if (dot) {
            token.ptr += len + 1;
            token.len -= len + 1;
        }
    }
    return true;
}

/* All parts in one block, which is the caller's to free. */
static token_verdict decode(const str_view texts[PARTS_COUNT], char **ret_block,
                            str_view ret_parts[PARTS_COUNT]) {
    char *block = malloc(texts[HEADER].len + texts[PAYLOAD].len + texts[SIGNATURE].len + 1);
    if (!block) {
        return TOKEN_NO_MEMORY;
    }
    char *at = block;
    for (size_t i = 0; i < PARTS_COUNT; i++) {
        size_t len_bytes = 0;
        if (base64url_decode(texts[i], at, &len_bytes) != ZP_OK) {
            free(block);
            return TOKEN_MALFORMED;
        }
        ret_parts[i] = str_view_make(at, len_bytes);
        at += len_bytes;
    }
    *ret_block = block;
    return TOKEN_OK;
}

static token_verdict check_header(str_view bytes, const char *algorithm) {
    json_t *header = json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    const char *named = json_string_value(json_object_get(header, "alg"));
    token_verdict verdict = !named || json_object_get(header, "crit") ? TOKEN_MALFORMED
                            : strcmp(named, algorithm) != 0           ? TOKEN_ALGORITHM
                                                                      : TOKEN_OK;
    json_decref(header);
    return verdict;
}

/* A NumericDate (RFC 7519 section 2); *ret_unix_ms stays where the claim is not there. */
static bool read_time(const json_t *payload, const char *claim, uint64_t *ret_unix_ms) {
    const json_t *value = json_object_get(payload, claim);
    if (!value) {
        return true;
    }
    if (!json_is_number(value)) {
        return false;
    }
    double ms = json_number_value(value) * 1000;
    *ret_unix_ms = (uint64_t)(ms < 0 ? 0 : ms > TIME_MAX_MS ? TIME_MAX_MS : ms);
    return true;
}

static token_verdict check_times(const json_t *payload, uint64_t leeway_ms, uint64_t now_unix_ms,
                                 uint64_t *ret_expires_at_unix_ms) {
    uint64_t ends_ms = UINT64_MAX;
    uint64_t begins_ms = 0;
    if (!read_time(payload, "exp", &ends_ms) || !read_time(payload, "nbf", &begins_ms)) {
        return TOKEN_TIME;
    }
    if (ends_ms != UINT64_MAX && now_unix_ms >= ends_ms + leeway_ms) {
        return TOKEN_EXPIRED;
    }
    if (now_unix_ms + leeway_ms < begins_ms) {
        return TOKEN_EARLY;
    }
    *ret_expires_at_unix_ms = ends_ms == UINT64_MAX ? 0 : ends_ms + leeway_ms;
    return TOKEN_OK;
}

static const json_t *find_user(const json_t *payload) {
    static const char *const claims[] = {"uid", "user_id", "userId", "sub", "id"};
    if (json_is_string(payload)) {
        return payload;
    }
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        const json_t *value = json_object_get(payload, claims[i]);
        if (value && !json_is_null(value)) {
            return value;
        }
    }
    return NULL;
}

static str_view view_of(const json_t *string) {
    return str_view_make(json_string_value(string), json_string_length(string));
}

static token_verdict read_user(const json_t *payload, char out[USER_ID_MAX_BYTES + 1]) {
    const json_t *user = find_user(payload);
    if (json_is_integer(user)) {
        snprintf(out, USER_ID_MAX_BYTES + 1, "%" JSON_INTEGER_FORMAT, json_integer_value(user));
        return TOKEN_OK;
    }
    if (!json_is_string(user)) {
        return TOKEN_NO_USER;
    }
    str_view id = view_of(user);
    if (id.len == 0 || id.len > USER_ID_MAX_BYTES || !str_view_is_clean_text(id)) {
        return TOKEN_USER_ID;
    }
    memcpy(out, id.ptr, id.len + 1);
    return TOKEN_OK;
}

static void read_role(const json_t *payload, char out[TOKEN_ROLE_MAX_BYTES + 1]) {
    const json_t *role = json_object_get(payload, "role");
    out[0] = '\0';
    if (json_is_string(role) && json_string_length(role) <= TOKEN_ROLE_MAX_BYTES &&
        str_view_is_clean_text(view_of(role))) {
        memcpy(out, json_string_value(role), json_string_length(role) + 1);
    }
}

static token_verdict read_payload(str_view bytes, uint64_t leeway_ms, uint64_t now_unix_ms,
                                  token_claims *ret_claims) {
    json_t *payload =
        json_loadb(bytes.ptr, bytes.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!payload) {
        return TOKEN_MALFORMED;
    }
    token_claims claims;
    token_verdict verdict = check_times(payload, leeway_ms, now_unix_ms, &claims.expires_at_unix_ms);
    if (verdict == TOKEN_OK) {
        verdict = read_user(payload, claims.user_id);
    }
    if (verdict == TOKEN_OK) {
        read_role(payload, claims.role);
        *ret_claims = claims;
    }
    json_decref(payload);
    return verdict;
}

token_verdict token_read(str_view token, const token_key_t *key, uint64_t leeway_ms, uint64_t now_unix_ms,
                         token_claims *ret_claims) {
    str_view texts[PARTS_COUNT];
    str_view parts[PARTS_COUNT];
    char *block = NULL;
    if (!split(token, texts)) {
        return TOKEN_MALFORMED;
    }
    token_verdict verdict = decode(texts, &block, parts);
    if (verdict != TOKEN_OK) {
        return verdict;
    }
    verdict = check_header(parts[HEADER], token_key_algorithm(key));
    if (verdict == TOKEN_OK) {
        /* The text as it came, not what it decodes to. */
        str_view signed_text = str_view_make(token.ptr, token.len - texts[SIGNATURE].len - 1);
        verdict = token_key_verifies(key, signed_text, parts[SIGNATURE]) ? TOKEN_OK : TOKEN_SIGNATURE;
    }
    if (verdict == TOKEN_OK) {
        verdict = read_payload(parts[PAYLOAD], leeway_ms, now_unix_ms, ret_claims);
    }
    free(block);
    return verdict;
}
