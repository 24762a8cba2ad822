/* http_server: who may call what, what each client may do, and how large it may be; with routes of the test's
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/auth/token.h"
#include "services/http-api/http_server.h"
#include "tests/unit/common/http_fixture.h"
#include "tests/unit/support/process_fixture.h"
#include <jwt.h>
#include <string.h>
#include <time.h>

enum { WAIT_MS = 5000 };

#define SECRET "a secret of the tests that is long enough for its hash"

typedef struct world {
    process_fixture fixture;
    http_server_t *server;
    unsigned handled;
    char user_id[USER_ID_MAX_BYTES + 1];
    bool may_ops;
} world;

static void handle(void *context, http_request_t *request) {
    world *at = context;
    at->handled++;
    at->may_ops = http_request_may(request, AREA_OPS);
    memcpy(at->user_id, http_request_identity(request)->user_id, sizeof at->user_id);
    text_buffer body = {0};
    text_add(&body, "{}");
    http_request_answer(request, MHD_HTTP_OK, "application/json", &body);
}

static const http_route routes[] = {
    {"GET", "/read", true, handle, AREA_READ, OWNER_UNKNOWN},
    {"GET", "/ops", false, handle, AREA_OPS, OWNER_UNKNOWN},
    {"GET", "/open", false, handle, AREA_OPEN, OWNER_UNKNOWN},
    {"POST", "/body", true, handle, AREA_WRITE, OWNER_IN_BODY},
    {"PUT", "/path/*", true, handle, AREA_WRITE, OWNER_IN_PATH},
    {"POST", "/secret", true, handle, AREA_WRITE, OWNER_SECRET},
    {"POST", "/nobodys", true, handle, AREA_WRITE, OWNER_UNKNOWN},
    {"POST", "/api/calls/presence", true, handle, AREA_WRITE, OWNER_IN_BODY},
};

static void open_world(world *at, const char *const *settings) {
    *at = (world){0};
    const char *all[32] = {"HTTP_LISTEN", "127.0.0.1:0", "LOG_LEVEL", "error"};
    size_t count = 4;
    for (size_t i = 0; settings[i]; i++) {
        assert_true(count < sizeof all / sizeof *all - 1);
        all[count++] = settings[i];
    }
    process_fixture_open(&at->fixture, API, all);
    assert_int_equal(
        http_server_new(&at->server, &at->fixture.process, routes, sizeof routes / sizeof *routes, at),
        ZP_OK);
}

static void close_world(world *at) {
    http_server_destroy(&at->server);
    process_fixture_close(&at->fixture);
}

/* The answer lives until the next call. */
static const char *ask(world *at, const char *method_and_target, const char *headers, const char *body) {
    char request[4096];
    int len =
        snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: test\r\n%s", method_and_target, headers);
    if (body) {
        len += snprintf(request + len, sizeof request - (size_t)len, "Content-Length: %zu\r\n", strlen(body));
    }
    len += snprintf(request + len, sizeof request - (size_t)len, "\r\n%s", body ? body : "");
    assert_true((size_t)len < sizeof request);
    int fd = http_dial(http_server_address(at->server));
    http_say(fd, request);
    const char *answer = http_hear(&at->fixture.process.loop, fd, WAIT_MS, false);
    close(fd);
    return answer;
}

static int status_of(const char *answer) {
    assert_int_equal(strncmp(answer, "HTTP/1.1 ", 9), 0);
    return atoi(answer + 9);
}

static int ask_status(world *at, const char *method_and_target, const char *headers, const char *body) {
    return status_of(ask(at, method_and_target, headers, body));
}

static void assert_refused(const char *answer, int status, const char *code) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"code\":\"%s\"", code);
    assert_int_equal(status_of(answer), status);
    assert_non_null(strstr(answer, quoted));
    assert_non_null(strstr(answer, "\"error\":\""));
}

/* "Authorization: Bearer <token>\r\n" for `claims`; the caller frees it. */
static char *bearer_of(const char *claims, const char *secret) {
    jwt_t *jwt = NULL;
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    assert_int_equal(jwt_set_alg(jwt, JWT_ALG_HS256, (const unsigned char *)secret, (int)strlen(secret)), 0);
    char *token = jwt_encode_str(jwt), *line = NULL;
    assert_true(asprintf(&line, "Authorization: Bearer %s\r\n", token) > 0);
    free(token);
    jwt_free(jwt);
    return line;
}

static const char *const jwt_everywhere[] = {
    "HTTP_AUTH_READ", "jwt", "HTTP_AUTH_WRITE", "jwt", "HTTP_AUTH_OPS", "jwt", "SECRET_KEY", SECRET, NULL};

static void without_authentication_everybody_may_everything(void **state) {
    (void)state;
    world at;
    open_world(&at, (const char *const[]){NULL});
    assert_int_equal(ask_status(&at, "GET /read", "", NULL), 200);
    assert_int_equal(ask_status(&at, "GET /ops", "", NULL), 200);
    assert_true(at.may_ops);
    assert_int_equal(ask_status(&at, "POST /body", "", "{\"username\": \"anybody\"}"), 200);
    assert_int_equal(ask_status(&at, "POST /nobodys", "", "{}"), 200);
    assert_string_equal(at.user_id, "");
    close_world(&at);
}

static void without_a_token_nothing_but_the_open_area_is_served(void **state) {
    (void)state;
    world at;
    open_world(&at, jwt_everywhere);
    assert_int_equal(ask_status(&at, "GET /open", "", NULL), 200);
    assert_false(at.may_ops);
    assert_int_equal(at.handled, 1);
    const char *answer = ask(&at, "GET /read", "", NULL);
    assert_refused(answer, 401, "token_missing");
    assert_non_null(strstr(answer, "WWW-Authenticate: Bearer realm=\"zpresence\"\r\n"));
    assert_refused(ask(&at, "GET /ops", "", NULL), 401, "token_missing");
    assert_refused(ask(&at, "POST /body", "", "{\"username\": \"bob\"}"), 401, "token_missing");
    assert_refused(ask(&at, "GET /read", "Authorization: Basic Ym9iOmJvYg==\r\n", NULL), 401,
                   "token_missing");
    assert_refused(ask(&at, "GET /read", "Authorization: Bearer \r\n", NULL), 401, "token_missing");
    answer = ask(&at, "GET /read", "Authorization: Bearer a.b.c\r\n", NULL);
    assert_refused(answer, 401, "token_malformed");
    assert_non_null(strstr(answer, "error=\"invalid_token\""));
    char *forged = bearer_of("{\"uid\": \"bob\"}", "another secret that nobody here knows of");
    assert_refused(ask(&at, "GET /read", forged, NULL), 401, "token_wrong_signature");
    free(forged);
    assert_int_equal(at.handled, 1);
    close_world(&at);
}

static void a_user_writes_only_what_is_their_own(void **state) {
    (void)state;
    world at;
    open_world(&at, jwt_everywhere);
    char *bob = bearer_of("{\"uid\": \"bob\"}", SECRET);
    assert_int_equal(ask_status(&at, "GET /read", bob, NULL), 200);
    assert_string_equal(at.user_id, "bob");
    assert_int_equal(ask_status(&at, "POST /body", bob, "{\"username\": \"bob\"}"), 200);
    assert_int_equal(ask_status(&at, "PUT /path/bob", bob, "{}"), 200);
    assert_int_equal(ask_status(&at, "PUT /path/b%6fb", bob, "{}"), 200);
    assert_int_equal(ask_status(&at, "POST /secret", bob, "{}"), 200);
    unsigned handled = at.handled;
    assert_refused(ask(&at, "POST /body", bob, "{\"username\": \"eve\"}"), 403, "not_yours");
    assert_refused(ask(&at, "POST /body", bob, "{\"username\": \"bob\", \"username\": \"eve\"}"), 403,
                   "not_yours");
    assert_refused(ask(&at, "POST /body", bob, "{}"), 403, "not_yours");
    assert_refused(ask(&at, "PUT /path/eve", bob, "{\"username\": \"bob\"}"), 403, "not_yours");
    assert_refused(ask(&at, "POST /nobodys", bob, "{}"), 403, "not_yours");
    assert_refused(ask(&at, "GET /ops", bob, NULL), 403, "forbidden");
    assert_int_equal(at.handled, handled);
    free(bob);
    close_world(&at);
}

static void a_role_that_may_ops_may_write_for_others(void **state) {
    (void)state;
    static const char *const settings[] = {
        "HTTP_AUTH_READ", "jwt",       "HTTP_AUTH_WRITE", "jwt", "HTTP_AUTH_OPS", "jwt", "SECRET_KEY",
        SECRET,           "OPS_ROLES", "boss,admin",      NULL};
    world at;
    open_world(&at, settings);
    static const char *const roles[] = {"admin", "boss"};
    for (size_t i = 0; i < 2; i++) {
        char claims[64];
        snprintf(claims, sizeof claims, "{\"uid\": \"bob\", \"role\": \"%s\"}", roles[i]);
        char *admin = bearer_of(claims, SECRET);
        assert_int_equal(ask_status(&at, "GET /ops", admin, NULL), 200);
        assert_int_equal(ask_status(&at, "GET /open", admin, NULL), 200);
        assert_true(at.may_ops);
        assert_int_equal(ask_status(&at, "POST /body", admin, "{\"username\": \"eve\"}"), 200);
        assert_int_equal(ask_status(&at, "PUT /path/eve", admin, "{}"), 200);
        assert_int_equal(ask_status(&at, "POST /nobodys", admin, "{}"), 200);
        free(admin);
    }
    static const char *const others[] = {"user", "", "adm", "boss,admin", "Admin"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char claims[64];
        snprintf(claims, sizeof claims, "{\"uid\": \"bob\", \"role\": \"%s\"}", others[i]);
        char *other = bearer_of(claims, SECRET);
        assert_refused(ask(&at, "GET /ops", other, NULL), 403, "forbidden");
        assert_refused(ask(&at, "POST /nobodys", other, "{}"), 403, "not_yours");
        free(other);
    }
    close_world(&at);
}

static void a_token_that_has_ended_or_not_begun_is_refused(void **state) {
    (void)state;
    world at;
    open_world(&at, jwt_everywhere);
    char claims[96];
    snprintf(claims, sizeof claims, "{\"uid\": \"bob\", \"exp\": %ld}", (long)time(NULL) - 6);
    char *ended = bearer_of(claims, SECRET);
    assert_refused(ask(&at, "GET /read", ended, NULL), 401, "token_expired");
    snprintf(claims, sizeof claims, "{\"uid\": \"bob\", \"nbf\": %ld}", (long)time(NULL) + 60);
    char *early = bearer_of(claims, SECRET);
    assert_refused(ask(&at, "GET /read", early, NULL), 401, "token_not_yet_valid");
    snprintf(claims, sizeof claims, "{\"uid\": \"bob\", \"exp\": %ld}", (long)time(NULL) + 60);
    char *good = bearer_of(claims, SECRET);
    assert_int_equal(ask_status(&at, "GET /read", good, NULL), 200);
    free(ended);
    free(early);
    free(good);
    close_world(&at);
}

static void a_token_in_the_query_reads_and_does_nothing_else(void **state) {
    (void)state;
    world at;
    open_world(&at, jwt_everywhere);
    char *admin = bearer_of("{\"uid\": \"bob\", \"role\": \"admin\"}", SECRET), target[512];
    admin[strcspn(admin, "\r")] = '\0';
    const char *token = admin + strlen("Authorization: Bearer ");
    snprintf(target, sizeof target, "GET /read?userIds=a&token=%s", token);
    assert_int_equal(ask_status(&at, target, "", NULL), 200);
    snprintf(target, sizeof target, "GET /ops?token=%s", token);
    assert_refused(ask(&at, target, "", NULL), 401, "token_missing");
    snprintf(target, sizeof target, "POST /nobodys?token=%s", token);
    assert_refused(ask(&at, target, "", "{}"), 401, "token_missing");
    free(admin);
    close_world(&at);
}

static void a_key_opens_its_areas_and_no_others(void **state) {
    (void)state;
    static const char *const settings[] = {
        "HTTP_AUTH_READ",
        "apikey",
        "HTTP_AUTH_WRITE",
        "apikey",
        "HTTP_AUTH_OPS",
        "apikey",
        "API_KEYS",
        "reader:read:key-of-the-reader,writer:write+read:key-of-the-writer,ops:ops:key-of-the-ops",
        NULL};
    world at;
    open_world(&at, settings);
    static const struct {
        const char *headers;
        int read, write, ops;
    } rows[] = {
        {"X-API-Key: key-of-the-reader\r\n", 200, 403, 403},
        {"X-API-Key: key-of-the-writer\r\n", 200, 200, 403},
        {"X-API-Key:  key-of-the-ops \r\n", 403, 403, 200},
        {"Authorization: Bearer key-of-the-ops\r\n", 403, 403, 200},
        {"authorization: bearer key-of-the-writer\r\n", 200, 200, 403},
        {"X-API-Key: key-of-the-reade\r\n", 401, 401, 401},
        {"X-API-Key: reader\r\n", 401, 401, 401},
        {"X-API-Key: \r\n", 401, 401, 401},
        {"Authorization: Basic key-of-the-ops\r\n", 401, 401, 401},
        {"", 401, 401, 401},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(ask_status(&at, "GET /read", rows[i].headers, NULL), rows[i].read);
        assert_int_equal(ask_status(&at, "POST /body", rows[i].headers, "{\"username\": \"x\"}"),
                         rows[i].write);
        assert_int_equal(ask_status(&at, "GET /ops", rows[i].headers, NULL), rows[i].ops);
    }
    assert_refused(ask(&at, "GET /ops", "", NULL), 401, "api_key_missing");
    assert_refused(ask(&at, "GET /ops", "X-API-Key: no\r\n", NULL), 401, "api_key_wrong");
    assert_refused(ask(&at, "GET /ops", "X-API-Key: key-of-the-ops\r\nX-API-Key: no\r\n", NULL), 400,
                   "malformed_head");
    close_world(&at);
}

static void preflights_need_no_token(void **state) {
    (void)state;
    world at;
    open_world(&at, jwt_everywhere);
    const char *answer = ask(&at, "OPTIONS /body", "Origin: https://a.example\r\n", NULL);
    assert_int_equal(status_of(answer), 204);
    assert_non_null(strstr(answer, "Access-Control-Allow-Headers: Content-Type, Authorization, X-API-Key"));
    assert_int_equal(ask_status(&at, "OPTIONS /ops", "", NULL), 405);
    close_world(&at);
}

static void who_asks_too_often_is_told_when_to_come_back(void **state) {
    (void)state;
    static const char *const settings[] = {"HTTP_REQUESTS_PER_CLIENT", "5", NULL};
    world at;
    open_world(&at, settings);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask_status(&at, "GET /nothing", "", NULL), 404); /* refused ones count too */
    }
    size_t more = 0; /* as many come through as seconds pass */
    while (more < 50 && ask_status(&at, "GET /nothing", "", NULL) == 404) {
        more++;
    }
    assert_in_range(more, 0, 10);
    int64_t refused = metrics_get(at.fixture.process.metrics, METRIC_HTTP_REFUSED_429);
    const char *answer = ask(&at, "GET /read", "X-Forwarded-For: 192.0.2.1\r\n", NULL); /* nobody's proxy */
    assert_refused(answer, 429, "rate_limited");
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    assert_int_equal(at.handled, 0);
    assert_int_equal(metrics_get(at.fixture.process.metrics, METRIC_HTTP_REFUSED_429), refused + 1);
    process_fixture_run_for(&at.fixture, 1000);
    assert_int_equal(ask_status(&at, "GET /read", "", NULL), 200);
    close_world(&at);
}

static void clients_behind_a_proxy_of_ours_are_told_apart(void **state) {
    (void)state;
    static const char *const settings[] = {"HTTP_REQUESTS_PER_CLIENT", "2", "TRUSTED_PROXIES", "127.0.0.0/8",
                                           NULL};
    world at;
    open_world(&at, settings);
    static const char *const clients[] = {"X-Forwarded-For: 192.0.2.1\r\n",
                                          "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n",
                                          "X-Forwarded-For: 2001:db8::1\r\n"};
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        assert_int_equal(ask_status(&at, "GET /read", clients[i], NULL), 200);
        assert_int_equal(ask_status(&at, "GET /read", clients[i], NULL), 200);
        assert_int_equal(ask_status(&at, "GET /read", clients[i], NULL), 429);
    }
    /* What a client writes in front changes nothing. */
    assert_int_equal(ask_status(&at, "GET /read", "X-Forwarded-For: 8.8.8.8, 192.0.2.2\r\n", NULL), 429);
    assert_int_equal(ask_status(&at, "GET /read", "X-Forwarded-For: 2001:db8::2\r\n", NULL),
                     429); /* the same /64 */
    close_world(&at);
}

static void a_target_or_head_over_its_limit_is_refused_in_json(void **state) {
    (void)state;
    static const char *const settings[] = {"HTTP_TARGET_MAX", "256", "HTTP_HEAD_MAX", "1024", NULL};
    world at;
    open_world(&at, settings);
    char target[400], headers[2048];
    snprintf(target, sizeof target, "GET /read?a=%0*d", 256 - 8, 0);
    assert_int_equal(ask_status(&at, target, "", NULL), 200);
    snprintf(target, sizeof target, "GET /read?a=%0*d", 256 - 7, 0);
    assert_refused(ask(&at, target, "", NULL), 414, "target_too_long");
    snprintf(target, sizeof target, "GET /%0*d", 256, 0);
    assert_refused(ask(&at, target, "", NULL), 414, "target_too_long");
    /* Host: test is 12 bytes with its line end, "/read" 5; a: and its blank and line end 5. */
    snprintf(headers, sizeof headers, "a: %0*d\r\n", 1024 - 12 - 5 - 5, 0);
    assert_int_equal(ask_status(&at, "GET /read", headers, NULL), 200);
    snprintf(headers, sizeof headers, "a: %0*d\r\n", 1024 - 12 - 5 - 5 + 1, 0);
    assert_refused(ask(&at, "GET /read", headers, NULL), 431, "head_too_large");
    close_world(&at);
}

static void the_tvs_endpoints_are_refused_in_their_own_words(void **state) {
    (void)state;
    world at;
    open_world(&at, jwt_everywhere);
    const char *answer = ask(&at, "POST /api/calls/presence", "", "{\"username\": \"bob\"}");
    assert_refused(answer, 401, "token_missing");
    assert_non_null(strstr(answer, "{\"success\":false,\"error\":"));
    assert_non_null(strstr(ask(&at, "GET /api/calls/nothing", "", NULL), "{\"success\":false,\"error\":"));
    assert_non_null(
        strstr(ask(&at, "DELETE /api/calls/presence", "", NULL), "{\"success\":false,\"error\":"));
    assert_null(strstr(ask(&at, "GET /nothing", "", NULL), "success"));
    close_world(&at);
}

static void settings_that_cannot_be_used_are_refused_at_start(void **state) {
    (void)state;
    static const char *const rows[][6] = {
        {"HTTP_AUTH_READ", "jwt", NULL},
        {"HTTP_AUTH_OPS", "apikey", NULL},
        {"HTTP_AUTH_OPS", "apikey", "API_KEYS", "a:b", NULL},
        {"HTTP_AUTH_OPS", "apikey", "API_KEYS_FILE", "/nowhere/at/all", NULL},
        {"HTTP_AUTH_WRITE", "jwt", "SECRET_KEY", "x", "JWT_ALGORITHM", "RS256"},
        {"TRUSTED_PROXIES", "localhost", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *settings[12] = {"HTTP_LISTEN", "127.0.0.1:0", "DEBUG", ""};
        memcpy(settings + 4, rows[i], sizeof rows[i]);
        process_fixture fixture;
        process_fixture_open(&fixture, API, settings);
        http_server_t *server = NULL;
        assert_false(http_server_is_usable(fixture.process.config));
        assert_int_equal(http_server_new(&server, &fixture.process, routes, 1, NULL), ZP_INVALID);
        assert_null(server);
        process_fixture_close(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_authentication_everybody_may_everything),
        cmocka_unit_test(without_a_token_nothing_but_the_open_area_is_served),
        cmocka_unit_test(a_user_writes_only_what_is_their_own),
        cmocka_unit_test(a_role_that_may_ops_may_write_for_others),
        cmocka_unit_test(a_token_that_has_ended_or_not_begun_is_refused),
        cmocka_unit_test(a_token_in_the_query_reads_and_does_nothing_else),
        cmocka_unit_test(a_key_opens_its_areas_and_no_others),
        cmocka_unit_test(preflights_need_no_token),
        cmocka_unit_test(who_asks_too_often_is_told_when_to_come_back),
        cmocka_unit_test(clients_behind_a_proxy_of_ours_are_told_apart),
        cmocka_unit_test(a_target_or_head_over_its_limit_is_refused_in_json),
        cmocka_unit_test(the_tvs_endpoints_are_refused_in_their_own_words),
        cmocka_unit_test(settings_that_cannot_be_used_are_refused_at_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
