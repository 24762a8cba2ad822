/* ws_server and its front door: who gets in, as whom, and what the others are told; through real sockets. */
#include "tests/unit/ws-edge/socket_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 8192 };

static void expect_handshake(server_side *side, const char *target, const char *headers, const char *echo) {
    char answer[ANSWER_BYTES];
    size_t opened = side->opened_count;
    int fd = connect_client(side);
    shake_hands(side, fd, target, headers, answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 101 ", 13), 0);
    assert_non_null(
        strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")); /* RFC 6455 1.3 */
    const char *named = strstr(answer, "ec-websocket-protocol: ");
    if (echo) {
        assert_non_null(named);
        named += strlen("ec-websocket-protocol: ");
        assert_int_equal(strncmp(named, echo, strlen(echo)), 0);
        assert_int_equal(named[strlen(echo)], '\r');
    } else {
        assert_null(named);
    }
    assert_int_equal(side->opened_count, opened + 1);
    close(fd);
    wait_for_count(side, &side->closed_count, opened + 1);
}

static void token_and_device_come_as_subprotocols(void **state) {
    server_side *side = *state;
    expect_handshake(side, "/", "Sec-WebSocket-Protocol: alice, phone\r\n", "phone");
    assert_string_equal(side->user_id, "alice");
    assert_string_equal(side->device, "phone");
    assert_int_equal(side->form, WIRE_MAP_BASIC);
}

/* What libwebsockets would refuse: names of digits, names over 63 bytes, lists over 127. */
static void subprotocols_may_be_anything_that_a_browser_offers(void **state) {
    server_side *side = *state;
    expect_handshake(side, "/", "Sec-WebSocket-Protocol: 6591234567\r\n", "6591234567");
    assert_string_equal(side->user_id, "6591234567");
    expect_handshake(side, "/", "Sec-WebSocket-Protocol: 123, 456\r\n", "456");
    assert_string_equal(side->user_id, "123");
    char header[4096 + 64];
    char name[4001];
    memset(name, 'j', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    name[2000] = '\0';
    snprintf(header, sizeof header, "token: bob\r\nSec-WebSocket-Protocol: %s, tv\r\n", name);
    expect_handshake(side, "/", header, "tv");
    assert_string_equal(side->user_id, "bob");
    assert_string_equal(side->device, "tv");
    snprintf(header, sizeof header, "token: bob\r\nSec-WebSocket-Protocol: %s\r\n", name);
    expect_handshake(side, "/", header, name);
    snprintf(header, sizeof header,
             "token: bob\r\nSec-WebSocket-Protocol: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p\r\n");
    expect_handshake(side, "/", header, "b");
}

static void token_and_device_come_in_headers_and_query(void **state) {
    server_side *side = *state;
    expect_handshake(side, "/", "token: carol\r\ndevice_id: d1\r\n", NULL);
    assert_string_equal(side->user_id, "carol");
    assert_string_equal(side->device, "d1");
    assert_int_equal(side->form, WIRE_ARRAY_BASIC);
    expect_handshake(side, "/?statuses=full", "voicepingtoken: dave\r\ndeviceid: d2\r\n", NULL);
    assert_string_equal(side->user_id, "dave");
    assert_int_equal(side->form, WIRE_ARRAY_FULL);
    expect_handshake(side, "/", "Authorization: Bearer erin\r\n", NULL);
    assert_string_equal(side->user_id, "erin");
    assert_int_equal(side->form, WIRE_MAP_BASIC);
    expect_handshake(side, "/?token=f%C3%A9lix&deviceId=d%203&statuses=full", "", NULL);
    assert_string_equal(side->user_id, "f\xc3\xa9lix");
    assert_string_equal(side->device, "d 3");
    assert_int_equal(side->form, WIRE_MAP_FULL);
    expect_handshake(side, "/?token=gina&wire=array", "", NULL);
    assert_int_equal(side->form, WIRE_ARRAY_BASIC);
}

static void a_device_that_is_not_named_is_derived_and_does_not_show_the_token(void **state) {
    server_side *side = *state;
    expect_handshake(side, "/?token=abc", "", NULL);
    assert_string_equal(side->device, "t-ba7816bf8f01cfea"); /* SHA-256 of "abc", FIPS 180-2 */
}

/* lws gets a head of our making: nothing that a client writes into its own reaches it. */
static void extensions_and_other_headers_change_nothing(void **state) {
    server_side *side = *state;
    char answer[ANSWER_BYTES];
    int fd = connect_client(side);
    shake_hands(side, fd, "/?token=u",
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nOrigin: http://x\r\n"
                "X-Forwarded-For: 1.2.3.4\r\nCookie: a=b\r\nKeep-Alive: 5\r\n",
                answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 101 ", 13), 0);
    assert_null(strstr(answer, "xtensions"));
    close(fd);
}

static void frames_right_behind_the_head_are_not_lost(void **state) {
    server_side *side = *state;
    static const char bytes[] =
        "GET /?token=u HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        "\x82\x83\0\0\0\0one\x82\x83\0\0\0\0two\x89\x81\0\0\0\0p\x82\x85\0\0\0\0three";
    for (size_t piece = sizeof bytes - 1; piece > 0; piece = piece * 2 / 3) {
        size_t messages_count = side->messages_count;
        int fd = connect_client(side);
        for (size_t at = 0; at < sizeof bytes - 1; at += piece) {
            send_bytes(side, fd, bytes + at, sizeof bytes - 1 - at < piece ? sizeof bytes - 1 - at : piece);
        }
        wait_for_count(side, &side->messages_count, messages_count + 3);
        assert_int_equal(side->message_bytes, 5);
        assert_memory_equal(side->message, "three", 5);
        close(fd);
    }
}

static void the_refused_are_told_why(void **state) {
    server_side *side = *state;
    expect_refused(side, "GET / HTTP/1.1\nHost: h\n\n", "HTTP/1.1 400 ", "\"malformed_request\"",
                   METRIC_EDGE_REFUSED_MALFORMED);
    expect_refused(side, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 426 ", "\"upgrade_required\"",
                   METRIC_EDGE_REFUSED_NO_UPGRADE);
    expect_refused(side,
                   "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: "
                   "Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
                   "HTTP/1.1 426 ", "Sec-WebSocket-Version: 13\r\n", METRIC_EDGE_REFUSED_VERSION);
    expect_refused(side,
                   "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: "
                   "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                   "HTTP/1.1 401 ", "\"token_missing\"", METRIC_EDGE_REFUSED_NO_TOKEN);
}

/* With bytes left unread a close would be a reset, and the client would lose its answer. */
static void the_answer_survives_what_the_client_still_sends(void **state) {
    server_side *side = *state;
    static char much[100000];
    memset(much, 'x', sizeof much);
    much[0] = '\n';
    much[sizeof much - 1] = '\0';
    expect_refused(side, much, "HTTP/1.1 400 ", "\"malformed_request\"", METRIC_EDGE_REFUSED_MALFORMED);
}

static void a_head_that_is_too_large_is_refused_and_one_that_just_fits_is_not(void **state) {
    server_side *side = *state;
    char head[9000];
    int len = snprintf(head, sizeof head,
                       "GET /?token=u HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX: ");
    memset(head + len, 'x', sizeof head - (size_t)len);
    memcpy(head + 8192 - 4, "\r\n\r\n", 5);
    char answer[ANSWER_BYTES];
    int fd = connect_client(side);
    send_bytes(side, fd, head, 8192);
    assert_true(receive_bytes(side, fd, answer, 12));
    assert_memory_equal(answer, "HTTP/1.1 101", 12);
    close(fd);
    wait_for_count(side, &side->closed_count, 1);
    side->opened_count = side->closed_count = 0;
    memset(head + 8192 - 4, 'x', 4);
    memcpy(head + 8193 - 4, "\r\n\r\n", 5);
    expect_refused(side, head, "HTTP/1.1 431 ", "\"head_too_large\"", METRIC_EDGE_REFUSED_TOO_LARGE);
}

static int start_impatient(void **state) {
    static const char *const settings[] = {"HANDSHAKE_TIMEOUT=600", "SOCKETS_MAX=2", NULL};
    return start_server_with(state, settings);
}

static int stop_impatient(void **state) {
    unsetenv("HANDSHAKE_TIMEOUT");
    unsetenv("SOCKETS_MAX");
    return stop_server(state);
}

static void a_head_that_does_not_come_in_time_ends_the_connection(void **state) {
    server_side *side = *state;
    char answer[64];
    int fd = connect_client(side);
    send_bytes(side, fd, "GET / HT", 8);
    turn_for(side, 100);
    send_bytes(side, fd, "TP", 2); /* progress does not help */
    assert_int_equal(recv(fd, answer, sizeof answer, 0), -1);
    assert_int_equal(receive_all(side, fd, answer, sizeof answer), 0);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_HANDSHAKES_SLOW), 1);
    close(fd);
}

static void a_full_server_says_so(void **state) {
    server_side *side = *state;
    int first = open_client(side);
    int second = open_client(side);
    char answer[ANSWER_BYTES];
    int third = connect_client(side);
    shake_hands(side, third, "/?token=u", "", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(strstr(answer, "\r\nRetry-After: "));
    assert_int_equal(ws_server_sockets_count(side->server), 2);
    close(third);
    close(first);
    wait_for_count(side, &side->closed_count, 1);
    third = open_client(side);
    close(second);
    close(third);
}

static void expect_refusal(server_side *side, const char *headers, const char *status, metric_id metric) {
    char answer[ANSWER_BYTES];
    int fd = connect_client(side);
    shake_hands(side, fd, "/?token=u", headers, answer, sizeof answer);
    assert_int_equal(strncmp(answer, status, strlen(status)), 0);
    assert_int_equal(metrics_get(side->metrics, metric), 1);
    close(fd);
}

static void a_user_who_has_enough_is_refused(void **state) {
    server_side *side = *state;
    side->user_is_full = true;
    expect_refusal(side, "", "HTTP/1.1 429 ", METRIC_EDGE_REFUSED_USER_FULL);
    assert_int_equal(side->opened_count, 0);
    side->user_is_full = false;
    close(open_client(side));
    wait_for_count(side, &side->closed_count, 1);
}

static int start_strict(void **state) {
    static const char *const settings[] = {"HANDSHAKES_PER_ADDRESS=4", "SOCKETS_PER_ADDRESS=1",
                                           "WS_ORIGINS=https://a.example", NULL};
    return start_server_with(state, settings);
}

static int stop_strict(void **state) {
    unsetenv("HANDSHAKES_PER_ADDRESS");
    unsetenv("SOCKETS_PER_ADDRESS");
    unsetenv("WS_ORIGINS");
    return stop_server(state);
}

/* What is refused for its origin takes a handshake too. */
static void an_address_and_a_page_have_their_limits(void **state) {
    server_side *side = *state;
    int first = open_client(side);
    expect_refusal(side, "Origin: https://b.example\r\n", "HTTP/1.1 403 ", METRIC_EDGE_REFUSED_ORIGIN);
    expect_refusal(side, "Origin: https://a.example\r\n", "HTTP/1.1 429 ", METRIC_EDGE_REFUSED_ADDRESS_FULL);
    close(first);
    wait_for_count(side, &side->closed_count, 1);
    close(open_client(side));
    wait_for_count(side, &side->closed_count, 2);
    /* The fifth within a second, where this machine is fast enough. */
    for (int i = 0; i < 50 && metrics_get(side->metrics, METRIC_EDGE_REFUSED_RATE) == 0; i++) {
        char answer[ANSWER_BYTES];
        int fd = connect_client(side);
        shake_hands(side, fd, "/?token=u", "", answer, sizeof answer);
        close(fd);
    }
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_RATE), 1);
}

static void an_address_that_is_taken_is_an_error(void **state) {
    server_side *side = *state;
    const ws_server_events events = {0};
    ws_server_t *second = NULL;
    setenv("WS_LISTEN", "256.256.256.256:1", 1);
    char *argv[] = {(char *)"ws-edge", NULL};
    config_t *config = NULL;
    bool leave = false;
    assert_int_equal(config_load(&config, &leave, EDGE, 1, argv), ZP_OK);
    ws_server_destroy(&side->server);
    assert_int_equal(ws_server_new(&second, &side->loop, config, side->metrics, &events, NULL), ZP_SYSTEM);
    assert_null(second);
    config_destroy(&config);
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)
#define IMPATIENT(test) cmocka_unit_test_setup_teardown(test, start_impatient, stop_impatient)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(token_and_device_come_as_subprotocols),
        WITH_SERVER(subprotocols_may_be_anything_that_a_browser_offers),
        WITH_SERVER(token_and_device_come_in_headers_and_query),
        WITH_SERVER(a_device_that_is_not_named_is_derived_and_does_not_show_the_token),
        WITH_SERVER(extensions_and_other_headers_change_nothing),
        WITH_SERVER(frames_right_behind_the_head_are_not_lost),
        WITH_SERVER(the_refused_are_told_why),
        WITH_SERVER(the_answer_survives_what_the_client_still_sends),
        WITH_SERVER(a_head_that_is_too_large_is_refused_and_one_that_just_fits_is_not),
        IMPATIENT(a_head_that_does_not_come_in_time_ends_the_connection),
        IMPATIENT(a_full_server_says_so),
        WITH_SERVER(a_user_who_has_enough_is_refused),
        cmocka_unit_test_setup_teardown(an_address_and_a_page_have_their_limits, start_strict, stop_strict),
        WITH_SERVER(an_address_that_is_taken_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
