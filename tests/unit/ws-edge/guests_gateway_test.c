/* guests behind a gateway: whom its PROXY header and X-Forwarded-For name, and who is not believed; through
 * real sockets. */
#include "tests/unit/ws-edge/socket_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 8192 };

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
                       (int)good_head.len - 2, good_head.ptr, headers);
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

static int start_behind_busy_gateway(void **state) {
    static const char *const settings[] = {"TRUSTED_PROXIES=127.0.0.1", "HANDSHAKES_PER_ADDRESS=1",
                                           "HANDSHAKE_RATE=2", NULL};
    return start_server_with(state, settings);
}

static int stop_behind_busy_gateway(void **state) {
    unsetenv("TRUSTED_PROXIES");
    unsetenv("HANDSHAKES_PER_ADDRESS");
    unsetenv("HANDSHAKE_RATE");
    return stop_server(state);
}

/* Of HANDSHAKE_RATE, which is everybody's, they would take ten seconds. */
static void who_floods_through_a_gateway_uses_up_nothing_of_others(void **state) {
    server_side *side = *state;
    enum { FLOOD = 20 };
    static const char one[] = "PROXY TCP4 192.0.2.7 127.0.0.1 56324 443\r\n";
    static const char other[] = "PROXY TCP4 192.0.2.8 127.0.0.1 56324 443\r\n";
    uint64_t began_ns = uv_hrtime();
    leave(side, come_by_gateway(side, one, sizeof one - 1, "", 2048, "HTTP/1.1 101"));
    int fds[FLOOD];
    for (int i = 0; i < FLOOD; i++) {
        fds[i] = connect_client(side);
        assert_int_equal(send(fds[i], one, sizeof one - 1, 0), sizeof one - 1);
        assert_int_equal(send(fds[i], good_head.ptr, good_head.len, 0), good_head.len);
    }
    leave(side, come_by_gateway(side, other, sizeof other - 1, "", 2048, "HTTP/1.1 101"));
    assert_in_range(uv_hrtime() - began_ns, 0, 5000000000);
    assert_in_range(metrics_get(side->metrics, METRIC_EDGE_REFUSED_RATE), FLOOD - 5, FLOOD);
    for (int i = 0; i < FLOOD; i++) {
        close(fds[i]);
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
    size_t spare = 512 - good_head.len - strlen("x: \r\n");
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
    expect_refused(side, one, "HTTP/1.1 400 ", "\"proxy_not_trusted\"", METRIC_EDGE_REFUSED_PROXY);
    expect_refused(side, "PROXY ", "HTTP/1.1 400 ", "\"proxy_not_trusted\"", METRIC_EDGE_REFUSED_PROXY);
    close(come_by_gateway(side, two_header, sizeof two_header - 1, "", 2048, "HTTP/1.1 400"));
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_REFUSED_PROXY), 3);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_FORWARDED_IGNORED), 0);
    leave(side, come_by_gateway(side, "", 0, "X-Forwarded-For: 192.0.2.7\r\n", 2048, "HTTP/1.1 101"));
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_FORWARDED_IGNORED), 1);
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)
#define BEHIND_GATEWAY(test) cmocka_unit_test_setup_teardown(test, start_behind_gateway, stop_behind_gateway)
    const struct CMUnitTest tests[] = {
        BEHIND_GATEWAY(a_gateway_says_whose_connection_it_is),
        cmocka_unit_test_setup_teardown(who_floods_through_a_gateway_uses_up_nothing_of_others,
                                        start_behind_busy_gateway, stop_behind_busy_gateway),
        BEHIND_GATEWAY(a_gateway_may_speak_for_itself),
        BEHIND_GATEWAY(a_head_behind_a_header_has_all_its_room_and_no_more),
        BEHIND_GATEWAY(what_only_begins_like_a_header_is_judged_as_a_head),
        WITH_SERVER(what_only_begins_like_a_header_is_judged_as_a_head),
        BEHIND_GATEWAY(a_broken_header_of_a_gateway_is_refused),
        WITH_SERVER(of_strangers_a_header_is_refused_and_x_forwarded_for_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
