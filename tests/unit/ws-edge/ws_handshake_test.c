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

static void refused(server_side *side, const char *bytes, const char *status, const char *code,
                    metric_id metric) {
    char answer[ANSWER_BYTES];
    int64_t before = metrics_get(side->metrics, metric);
    int fd = connect_client(side);
    send_bytes(side, fd, bytes, strlen(bytes));
    size_t len = receive_all(side, fd, answer, sizeof answer);
    assert_true(len > 0);
    assert_false(side->was_reset);
    assert_int_equal(strncmp(answer, status, strlen(status)), 0);
    assert_non_null(strstr(answer, code));
    assert_int_equal(answer[len - 1], '\n');
    assert_int_equal(metrics_get(side->metrics, metric), before + 1);
    close(fd);
    assert_int_equal(side->opened_count, 0);
}

static void the_refused_are_told_why(void **state) {
    server_side *side = *state;
    refused(side, "GET / HTTP/1.1\nHost: h\n\n", "HTTP/1.1 400 ", "\"malformed_request\"",
            METRIC_EDGE_REFUSED_MALFORMED);
    refused(side, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 426 ", "\"upgrade_required\"",
            METRIC_EDGE_REFUSED_NO_UPGRADE);
    refused(side,
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: "
            "Upgrade\r\nSec-WebSocket-Version: 8\r\n\r\n",
            "HTTP/1.1 426 ", "Sec-WebSocket-Version: 13\r\n", METRIC_EDGE_REFUSED_VERSION);
    refused(side,
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
    refused(side, much, "HTTP/1.1 400 ", "\"malformed_request\"", METRIC_EDGE_REFUSED_MALFORMED);
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
    refused(side, head, "HTTP/1.1 431 ", "\"head_too_large\"", METRIC_EDGE_REFUSED_TOO_LARGE);
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

static int start_narrow(void **state) {
    static const char *const settings[] = {"HANDSHAKES_MAX=3", NULL};
    return start_server_with(state, settings);
}

static int stop_narrow(void **state) {
    unsetenv("HANDSHAKES_MAX");
    return stop_server(state);
}

/* Who comes waits in the kernel meanwhile; an honest head is there long before it is slow. */
static void a_slow_head_makes_room_for_who_waits(void **state) {
    server_side *side = *state;
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = connect_client(side);
        turn_for(side, 10);
    }
    int waits = connect_client(side);
    turn_for(side, 20);
    char answer[ANSWER_BYTES];
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_EVICTED), 0);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_BACKLOG), 1);
    assert_true(receive_all(side, fds[0], answer, sizeof answer) > 0);
    assert_int_equal(strncmp(answer, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(strstr(answer, "Retry-After: "));
    assert_non_null(strstr(answer, "\"evicted\""));
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_EVICTED), 1);
    assert_true(metrics_get(side->metrics, METRIC_EDGE_DOOR_HELD_HEADS) > 0);
    assert_int_equal(recv(fds[1], answer, sizeof answer, 0), -1);
    assert_int_equal(errno, EAGAIN);
    shake_hands(side, waits, "/?token=u", "", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 101 ", 13), 0);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    close(waits);
}

/* Many more than HANDSHAKES_MAX come before any of them sends its head. */
static void a_crowd_whose_heads_come_soon_is_let_in_to_the_last(void **state) {
    server_side *side = *state;
    enum { CROWD = 30 };
    int fds[CROWD];
    for (int i = 0; i < CROWD; i++) {
        fds[i] = connect_client(side);
    }
    turn_for(side, 20);
    for (int i = 0; i < CROWD; i++) {
        char answer[ANSWER_BYTES];
        shake_hands(side, fds[i], "/?token=u", "", answer, sizeof answer);
        assert_int_equal(strncmp(answer, "HTTP/1.1 101 ", 13), 0);
        close(fds[i]);
        wait_for_count(side, &side->closed_count, (size_t)i + 1);
    }
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_EVICTED), 0);
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
    expect_refusal(side, "", "HTTP/1.1 429 ", METRIC_EDGE_REFUSED_RATE);
}

/* -- who waits before the door -- */

static int start_patient(void **state) {
    static const char *const settings[] = {"HANDSHAKE_WAIT_MS=200", "HANDSHAKE_RATE=20",
                                           "RECONNECT_SPREAD_MS=3000", NULL};
    return start_server_with(state, settings);
}

static int stop_patient(void **state) {
    unsetenv("HANDSHAKE_WAIT_MS");
    unsetenv("HANDSHAKE_RATE");
    unsetenv("RECONNECT_SPREAD_MS");
    return stop_server(state);
}

static int start_more_patient(void **state) {
    static const char *const settings[] = {"HANDSHAKE_WAIT_MS=1500", NULL};
    return start_server_with(state, settings);
}

static const char good_head[] =
    "GET /?token=u HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

static void beyond_the_rate_one_waits_and_then_is_told_when_to_come_again(void **state) {
    server_side *side = *state;
    enum { CROWD = 20 };
    int fds[CROWD];
    for (int i = 0; i < CROWD; i++) {
        fds[i] = connect_client(side);
        assert_int_equal(send(fds[i], good_head, sizeof good_head - 1, 0), sizeof good_head - 1);
    }
    unsigned accepted = 0, refused = 0;
    for (int i = 0; i < CROWD; i++) {
        char answer[ANSWER_BYTES] = "";
        assert_true(receive_bytes(side, fds[i], answer, 12));
        if (memcmp(answer, "HTTP/1.1 101", 12) == 0) {
            accepted++;
            close(fds[i]);
            continue;
        }
        refused++;
        receive_all(side, fds[i], answer + 12, sizeof answer - 12);
        assert_memory_equal(answer, "HTTP/1.1 503", 12);
        assert_non_null(strstr(answer, "\"server_busy\""));
        unsigned long seconds = strtoul(strstr(answer, "Retry-After: ") + strlen("Retry-After: "), NULL, 10);
        assert_in_range(seconds, 1, 3);
        close(fds[i]);
    }
    assert_false(side->was_reset);
    assert_in_range(accepted, 1, 8); /* one at once, and 20 a second, for 200 to 250 ms */
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_BUSY), refused);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_HANDSHAKES), accepted);
    assert_true(metrics_get(side->metrics, METRIC_EDGE_DOOR_HELD_RATE) > 0);
    turn_for(side, 60);
    close(open_client(side));
}

static void while_the_cores_are_behind_one_waits_and_comes_in_when_they_are_not(void **state) {
    server_side *side = *state;
    int in = open_client(side);
    side->congested = true;
    int fd = connect_client(side);
    send_bytes(side, fd, good_head, sizeof good_head - 1);
    turn_for(side, 100);
    char answer[ANSWER_BYTES];
    assert_int_equal(recv(fd, answer, sizeof answer, 0), -1);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_DOOR_HELD_CORES), 1);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_BACKLOG), 1);
    send_frame(side, in, 0x82, "still here", 10);
    wait_for_count(side, &side->messages_count, 1);
    side->congested = false;
    assert_true(receive_bytes(side, fd, answer, 12));
    assert_memory_equal(answer, "HTTP/1.1 101", 12);
    turn_for(side, 10);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_BACKLOG), 0);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_BUSY), 0);
    close(fd);
    side->congested = true;
    fd = connect_client(side);
    send_bytes(side, fd, good_head, sizeof good_head - 1);
    assert_true(receive_all(side, fd, answer, sizeof answer) > 0);
    assert_int_equal(strncmp(answer, "HTTP/1.1 503 ", 13), 0);
    close(fd);
    close(in);
}

/* -- behind a gateway -- */

static int start_behind_gateway(void **state) {
    static const char *const settings[] = {"TRUSTED_PROXIES=127.0.0.1", "SOCKETS_PER_ADDRESS=1",
                                           "HANDSHAKE_MAX=512", NULL};
    return start_server_with(state, settings);
}

static int stop_behind_gateway(void **state) {
    unsetenv("TRUSTED_PROXIES");
    unsetenv("SOCKETS_PER_ADDRESS");
    unsetenv("HANDSHAKE_MAX");
    return stop_server(state);
}

static const char two_header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\2\7\x7f\0\0\1\xdc\4\1\xbb"
                                 "\4\0\0"; /* 192.0.2.7, and a TLV without a value */

/* A client for whom a gateway says `preface`, in pieces of `piece` bytes; how the answer begins. */
static int come_by_gateway(server_side *side, const void *preface, size_t preface_bytes, const char *headers,
                           size_t piece, const char *wanted) {
    char bytes[2048];
    memcpy(bytes, preface, preface_bytes);
    int len = snprintf(bytes + preface_bytes, sizeof bytes - preface_bytes, "%.*s%s\r\n",
                       (int)sizeof good_head - 3, good_head, headers);
    size_t total = preface_bytes + (size_t)len;
    int fd = connect_client(side);
    for (size_t at = 0; at < total; at += piece) {
        send_bytes(side, fd, bytes + at, total - at < piece ? total - at : piece);
    }
    char answer[12];
    assert_true(receive_bytes(side, fd, answer, sizeof answer));
    assert_memory_equal(answer, wanted, sizeof answer);
    return fd;
}

static void leave(server_side *side, int fd) {
    size_t closed = side->closed_count;
    close(fd);
    wait_for_count(side, &side->closed_count, closed + 1);
}

static void a_gateway_says_whose_connection_it_is(void **state) {
    server_side *side = *state;
    static const char one[] = "PROXY TCP4 192.0.2.7 127.0.0.1 56324 443\r\n";
    static const char other[] = "PROXY TCP4 192.0.2.8 127.0.0.1 56324 443\r\n";
    for (size_t piece = 1; piece <= 2048; piece *= 4) {
        int first = come_by_gateway(side, two_header, sizeof two_header - 1, "", piece, "HTTP/1.1 101");
        close(come_by_gateway(side, one, sizeof one - 1, "", piece, "HTTP/1.1 429"));
        close(come_by_gateway(side, "", 0, "X-Forwarded-For: 192.0.2.7\r\n", piece, "HTTP/1.1 429"));
        int second = come_by_gateway(side, other, sizeof other - 1, "", piece, "HTTP/1.1 101");
        int third =
            come_by_gateway(side, "", 0, "X-Forwarded-For: 9.9.9.9, 192.0.2.9\r\n", piece, "HTTP/1.1 101");
        leave(side, first);
        leave(side, second);
        leave(side, third);
    }
}

static void a_gateway_may_speak_for_itself(void **state) {
    server_side *side = *state;
    static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    static const char unknown[] = "PROXY UNKNOWN\r\n";
    int first = come_by_gateway(side, local, sizeof local - 1, "", 2048, "HTTP/1.1 101");
    close(come_by_gateway(side, unknown, sizeof unknown - 1, "", 2048, "HTTP/1.1 429"));
    close(come_by_gateway(side, "", 0, "", 2048, "HTTP/1.1 429"));
    leave(side, first);
}

static void a_head_behind_a_header_has_all_its_room_and_no_more(void **state) {
    server_side *side = *state;
    char line[512];
    size_t spare = 512 - (sizeof good_head - 1) - strlen("x: \r\n");
    snprintf(line, sizeof line, "x: %0*d\r\n", (int)spare, 0);
    leave(side, come_by_gateway(side, two_header, sizeof two_header - 1, line, 2048, "HTTP/1.1 101"));
    snprintf(line, sizeof line, "x: %0*d\r\n", (int)spare + 1, 0);
    close(come_by_gateway(side, two_header, sizeof two_header - 1, line, 2048, "HTTP/1.1 431"));
    close(come_by_gateway(side, two_header, sizeof two_header - 1, line, 7, "HTTP/1.1 431"));
}

static void refused_byte_by_byte(server_side *side, const char *bytes, size_t len_bytes) {
    char answer[ANSWER_BYTES];
    int64_t before = metrics_get(side->metrics, METRIC_EDGE_REFUSED_MALFORMED);
    int fd = connect_client(side);
    for (size_t i = 0; i < len_bytes; i++) {
        send_bytes(side, fd, bytes + i, 1);
        turn_for(side, 1);
    }
    assert_true(receive_all(side, fd, answer, sizeof answer) > 0);
    assert_int_equal(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_MALFORMED), before + 1);
    close(fd);
}

/* What was taken before that was clear is looked at again. */
static void what_only_begins_like_a_header_is_judged_as_a_head(void **state) {
    server_side *side = *state;
    for (size_t len = 3; len < 12; len++) { /* a head may go on behind less of it */
        char bytes[13];
        memcpy(bytes, two_header, len);
        bytes[len] = 'X';
        refused_byte_by_byte(side, bytes, len + 1);
    }
    refused_byte_by_byte(side, "PROX / HTTP/1.1\n", 16);
    leave(side, come_by_gateway(side, "", 0, "", 1, "HTTP/1.1 101"));
}

static void a_broken_header_of_a_gateway_is_refused(void **state) {
    server_side *side = *state;
    close(come_by_gateway(side, "PROXY TCP9 \r\n", 13, "", 2048, "HTTP/1.1 400"));
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_PROXY_HEADER), 1);
}

static void of_strangers_a_header_is_refused_and_x_forwarded_for_is_not_believed(void **state) {
    server_side *side = *state;
    static const char one[] = "PROXY TCP4 192.0.2.7 127.0.0.1 56324 443\r\n";
    refused(side, one, "HTTP/1.1 400 ", "\"proxy_not_trusted\"", METRIC_EDGE_REFUSED_PROXY);
    refused(side, "PROXY ", "HTTP/1.1 400 ", "\"proxy_not_trusted\"", METRIC_EDGE_REFUSED_PROXY);
    close(come_by_gateway(side, two_header, sizeof two_header - 1, "", 2048, "HTTP/1.1 400"));
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_PROXY), 3);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_FORWARDED_IGNORED), 0);
    leave(side, come_by_gateway(side, "", 0, "X-Forwarded-For: 192.0.2.7\r\n", 2048, "HTTP/1.1 101"));
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_FORWARDED_IGNORED), 1);
}

static void accepting_pauses_while_descriptors_are_out(void **state) {
    server_side *side = *state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int in_backlog = connect_client(side); /* not accepted before the loop turns */
    struct rlimit tight = {.rlim_cur = (rlim_t)in_backlog + 1, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    turn_for(side, 350);
    int64_t pauses = metrics_get(side->metrics, METRIC_EDGE_ACCEPT_PAUSES);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_in_range(pauses, 1, 5);
    char answer[ANSWER_BYTES];
    shake_hands(side, in_backlog, "/?token=u", "", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 101 ", 13), 0);
    close(in_backlog);
}

static void expect_stopping(server_side *side, int fd) {
    char answer[ANSWER_BYTES];
    assert_true(receive_all(side, fd, answer, sizeof answer) > 0);
    assert_int_equal(strncmp(answer, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(strstr(answer, "\r\nRetry-After: "));
    assert_non_null(strstr(answer, "\"server_stopping\""));
    assert_false(side->was_reset);
    close(fd);
}

static void a_quiet_server_takes_nobody_and_keeps_those_who_are_in(void **state) {
    server_side *side = *state;
    int in = open_client(side);
    int halfway = connect_client(side);
    turn_for(side, 5);
    int waits = connect_client(side);
    ws_server_quiesce(side->server);
    expect_stopping(side, halfway);
    expect_stopping(side, waits);
    send_frame(side, in, 0x82, "still here", 10);
    wait_for_count(side, &side->messages_count, 1);
    close(in);
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
#define BEHIND_GATEWAY(test) cmocka_unit_test_setup_teardown(test, start_behind_gateway, stop_behind_gateway)
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
        cmocka_unit_test_setup_teardown(a_slow_head_makes_room_for_who_waits, start_narrow, stop_narrow),
        cmocka_unit_test_setup_teardown(a_crowd_whose_heads_come_soon_is_let_in_to_the_last, start_narrow,
                                        stop_narrow),
        IMPATIENT(a_full_server_says_so),
        WITH_SERVER(a_user_who_has_enough_is_refused),
        cmocka_unit_test_setup_teardown(an_address_and_a_page_have_their_limits, start_strict, stop_strict),
        cmocka_unit_test_setup_teardown(beyond_the_rate_one_waits_and_then_is_told_when_to_come_again,
                                        start_patient, stop_patient),
        cmocka_unit_test_setup_teardown(while_the_cores_are_behind_one_waits_and_comes_in_when_they_are_not,
                                        start_more_patient, stop_patient),
        BEHIND_GATEWAY(a_gateway_says_whose_connection_it_is),
        BEHIND_GATEWAY(a_gateway_may_speak_for_itself),
        BEHIND_GATEWAY(a_head_behind_a_header_has_all_its_room_and_no_more),
        BEHIND_GATEWAY(what_only_begins_like_a_header_is_judged_as_a_head),
        WITH_SERVER(what_only_begins_like_a_header_is_judged_as_a_head),
        BEHIND_GATEWAY(a_broken_header_of_a_gateway_is_refused),
        WITH_SERVER(of_strangers_a_header_is_refused_and_x_forwarded_for_is_not_believed),
        WITH_SERVER(accepting_pauses_while_descriptors_are_out),
        WITH_SERVER(a_quiet_server_takes_nobody_and_keeps_those_who_are_in),
        WITH_SERVER(an_address_that_is_taken_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
