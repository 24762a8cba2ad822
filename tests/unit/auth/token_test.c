/* What a token says, and every way in which it is wrong. Good tokens are made by libjwt. */
#include "tests/unit/auth/token_fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { NOW_S = 1765535445, LEEWAY_S = 5 };

static const uint64_t NOW_MS = 1000ULL * NOW_S, LEEWAY_MS = 1000ULL * LEEWAY_S;

#define HS256_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static token_claims claims;

static token_verdict read_text(const char *algorithm, const char *token) {
    token_key_t *key = verifier(algorithm);
    memset(&claims, 0xee, sizeof claims);
    /* In a block of its own size, so that a byte beyond it is found. */
    char *copy = str_view_dup(str_view_of(token));
    token_verdict verdict = token_read(str_view_make(copy, strlen(token)), key, LEEWAY_MS, NOW_MS, &claims);
    free(copy);
    token_key_destroy(&key);
    return verdict;
}

/* Takes the token. */
static token_verdict read_token(const char *algorithm, char *token) {
    token_verdict verdict = read_text(algorithm, token);
    free(token);
    return verdict;
}

static token_verdict read_payload(const char *payload) {
    return read_token("HS256", forge(HS256_HEADER, payload, "HS256"));
}

static const char *const algorithms[] = {"HS256", "HS384", "HS512", "RS256", "ES256"};
enum { ALGORITHMS_COUNT = sizeof algorithms / sizeof algorithms[0] };

static void header_of(const char *algorithm, char out[64]) {
    snprintf(out, 64, "{\"alg\":\"%s\"}", algorithm);
}

/* -- what is taken -- */

static void tokens_of_libjwt_are_taken_in_every_algorithm(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGORITHMS_COUNT; i++) {
        char *token =
            token_of_libjwt(algorithms[i], "{\"uid\":\"alice\",\"role\":\"admin\",\"exp\":1999999999}");
        assert_int_equal(read_token(algorithms[i], token), TOKEN_OK);
        assert_string_equal(claims.user_id, "alice");
        assert_string_equal(claims.role, "admin");
        assert_int_equal(claims.expires_at_unix_ms, 1999999999000 + LEEWAY_MS);
    }
}

static void the_payload_may_be_one_string_in_every_algorithm(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGORITHMS_COUNT; i++) {
        char header[64];
        header_of(algorithms[i], header);
        assert_int_equal(read_token(algorithms[i], forge(header, "\"J\\u00f6rg\"", algorithms[i])), TOKEN_OK);
        assert_string_equal(claims.user_id, "J\xc3\xb6rg");
        assert_string_equal(claims.role, "");
        assert_int_equal(claims.expires_at_unix_ms, 0);
        assert_int_equal(read_token(algorithms[i], forge(header, "\"bob\"", NULL)), TOKEN_SIGNATURE);
    }
}

static void the_user_is_the_first_claim_that_names_one(void **state) {
    (void)state;
    static const struct {
        const char *payload, *user_id;
    } rows[] = {
        {"{\"id\":\"5\",\"sub\":\"4\",\"userId\":\"3\",\"user_id\":\"2\",\"uid\":\"1\"}", "1"},
        {"{\"id\":\"5\",\"sub\":\"4\",\"userId\":\"3\",\"user_id\":\"2\"}", "2"},
        {"{\"id\":\"5\",\"sub\":\"4\",\"userId\":\"3\"}", "3"},
        {"{\"id\":\"5\",\"sub\":\"4\"}", "4"},
        {"{\"id\":\"5\"}", "5"},
        {"{\"uid\":null,\"sub\":\"4\"}", "4"},
        {"{\"uid\":6591234567}", "6591234567"},
        {"{\"uid\":-1}", "-1"},
        {"{\"uid\":9223372036854775807}", "9223372036854775807"},
        {"{\"uid\":\"a:b *\\\"'\\\\ \\ud83d\\ude00\"}", "a:b *\"'\\ \xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(read_payload(rows[i].payload), TOKEN_OK);
        assert_string_equal(claims.user_id, rows[i].user_id);
    }
}

static void a_role_is_a_text_of_64_bytes_or_it_is_none(void **state) {
    (void)state;
    static const struct {
        const char *role, *taken;
    } rows[] = {
        {"\"web\"", "web"},
        {"\"any thing\"", "any thing"},
        {"\"\"", ""},
        {"1", ""},
        {"[\"admin\"]", ""},
        {"{\"admin\":true}", ""},
        {"true", ""},
        {"null", ""},
        {"\"admin\\u0000x\"", ""},
        {"\"a\\nb\"", ""},
    };
    char payload[256];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(payload, sizeof payload, "{\"uid\":\"u\",\"role\":%s}", rows[i].role);
        assert_int_equal(read_payload(payload), TOKEN_OK);
        assert_string_equal(claims.role, rows[i].taken);
    }
    for (int len = 64; len <= 65; len++) {
        snprintf(payload, sizeof payload, "{\"uid\":\"u\",\"role\":\"%0*d\"}", len, 0);
        assert_int_equal(read_payload(payload), TOKEN_OK);
        assert_int_equal(strlen(claims.role), len == 64 ? 64 : 0);
    }
}

static void a_token_is_as_long_as_it_likes(void **state) {
    (void)state;
    for (int filler = 3000; filler <= 48000; filler *= 4) {
        char *payload = NULL;
        assert_true(asprintf(&payload, "{\"x\":\"%0*d\",\"uid\":\"u\"}", filler, 0) > 0);
        assert_int_equal(read_payload(payload), TOKEN_OK);
        assert_string_equal(claims.user_id, "u");
        free(payload);
    }
}

/* -- times -- */

static token_verdict read_times(const char *claim, const char *value) {
    char payload[256];
    snprintf(payload, sizeof payload, "{\"uid\":\"u\",\"%s\":%s}", claim, value);
    return read_payload(payload);
}

static token_verdict read_time(const char *claim, int64_t seconds) {
    char value[32];
    snprintf(value, sizeof value, "%lld", (long long)seconds);
    return read_times(claim, value);
}

static void a_token_ends_with_its_leeway(void **state) {
    (void)state;
    assert_int_equal(read_time("exp", NOW_S + 60), TOKEN_OK);
    assert_int_equal(claims.expires_at_unix_ms, NOW_MS + 60000 + LEEWAY_MS);
    assert_int_equal(read_time("exp", NOW_S - LEEWAY_S + 1), TOKEN_OK);
    assert_int_equal(read_time("exp", NOW_S - LEEWAY_S), TOKEN_EXPIRED);
    assert_int_equal(read_time("exp", 0), TOKEN_EXPIRED);
    assert_int_equal(read_time("exp", -1), TOKEN_EXPIRED);
    assert_int_equal(read_times("exp", "1765535440.5"), TOKEN_OK);
    assert_int_equal(claims.expires_at_unix_ms, NOW_MS + 500);
    assert_int_equal(read_times("exp", "-1e300"), TOKEN_EXPIRED);
    assert_int_equal(read_times("exp", "1e300"), TOKEN_OK);
    assert_true(claims.expires_at_unix_ms > NOW_MS);
    assert_int_equal(read_time("exp", INT64_MAX), TOKEN_OK);
    assert_true(claims.expires_at_unix_ms > NOW_MS);
}

static void a_token_begins_with_its_leeway(void **state) {
    (void)state;
    assert_int_equal(read_time("nbf", NOW_S + LEEWAY_S), TOKEN_OK);
    assert_int_equal(claims.expires_at_unix_ms, 0);
    assert_int_equal(read_time("nbf", NOW_S + LEEWAY_S + 1), TOKEN_EARLY);
    assert_int_equal(read_time("nbf", INT64_MAX), TOKEN_EARLY);
    assert_int_equal(read_time("nbf", -5), TOKEN_OK);
    assert_int_equal(read_time("iat", NOW_S + 3600), TOKEN_OK); /* says nothing of validity */
}

static void times_that_are_no_numbers_are_refused(void **state) {
    (void)state;
    static const char *const claims_of_time[] = {"exp", "nbf"};
    static const char *const values[] = {"\"1999999999\"", "null", "true", "[]", "{}", "\"never\""};
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
            assert_int_equal(read_times(claims_of_time[c], values[i]), TOKEN_TIME);
        }
    }
}

/* -- users -- */

static void tokens_that_name_no_user_are_refused(void **state) {
    (void)state;
    static const char *const payloads[] = {
        "{}",
        "{\"name\":\"alice\",\"role\":\"admin\"}",
        "{\"UID\":\"alice\"}",
        "{\"uid\":null}",
        "{\"uid\":{}}",
        "{\"uid\":[],\"sub\":\"alice\"}",
        "{\"uid\":1.5}",
        "{\"uid\":true}",
        "[\"alice\"]",
        "123",
        "{\"a\":{\"uid\":\"bob\"}}",
        "null",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        assert_int_equal(read_payload(payloads[i]), TOKEN_NO_USER);
    }
}

static void user_ids_keep_the_rules_of_plain_tokens(void **state) {
    (void)state;
    static const char *const ids[] = {"\"\"", "\"a\\u0000b\"", "\"a\\nb\"", "\"\\u007f\""};
    char payload[256];
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        assert_int_equal(read_payload(ids[i]), TOKEN_USER_ID);
        snprintf(payload, sizeof payload, "{\"uid\":%s,\"sub\":\"alice\"}", ids[i]);
        assert_int_equal(read_payload(payload), TOKEN_USER_ID);
    }
    for (int len = 128; len <= 129; len++) {
        snprintf(payload, sizeof payload, "{\"uid\":\"%0*d\"}", len, 0);
        assert_int_equal(read_payload(payload), len == 128 ? TOKEN_OK : TOKEN_USER_ID);
    }
    assert_int_equal(read_payload("\"\xff\""), TOKEN_MALFORMED); /* no UTF-8 is no JSON */
}

/* -- forgeries -- */

#define CLAIMS "{\"uid\":\"mallory\"}"

static void an_algorithm_other_than_ours_is_refused_whatever_its_signature(void **state) {
    (void)state;
    static const char *const named[] = {"none",  "None",  "NONE",  "nOnE",  "hs256", "HS256 ", "HS384",
                                        "HS512", "RS256", "RS384", "ES256", "PS256", ""};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++) {
        char header[64];
        header_of(named[i], header);
        assert_int_equal(read_token("HS256", forge(header, CLAIMS, NULL)), TOKEN_ALGORITHM);
        assert_int_equal(read_token("HS256", forge(header, CLAIMS, "HS256")), TOKEN_ALGORITHM);
    }
    for (size_t ours = 0; ours < ALGORITHMS_COUNT; ours++) {
        for (size_t theirs = 0; theirs < ALGORITHMS_COUNT; theirs++) {
            char *token = token_of_libjwt(algorithms[theirs], CLAIMS);
            assert_int_equal(read_token(algorithms[ours], token),
                             ours == theirs ? TOKEN_OK : TOKEN_ALGORITHM);
        }
    }
}

static void a_public_key_is_no_secret(void **state) {
    (void)state;
    str_view payload = str_view_of(CLAIMS);
    const key_pair *pairs[] = {&rsa_pair, &ec_pair};
    static const char *const ours[] = {"RS256", "ES256"};
    for (size_t i = 0; i < 2; i++) {
        str_view pem = str_view_of(pairs[i]->public_pem);
        char header[64];
        header_of(ours[i], header);
        assert_int_equal(read_token(ours[i], forge_hs256(HS256_HEADER, payload, pem)), TOKEN_ALGORITHM);
        assert_int_equal(read_token(ours[i], forge_hs256(header, payload, pem)), TOKEN_SIGNATURE);
    }
}

static void another_key_is_not_ours(void **state) {
    (void)state;
    str_view payload = str_view_of(CLAIMS);
    assert_int_equal(read_token("HS256", forge_hs256(HS256_HEADER, payload, str_view_of("guess"))),
                     TOKEN_SIGNATURE);
    assert_int_equal(read_token("HS256", forge_hs256(HS256_HEADER, payload, str_view_make("", 0))),
                     TOKEN_SIGNATURE);
    char *of_rsa = token_of_libjwt("RS256", CLAIMS);
    char *of_ec = token_of_libjwt("ES256", CLAIMS);
    make_key_pairs(NULL);
    assert_int_equal(read_token("RS256", of_rsa), TOKEN_SIGNATURE);
    assert_int_equal(read_token("ES256", of_ec), TOKEN_SIGNATURE);
}

/* `token` with the signature that `text` is. */
static char *with_signature(const char *token, const char *text) {
    char *forged = NULL;
    int kept = (int)(strrchr(token, '.') - token);
    assert_true(asprintf(&forged, "%.*s.%s", kept, token, text) > 0);
    return forged;
}

static void a_signature_that_is_cut_padded_or_lengthened_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < ALGORITHMS_COUNT; i++) {
        char *token = token_of_libjwt(algorithms[i], CLAIMS);
        const char *signature = strrchr(token, '.') + 1;
        size_t len = strlen(signature);
        for (size_t kept = 0; kept < len; kept++) {
            char *text = strndup(signature, kept);
            token_verdict verdict = read_token(algorithms[i], with_signature(token, text));
            assert_true(verdict == TOKEN_SIGNATURE || verdict == TOKEN_MALFORMED);
            free(text);
        }
        static const char *const tails[] = {"=", "==", "A", "AA", "AAAA", " ", "\n", ".", "%00"};
        for (size_t t = 0; t < sizeof tails / sizeof tails[0]; t++) {
            char *text = NULL;
            assert_true(asprintf(&text, "%s%s", signature, tails[t]) > 0);
            token_verdict verdict = read_token(algorithms[i], with_signature(token, text));
            assert_true(verdict == TOKEN_SIGNATURE || verdict == TOKEN_MALFORMED);
            free(text);
        }
        free(token);
    }
}

/* Also where it would decode to the same bytes: there is one text of a token. */
static void no_character_of_a_token_can_be_another(void **state) {
    (void)state;
    static const char others[] = "AQgwz09-_.=+/ ";
    for (size_t i = 0; i < ALGORITHMS_COUNT; i++) {
        char *token = token_of_libjwt(algorithms[i], CLAIMS);
        for (char *at = token; *at; at++) {
            char was = *at;
            *at = others[(size_t)(at - token) % (sizeof others - 1)];
            if (*at != was) {
                assert_int_not_equal(read_text(algorithms[i], token), TOKEN_OK);
            }
            *at = was;
        }
        char *last = token + strlen(token) - 1;
        for (int c = 1; c < 128; c++) {
            char was = *last;
            *last = (char)c;
            assert_int_equal(read_text(algorithms[i], token) == TOKEN_OK, c == was);
            *last = was;
        }
        free(token);
    }
}

static void ec_signatures_in_der_or_of_zeros_are_refused(void **state) {
    (void)state;
    unsigned char zeros[64] = {0};
    char *token = token_of_libjwt("ES256", CLAIMS);
    char *text = base64url(zeros, sizeof zeros);
    assert_int_equal(read_token("ES256", with_signature(token, text)), TOKEN_SIGNATURE);
    free(text);
    static const unsigned char der[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
    text = base64url(der, sizeof der);
    assert_int_equal(read_token("ES256", with_signature(token, text)), TOKEN_SIGNATURE);
    free(text);
    free(token);
}

static void what_is_no_token_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        ".",
        "..",
        "...",
        "alice",
        "eyJhbGciOiJIUzI1NiJ9",
        "eyJhbGciOiJIUzI1NiJ9.e30",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.AAAA.AAAA", /* five parts: encrypted */
        "eyJhbGciOiJIUzI1NiJ9..e30.",
        "e30.e30.AAAA",          /* no alg */
        "W10.e30.AAAA",          /* a header of [] */
        "IkhTMjU2Ig.e30.AAAA",   /* of "HS256" */
        "eyJhbGciOjF9.e30.AAAA", /* of {"alg":1} */
        "eyJhbGci.e30.AAAA",     /* of half an object */
        "eyJhbGciOiJIUzI1NiJ9=.e30.AAAA",
        " eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        "{\"alg\":\"HS256\"}.{}.x",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(read_text("HS256", texts[i]), TOKEN_MALFORMED);
    }
    static const char *const headers[] = {
        "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
        "{\"alg\":\"HS256\\u0000\"}",
        "{\"alg\":\"HS256\"} {}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        assert_int_equal(read_token("HS256", forge(headers[i], CLAIMS, "HS256")), TOKEN_MALFORMED);
    }
    static const char *const payloads[] = {
        "",
        "alice",
        "{\"uid\":\"u\"",
        "{\"uid\":\"u\"}x",
        "{\"uid\":\"u\",\"uid\":\"v\"}",
        "{\"uid\":\"u\",\"\\u0075id\":\"v\"}", /* the same name, escaped */
        "{\"uid\":\"u\",\"exp\":1,\"exp\":1999999999}",
        "{\"uid\":99999999999999999999}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        assert_int_equal(read_payload(payloads[i]), TOKEN_MALFORMED);
    }
}

/* What is not signed by us tells nothing of how far it would have come. */
static void claims_are_not_looked_at_before_the_signature(void **state) {
    (void)state;
    static const char *const payloads[] = {"{\"uid\":\"u\",\"exp\":1}", "not JSON", "{}", "{\"uid\":\"\"}"};
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        assert_int_equal(read_token("HS256", forge(HS256_HEADER, payloads[i], NULL)), TOKEN_SIGNATURE);
    }
}

/* -- keys -- */

static const char *key_refusal(const char *algorithm, const char *text) {
    token_key_t *key = NULL;
    const char *reason = "";
    assert_int_equal(token_key_new(&key, algorithm, str_view_of(text), &reason), ZP_INVALID);
    assert_null(key);
    return reason;
}

static void keys_that_are_none_are_refused_at_start(void **state) {
    (void)state;
    key_pair weak;
    key_pair other_curve;
    make_rsa_pair(&weak, 1024);
    make_ec_pair(&other_curve, "P-384");
    assert_non_null(strstr(key_refusal("HS256", ""), "empty"));
    assert_non_null(strstr(key_refusal("HS512", rsa_pair.public_pem), "PEM"));
    assert_non_null(strstr(key_refusal("HS256", ec_pair.private_pem), "PEM"));
    assert_non_null(strstr(key_refusal("RS256", ""), "not a PEM public key"));
    assert_non_null(strstr(key_refusal("RS256", "secret"), "not a PEM public key"));
    assert_non_null(strstr(key_refusal("RS256", "-----BEGIN PUBLIC KEY-----\n"), "not a PEM public key"));
    assert_non_null(strstr(key_refusal("RS256", rsa_pair.private_pem), "not a PEM public key"));
    assert_non_null(strstr(key_refusal("RS256", ec_pair.public_pem), "RSA key"));
    assert_non_null(strstr(key_refusal("RS256", weak.public_pem), "2048"));
    assert_non_null(strstr(key_refusal("ES256", rsa_pair.public_pem), "P-256"));
    assert_non_null(strstr(key_refusal("ES256", other_curve.public_pem), "P-256"));
}

static void a_secret_shorter_than_its_hash_is_short(void **state) {
    (void)state;
    static const struct {
        const char *algorithm;
        int least_bytes;
    } rows[] = {{"HS256", 32}, {"HS384", 48}, {"HS512", 64}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int less = 0; less <= 1; less++) {
            char secret[65];
            token_key_t *key = NULL;
            const char *reason = NULL;
            snprintf(secret, sizeof secret, "%0*d", rows[i].least_bytes - less, 0);
            assert_int_equal(token_key_new(&key, rows[i].algorithm, str_view_of(secret), &reason), ZP_OK);
            assert_int_equal(token_key_is_short(key), less);
            token_key_destroy(&key);
        }
    }
    token_key_t *key = verifier("RS256");
    assert_false(token_key_is_short(key));
    token_key_destroy(&key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_of_libjwt_are_taken_in_every_algorithm),
        cmocka_unit_test(the_payload_may_be_one_string_in_every_algorithm),
        cmocka_unit_test(the_user_is_the_first_claim_that_names_one),
        cmocka_unit_test(a_role_is_a_text_of_64_bytes_or_it_is_none),
        cmocka_unit_test(a_token_is_as_long_as_it_likes),
        cmocka_unit_test(a_token_ends_with_its_leeway),
        cmocka_unit_test(a_token_begins_with_its_leeway),
        cmocka_unit_test(times_that_are_no_numbers_are_refused),
        cmocka_unit_test(tokens_that_name_no_user_are_refused),
        cmocka_unit_test(user_ids_keep_the_rules_of_plain_tokens),
        cmocka_unit_test(an_algorithm_other_than_ours_is_refused_whatever_its_signature),
        cmocka_unit_test(a_public_key_is_no_secret),
        cmocka_unit_test(another_key_is_not_ours),
        cmocka_unit_test(a_signature_that_is_cut_padded_or_lengthened_is_refused),
        cmocka_unit_test(no_character_of_a_token_can_be_another),
        cmocka_unit_test(ec_signatures_in_der_or_of_zeros_are_refused),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(claims_are_not_looked_at_before_the_signature),
        cmocka_unit_test(keys_that_are_none_are_refused_at_start),
        cmocka_unit_test(a_secret_shorter_than_its_hash_is_short),
    };
    return cmocka_run_group_tests(tests, make_key_pairs, NULL);
}
