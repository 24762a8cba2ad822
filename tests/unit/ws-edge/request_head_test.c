/* request_head: whom a handshake says it is from, and every way to refuse one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/ws-edge/core/request_head.h"

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UPGRADE "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define GOOD UPGRADE KEY VERSION

enum { HEAD_MAX_BYTES = 8192 };

/* As the front door does: finds the end, then parses. The heap copy has no byte to spare, so that an address
 * sanitizer sees a step too far. */
static request_refusal parse(const char *text, request_head *head, char **ret_bytes) {
    size_t len_bytes = strlen(text);
    char *bytes = malloc(len_bytes);
    assert_non_null(bytes);
    for (size_t i = 0; i < len_bytes; i++) { /* not a string: its NUL stays behind */
        bytes[i] = text[i];
    }
    *ret_bytes = bytes;
    size_t head_bytes = 0;
    zp_error found = request_head_find_end(str_view_make(bytes, len_bytes), 0, &head_bytes);
    if (found == ZP_INVALID) {
        return REFUSED_MALFORMED;
    }
    assert_int_equal(found, ZP_OK);
    request_refusal refusal = request_head_parse(bytes, head_bytes, head);
    return refusal == NOT_REFUSED ? request_head_check_identity(head) : refusal;
}

static const struct refusal_row {
    request_refusal refusal;
    const char *what, *text;
} refusal_rows[] = {
    {REFUSED_MALFORMED, "a bare LF", "GET /?token=u HTTP/1.1\r\n" GOOD "X: y\n\r\n"},
    {REFUSED_MALFORMED, "a bare LF at the end", "GET /?token=u HTTP/1.1\r\n" GOOD "\n"},
    {REFUSED_MALFORMED, "a bare CR", "GET /?token=u HTTP/1.1\r\n" GOOD "X: a\rb\r\n\r\n"},
    {REFUSED_MALFORMED, "no colon", "GET /?token=u HTTP/1.1\r\n" GOOD "X y\r\n\r\n"},
    {REFUSED_MALFORMED, "a control byte", "GET /?token=u HTTP/1.1\r\n" GOOD "X: \x01\r\n\r\n"},
    {REFUSED_MALFORMED, "DEL", "GET /?token=u HTTP/1.1\r\n" GOOD "X: \x7f\r\n\r\n"},
    {REFUSED_MALFORMED, "a folded line", "GET /?token=u HTTP/1.1\r\n" GOOD "X: y\r\n z\r\n\r\n"},
    {REFUSED_MALFORMED, "a folded line by tab", "GET /?token=u HTTP/1.1\r\n" GOOD "X: y\r\n\tz: 1\r\n\r\n"},
    {REFUSED_MALFORMED, "obs-text in a name", "GET /?token=u HTTP/1.1\r\n" GOOD "X\xe9: y\r\n\r\n"},
    {REFUSED_MALFORMED, "an empty name", "GET /?token=u HTTP/1.1\r\n" GOOD ": y\r\n\r\n"},
    {REFUSED_MALFORMED, "a blank before the colon", "GET /?token=u HTTP/1.1\r\n" GOOD "X : y\r\n\r\n"},
    {REFUSED_MALFORMED, "an empty request line", "\r\nGET /?token=u HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_MALFORMED, "nothing", "\r\n\r\n"},
    {REFUSED_MALFORMED, "HTTP/1.0", "GET /?token=u HTTP/1.0\r\n" GOOD "\r\n"},
    {REFUSED_MALFORMED, "HTTP/2.0", "GET /?token=u HTTP/2.0\r\n" GOOD "\r\n"},
    {REFUSED_MALFORMED, "no version", "GET /?token=u\r\n" GOOD "\r\n"},
    {REFUSED_MALFORMED, "three blanks", "GET /?token=u HTTP/1.1 \r\n" GOOD "\r\n"},
    {REFUSED_MALFORMED, "no host",
     "GET /?token=u HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" KEY VERSION "\r\n"},
    {REFUSED_MALFORMED, "a blank within a subprotocol",
     "GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: a b\r\n\r\n"},
    {REFUSED_TARGET, "no slash", "GET token=u HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_TARGET, "a fragment", "GET /?token=u#x HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_TARGET, "raw bytes", "GET /?token=\xc3\xa9 HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_TARGET, "a broken escape", "GET /?token=%4 HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_TARGET, "an escape of no digits", "GET /?deviceId=%4g HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_TARGET, "another scheme", "GET ftp://h/?token=u HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_DUPLICATE, "two keys", "GET /?token=u HTTP/1.1\r\n" GOOD KEY "\r\n"},
    {REFUSED_DUPLICATE, "two versions", "GET /?token=u HTTP/1.1\r\n" GOOD VERSION "\r\n"},
    {REFUSED_DUPLICATE, "two hosts", "GET /?token=u HTTP/1.1\r\n" GOOD "host: i\r\n\r\n"},
    {REFUSED_DUPLICATE, "two tokens", "GET / HTTP/1.1\r\n" GOOD "token: a\r\nTOKEN: b\r\n\r\n"},
    {REFUSED_DUPLICATE, "two empty tokens", "GET / HTTP/1.1\r\n" GOOD "token:\r\ntoken: b\r\n\r\n"},
    {REFUSED_DUPLICATE, "two authorizations",
     "GET / HTTP/1.1\r\n" GOOD "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n"},
    {REFUSED_BODY, "a content length", "GET /?token=u HTTP/1.1\r\n" GOOD "Content-Length: 5\r\n\r\n"},
    {REFUSED_BODY, "chunks", "GET /?token=u HTTP/1.1\r\n" GOOD "Transfer-Encoding: chunked\r\n\r\n"},
    {REFUSED_METHOD, "POST", "POST /?token=u HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_METHOD, "lower case", "get /?token=u HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_NO_UPGRADE, "a browser's address bar", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {REFUSED_NO_UPGRADE, "another upgrade",
     "GET /?token=u HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" KEY VERSION "\r\n"},
    {REFUSED_NO_UPGRADE, "no connection header",
     "GET /?token=u HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n" KEY VERSION "\r\n"},
    {REFUSED_NO_UPGRADE, "connection: keep-alive",
     "GET /?token=u HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive\r\n" KEY VERSION
     "\r\n"},
    {REFUSED_VERSION, "version 8",
     "GET /?token=u HTTP/1.1\r\n" UPGRADE KEY "Sec-WebSocket-Version: 8\r\n\r\n"},
    {REFUSED_VERSION, "no version", "GET /?token=u HTTP/1.1\r\n" UPGRADE KEY "\r\n"},
    {REFUSED_KEY, "no key", "GET /?token=u HTTP/1.1\r\n" UPGRADE VERSION "\r\n"},
    {REFUSED_KEY, "15 bytes",
     "GET /?token=u HTTP/1.1\r\n" UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n\r\n"},
    {REFUSED_KEY, "17 bytes",
     "GET /?token=u HTTP/1.1\r\n" UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZWU=\r\n\r\n"},
    {REFUSED_KEY, "no base64",
     "GET /?token=u HTTP/1.1\r\n" UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==\r\n\r\n"},
    {REFUSED_NO_TOKEN, "none", "GET / HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_NO_TOKEN, "all empty",
     "GET /?token= HTTP/1.1\r\n" GOOD
     "token: \r\nAuthorization: Bearer \r\nSec-WebSocket-Protocol: ,\r\n\r\n"},
    {REFUSED_NO_TOKEN, "another scheme", "GET / HTTP/1.1\r\n" GOOD "Authorization: Basic dTpw\r\n\r\n"},
    {REFUSED_USER_ID, "a control character", "GET /?token=a%07b HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_USER_ID, "a NUL", "GET /?token=a%00 HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_USER_ID, "a tab", "GET / HTTP/1.1\r\n" GOOD "token: a\tb\r\n\r\n"},
    {REFUSED_USER_ID, "broken UTF-8", "GET /?token=%c3 HTTP/1.1\r\n" GOOD "\r\n"},
    {REFUSED_USER_ID, "broken UTF-8 in a header", "GET / HTTP/1.1\r\n" GOOD "token: \xff\r\n\r\n"},
    {REFUSED_DEVICE, "broken UTF-8", "GET /?token=u&deviceId=%ff HTTP/1.1\r\n" GOOD "\r\n"},
};

static void each_wrong_head_is_refused_for_its_reason(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refusal_rows / sizeof refusal_rows[0]; i++) {
        const struct refusal_row *row = &refusal_rows[i];
        request_head head = {0};
        char *bytes = NULL;
        request_refusal got = parse(row->text, &head, &bytes);
        if (got != row->refusal) {
            print_error("%s (%s): %s\n", row->what, request_refusal_code(row->refusal),
                        request_refusal_code(got));
        }
        assert_int_equal(got, row->refusal);
        free(bytes);
    }
}

#define X128                                                                                                 \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
    "xxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X64 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const struct good_row {
    const char *text, *token, *device, *echo, *flags; /* n: native token, a: arrays, f: full, s: snapshot */
} good_rows[] = {
    {"GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: 123, dev1\r\n\r\n", "123", "dev1", "dev1", ""},
    {"GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: 123\r\n\r\n", "123", "", "123", ""},
    {"GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: 123\r\nSec-WebSocket-Protocol: dev1,c,d\r\n\r\n",
     "123", "dev1", "dev1", ""},
    {"GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: , 123,,dev1 ,\r\n\r\n", "123", "dev1", "dev1", ""},
    {"GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: a@b.c,x=1;y\r\n\r\n", "a@b.c", "x=1;y", "x=1;y", ""},
    {"GET /?token=q&deviceId=w HTTP/1.1\r\n" GOOD
     "token: t\r\nvoicepingtoken: v\r\nAuthorization: Bearer b\r\n"
     "device_id: d1\r\ndeviceid: d2\r\nSec-WebSocket-Protocol: s0,s1\r\n\r\n",
     "t", "d1", "s1", "n"},
    {"GET /?token=q&deviceId=w HTTP/1.1\r\n" GOOD "voicepingtoken: v\r\nAuthorization: Bearer b\r\n"
     "deviceid: d2\r\nSec-WebSocket-Protocol: s0,s1\r\n\r\n",
     "v", "d2", "s1", "n"},
    {"GET /?token=q&deviceId=w HTTP/1.1\r\n" GOOD
     "Authorization: bearer  b \r\nSec-WebSocket-Protocol: s0,s1\r\n\r\n",
     "b", "s1", "s1", ""},
    {"GET /?token=q&deviceId=w HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: s0\r\n\r\n", "s0", "w", "s0", ""},
    {"GET /?token=q&deviceId=w HTTP/1.1\r\n" GOOD "\r\n", "q", "w", "", ""},
    {"GET /?token=q HTTP/1.1\r\n" GOOD "\r\n", "q", "", "", ""},
    {"GET /?token=&token=q&x&=&deviceId HTTP/1.1\r\n" GOOD "\r\n", "q", "", "", ""},
    {"GET /?token=a%20b%2Bc+d%C3%A9&deviceId=%41 HTTP/1.1\r\n" GOOD "\r\n", "a b+c d\xc3\xa9", "A", "", ""},
    {"GET /?token=q&snapshot=1 HTTP/1.1\r\n" GOOD "\r\n", "q", "", "", "s"},
    {"GET /?token=q&snapshot=0 HTTP/1.1\r\n" GOOD "\r\n", "q", "", "", ""},
    {"GET /?token=q&wire=array HTTP/1.1\r\n" GOOD "\r\n", "q", "", "", "a"},
    {"GET /?token=q&wire=map&statuses=full HTTP/1.1\r\n" GOOD "\r\n", "q", "", "", "f"},
    {"GET /deep/path?token=" X128 "&deviceId=" X64 " HTTP/1.1\r\n" GOOD "\r\n", X128, X64, "", ""},
    {"GET http://example.com:3000/?token=q HTTP/1.1\r\n" GOOD "\r\n", "q", "", "", ""},
    {"GET ws://example.com/?token=q HTTP/1.1\r\n" GOOD "\r\n", "q", "", "", ""},
    {"GET /?token=q HTTP/1.1\r\nHOST:h\r\nuPGRADE: foo, WebSocket\r\nConnection: keep-alive, upgrade\r\n"
     "sec-websocket-key:dGhlIHNhbXBsZSBub25jZQ==\t\r\nSEC-WEBSOCKET-VERSION:13\r\nContent-Length: 0\r\n"
     "Sec-WebSocket-Extensions: permessage-deflate\r\nX-Text: caf\xe9\r\n\r\n",
     "q", "", "", ""},
    {"GET / HTTP/1.1\r\n" GOOD "token: \xc3\xa9\r\n\r\n", "\xc3\xa9", "", "", "n"},
};

static void a_good_head_says_who_it_is_from(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good_rows / sizeof good_rows[0]; i++) {
        const struct good_row *row = &good_rows[i];
        request_head head = {0};
        char *bytes = NULL;
        request_refusal got = parse(row->text, &head, &bytes);
        if (got != NOT_REFUSED) {
            print_error("%s: %s\n", row->text, request_refusal_code(got));
        }
        assert_int_equal(got, NOT_REFUSED);
        assert_true(str_view_equal(head.token, str_view_of(row->token)));
        assert_true(str_view_equal(head.device, str_view_of(row->device)));
        assert_true(str_view_equal(request_head_echo(&head), str_view_of(row->echo)));
        assert_true(str_view_equal(head.key, str_view_of("dGhlIHNhbXBsZSBub25jZQ==")));
        assert_int_equal(head.native_token, strchr(row->flags, 'n') != NULL);
        assert_int_equal(head.wire_array, strchr(row->flags, 'a') != NULL);
        assert_int_equal(head.statuses_full, strchr(row->flags, 'f') != NULL);
        assert_int_equal(head.snapshot, strchr(row->flags, 's') != NULL);
        free(bytes);
    }
}

static void ids_one_byte_too_long_are_refused(void **state) {
    (void)state;
    request_head head;
    char *bytes = NULL;
    assert_int_equal(parse("GET /?token=" X128 "x HTTP/1.1\r\n" GOOD "\r\n", &head, &bytes), REFUSED_USER_ID);
    free(bytes);
    assert_int_equal(parse("GET /?token=u&deviceId=" X64 "x HTTP/1.1\r\n" GOOD "\r\n", &head, &bytes),
                     REFUSED_DEVICE);
    free(bytes);
}

/* A JWT of 4 KB is a token; that it is no user id is another question. */
static void a_token_may_be_as_long_as_the_head(void **state) {
    (void)state;
    char text[HEAD_MAX_BYTES];
    char token[4001];
    memset(token, 'j', sizeof token - 1);
    token[sizeof token - 1] = '\0';
    int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n" GOOD "Sec-WebSocket-Protocol: %s, dev\r\n\r\n",
                       token);
    request_head head;
    assert_int_equal(request_head_parse(text, (size_t)len, &head), NOT_REFUSED);
    assert_true(str_view_equal(head.token, str_view_of(token)));
    assert_true(str_view_equal(request_head_echo(&head), str_view_of("dev")));
    assert_int_equal(request_head_check_identity(&head), REFUSED_USER_ID);
}

static void the_end_is_found_however_the_head_arrives(void **state) {
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nA: b\r\n\r\n\x82\x85 and a frame\n";
    size_t head_bytes = strlen("GET / HTTP/1.1\r\nA: b\r\n\r\n");
    for (size_t seen = 0; seen < head_bytes; seen++) {
        size_t found_bytes = 0;
        assert_int_equal(
            request_head_find_end(str_view_make(text, seen), seen > 0 ? seen - 1 : 0, &found_bytes),
            ZP_INCOMPLETE);
        assert_int_equal(request_head_find_end(str_view_make(text, sizeof text - 1), seen, &found_bytes),
                         ZP_OK);
        assert_int_equal(found_bytes, head_bytes);
    }
}

static void every_answer_is_whole_and_names_its_code(void **state) {
    (void)state;
    static const int statuses[REFUSALS_COUNT] = {
#define X(id, status, code, text) [id] = status,
        REFUSALS(X)
#undef X
    };
    for (int refusal = NOT_REFUSED + 1; refusal < REFUSALS_COUNT; refusal++) {
        char answer[REFUSAL_ANSWER_BYTES];
        size_t len = request_refusal_answer((request_refusal)refusal, 7, answer);
        assert_int_equal(len, strlen(answer));
        char begin[32];
        snprintf(begin, sizeof begin, "HTTP/1.1 %d ", statuses[refusal]);
        assert_int_equal(strncmp(answer, begin, strlen(begin)), 0);
        const char *body = strstr(answer, "\r\n\r\n{\"error\":\"");
        assert_non_null(body);
        assert_non_null(strstr(body, request_refusal_code((request_refusal)refusal)));
        assert_non_null(strstr(answer, "Connection: close"));
        assert_int_equal(strstr(answer, "Sec-WebSocket-Version: 13") != NULL, statuses[refusal] == 426);
        assert_int_equal(strstr(answer, "\r\nRetry-After: 1\r\n") != NULL, statuses[refusal] == 429);
        assert_int_equal(strstr(answer, "\r\nRetry-After: 7\r\n") != NULL, statuses[refusal] == 503);
    }
}

static void what_the_operator_should_know_of_is_told_apart(void **state) {
    (void)state;
    assert_true(request_refusal_is_limit(REFUSED_RATE));
    assert_true(request_refusal_is_limit(REFUSED_TOO_LARGE));
    assert_true(request_refusal_is_limit(REFUSED_FULL));
    assert_true(request_refusal_is_limit(REFUSED_PROXY));
    assert_false(request_refusal_is_limit(REFUSED_MALFORMED));
    assert_false(request_refusal_is_limit(REFUSED_NO_TOKEN));
}

static void every_line_of_x_forwarded_for_is_kept_in_order(void **state) {
    (void)state;
    char text[] = "GET /?token=u HTTP/1.1\r\nHost: h\r\nx-forwarded-for: 192.0.2.1, 192.0.2.2\r\n"
                  "Upgrade: websocket\r\nX-Forwarded-For:\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                  "X-FORWARDED-FOR: 192.0.2.3 \r\n\r\n";
    request_head head;
    assert_int_equal(request_head_parse(text, sizeof text - 1, &head), NOT_REFUSED);
    assert_int_equal(head.forwarded.count, 3);
    assert_true(str_view_equal(head.forwarded.values[0], str_view_of("192.0.2.1, 192.0.2.2")));
    assert_true(str_view_equal(head.forwarded.values[1], str_view_of("")));
    assert_true(str_view_equal(head.forwarded.values[2], str_view_of("192.0.2.3")));
}

/* Each row cut short and each byte changed: whatever comes of it, no step outside of the bytes. */
static void no_mutation_reads_too_far(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof good_rows / sizeof good_rows[0]; i++) {
        size_t len_bytes = strlen(good_rows[i].text);
        for (size_t at = 0; at < len_bytes; at++) {
            static const char changes[] = "\r\n :,%?&=#\t\x80\x01";
            for (size_t c = 0; c < sizeof changes - 1; c++) {
                char *copy = malloc(len_bytes + 1);
                assert_non_null(copy);
                memcpy(copy, good_rows[i].text, len_bytes + 1);
                copy[at] = changes[c];
                size_t head_bytes = 0;
                if (request_head_find_end(str_view_make(copy, len_bytes), 0, &head_bytes) == ZP_OK) {
                    char *exact = malloc(head_bytes);
                    assert_non_null(exact);
                    memcpy(exact, copy, head_bytes);
                    request_head head;
                    if (request_head_parse(exact, head_bytes, &head) == NOT_REFUSED) {
                        assert_true(head.token.len > 0 && head.key.len == WEBSOCKET_KEY_BYTES);
                        assert_true(request_head_check_identity(&head) < REFUSALS_COUNT);
                    }
                    free(exact);
                }
                free(copy);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wrong_head_is_refused_for_its_reason),
        cmocka_unit_test(a_good_head_says_who_it_is_from),
        cmocka_unit_test(ids_one_byte_too_long_are_refused),
        cmocka_unit_test(a_token_may_be_as_long_as_the_head),
        cmocka_unit_test(the_end_is_found_however_the_head_arrives),
        cmocka_unit_test(every_answer_is_whole_and_names_its_code),
        cmocka_unit_test(what_the_operator_should_know_of_is_told_apart),
        cmocka_unit_test(every_line_of_x_forwarded_for_is_kept_in_order),
        cmocka_unit_test(no_mutation_reads_too_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
