/* ws_server past the handshake: messages, signs of life, writes, and every way to part; through real sockets.
 */
#include "tests/unit/ws-edge/socket_fixture.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BINARY = 0x82, CLOSE = 0x88, PING = 0x89, PONG = 0x8a };

static void expect_message(server_side *side, size_t messages_count, const char *bytes, size_t len_bytes) {
    wait_for_count(side, &side->messages_count, messages_count);
    assert_int_equal(side->message_bytes, len_bytes);
    assert_memory_equal(side->message, bytes, len_bytes);
}

static char *pattern(size_t len_bytes) {
    char *bytes = malloc(len_bytes + 1);
    assert_non_null(bytes);
    for (size_t i = 0; i < len_bytes; i++) {
        bytes[i] = (char)(i * 7 + i / 251);
    }
    return bytes;
}

static void messages_of_every_length_come_whole(void **state) {
    server_side *side = *state;
    static const size_t lengths[] = {0, 1, 125, 126, 127, 128, 129, 143, 144, 145, 1000, 16383, 16384};
    char *bytes = pattern(16384);
    int fd = open_client(side);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        send_frame(side, fd, BINARY, bytes, lengths[i]);
        expect_message(side, i + 1, bytes, lengths[i]);
    }
    free(bytes);
    close(fd);
}

static void fragments_become_one_message_with_control_frames_between(void **state) {
    server_side *side = *state;
    char *bytes = pattern(16384);
    char payload[128];
    size_t len_bytes = 0;
    int fd = open_client(side);
    send_frame(side, fd, 0x02, bytes, 5);
    send_frame(side, fd, PING, "a", 1);
    send_frame(side, fd, 0x00, bytes + 5, 6000);
    send_frame(side, fd, PONG, "", 0);
    send_frame(side, fd, 0x00, "", 0);
    send_frame(side, fd, 0x80, bytes + 6005, 16384 - 6005);
    expect_message(side, 1, bytes, 16384);
    assert_int_equal(receive_frame(side, fd, payload, sizeof payload, &len_bytes), PONG);
    assert_string_equal(payload, "a");
    assert_int_equal(side->pongs_count, 1);
    send_frame(side, fd, BINARY, "next", 4);
    expect_message(side, 2, "next", 4);
    free(bytes);
    close(fd);
}

static void every_kind_of_frame_is_a_sign_of_life(void **state) {
    server_side *side = *state;
    char payload[128];
    size_t len_bytes = 0;
    int fd = open_client(side);
    send_frame(side, fd, PING, "are you there", 13);
    assert_int_equal(receive_frame(side, fd, payload, sizeof payload, &len_bytes), PONG);
    assert_string_equal(payload, "are you there");
    wait_for_count(side, &side->others_count, 1);
    send_frame(side, fd, PONG, "voiceping", 9);
    wait_for_count(side, &side->pongs_count, 1);
    send_frame(side, fd, PONG, "", 0); /* lws says nothing of these */
    wait_for_count(side, &side->pongs_count, 2);
    send_frame(side, fd, 0x02, "half", 4);
    wait_for_count(side, &side->others_count, 2);
    assert_int_equal(side->messages_count, 0);
    close(fd);
}

static void a_ping_carries_the_payload_that_clients_know(void **state) {
    server_side *side = *state;
    char payload[128];
    size_t len_bytes = 0;
    int fd = open_client(side);
    ws_socket_ping(side->socket);
    assert_int_equal(receive_frame(side, fd, payload, sizeof payload, &len_bytes), PING);
    assert_string_equal(payload, "voiceping");
    close(fd);
}

static const struct broken_row {
    const char *what, *bytes;
    size_t len_bytes;
    unsigned code;
} broken_rows[] = {
#define ROW(what, bytes, code)                                                                               \
    { what, bytes, sizeof(bytes) - 1, code }
    ROW("an unmasked frame", "\x82\x01x", 1002),
    ROW("an unmasked PING", "\x89\x00", 1002),
    ROW("a reserved bit", "\xc2\x81\x01\x02\x03\x04x", 1002),
    ROW("a reserved opcode", "\x83\x81\x01\x02\x03\x04x", 1002),
    ROW("a reserved control opcode", "\x8b\x80\x01\x02\x03\x04", 1002),
    ROW("a continuation of nothing", "\x80\x81\x01\x02\x03\x04x", 1002),
    ROW("a message within a message", "\x02\x81\x01\x02\x03\x04x\x82\x81\x01\x02\x03\x04x", 1002),
    ROW("a fragmented PING", "\x09\x80\x01\x02\x03\x04", 1002),
    ROW("a large PING", "\x89\xfe\x00\x80\x01\x02\x03\x04", 1002),
    ROW("a length of 2^63", "\x82\xff\x80\0\0\0\0\0\0\0\x01\x02\x03\x04", 1002),
    ROW("text", "\x81\x81\x01\x02\x03\x04x", 1003),
    ROW("16385 bytes", "\x82\xfe\x40\x01\x01\x02\x03\x04xx", 1009),
    ROW("2^40 bytes", "\x82\xff\0\0\x01\0\0\0\0\0\x01\x02\x03\x04x", 1009),
    ROW("a fragment too many", "\x02\x81\x01\x02\x03\x04x\x80\xfe\x40\x00\x01\x02\x03\x04x", 1009),
#undef ROW
};

static void a_client_that_breaks_the_protocol_is_told_how(void **state) {
    server_side *side = *state;
    for (size_t i = 0; i < sizeof broken_rows / sizeof broken_rows[0]; i++) {
        int fd = open_client(side);
        send_frame(side, fd, BINARY, "before", 6);
        send_bytes(side, fd, broken_rows[i].bytes, broken_rows[i].len_bytes);
        expect_close(side, fd, broken_rows[i].code);
        assert_int_equal(side->failed_with, broken_rows[i].code);
        assert_int_equal(side->messages_count, i + 1);
        close(fd);
        wait_for_count(side, &side->closed_count, i + 1);
        assert_int_equal(side->closed_by, WS_CLOSED_BY_US);
    }
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_CLOSES_FORCED), 0);
}

static void what_stands_before_the_broken_frame_in_one_segment_is_heard(void **state) {
    server_side *side = *state;
    static const char bytes[] = "\x82\x83\0\0\0\0one\x82\x01x";
    int fd = open_client(side);
    send_bytes(side, fd, bytes, sizeof bytes - 1);
    expect_close(side, fd, 1002);
    assert_int_equal(side->messages_count, 1);
    close(fd);
}

static void garbage_without_end_is_dropped_not_read_as_frames(void **state) {
    server_side *side = *state;
    char *garbage = pattern(200000);
    garbage[0] = '\x82';
    garbage[1] = 1; /* no mask */
    int fd = open_client(side);
    send_bytes(side, fd, garbage, 200000);
    expect_close(side, fd, 1002);
    assert_int_equal(side->messages_count, 0);
    free(garbage);
    close(fd);
}

static void a_client_that_says_goodbye_gets_its_code_back(void **state) {
    server_side *side = *state;
    int fd = open_client(side);
    send_frame(side, fd, CLOSE, "\x03\xe8", 2);
    expect_close(side, fd, 1000);
    wait_for_count(side, &side->closed_count, 1);
    assert_int_equal(side->closed_by, WS_CLOSED_BY_CLIENT);
    close(fd);
}

static void a_goodbye_from_behind_a_full_pipe_is_heard(void **state) {
    server_side *side = *state;
    int fd = open_client(side);
    size_t many_bytes = (size_t)16 << 20;
    char *many = pattern(many_bytes);
    side->to_write = str_view_make(many, many_bytes);
    ws_socket_want_write(side->socket);
    wait_for_count(side, &side->writable_count, 1);
    send_frame(side, fd, CLOSE, "\x03\xe8", 2);
    wait_for_count(side, &side->closed_count, 1);
    assert_int_equal(side->closed_by, WS_CLOSED_BY_CLIENT);
    free(many);
    close(fd);
}

static void a_client_that_vanishes_is_gone_at_once(void **state) {
    server_side *side = *state;
    int fd = open_client(side);
    close(fd);
    wait_for_count(side, &side->closed_count, 1);
    fd = open_client(side);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    wait_for_count(side, &side->closed_count, 2);
    assert_int_equal(side->closed_by, WS_CLOSED_BY_CLIENT);
    assert_int_equal(ws_server_sockets_count(side->server), 0);
}

static void we_close_with_a_code_and_a_reason_and_wait_for_the_answer(void **state) {
    server_side *side = *state;
    char payload[128];
    size_t len_bytes = 0;
    int fd = open_client(side);
    ws_socket_close(side->socket, 1001, "going away");
    ws_socket_close(side->socket, 1002, "not twice");
    ws_socket_ping(side->socket);
    ws_socket_want_write(side->socket);
    assert_int_equal(ws_socket_write(side->socket, str_view_of("x")), ZP_UNAVAILABLE);
    assert_int_equal(receive_frame(side, fd, payload, sizeof payload, &len_bytes), CLOSE);
    assert_memory_equal(payload, "\x03\xe9going away", 12);
    send_frame(side, fd, BINARY, "too late", 8);
    turn_for(side, 50);
    assert_int_equal(side->closed_count, 0);
    send_frame(side, fd, CLOSE, "\x03\xe9", 2);
    assert_int_equal(receive_all(side, fd, payload, sizeof payload), 0);
    wait_for_count(side, &side->closed_count, 1);
    assert_int_equal(side->closed_by, WS_CLOSED_BY_US);
    assert_int_equal(side->messages_count + side->writable_count, 0);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_CLOSES_FORCED), 0);
    close(fd);
}

static void a_client_that_does_not_answer_a_close_is_ended_anyway(void **state) {
    server_side *side = *state;
    int polite = open_client(side);
    ws_socket_close(side->socket, 1001, "");
    int full = open_client(side); /* and one whose pipe is so full that no close frame fits */
    size_t many_bytes = (size_t)32 << 20;
    char *many = pattern(many_bytes);
    side->to_write = str_view_make(many, many_bytes);
    ws_socket_want_write(side->socket);
    wait_for_count(side, &side->writable_count, 1);
    ws_socket_close(side->socket, 1013, "too slow");
    wait_for_count(side, &side->closed_count, 2);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_CLOSES_FORCED), 2);
    free(many);
    close(polite);
    close(full);
}

static void a_message_may_close_its_own_socket(void **state) {
    server_side *side = *state;
    side->closes_itself = true;
    int fd = open_client(side);
    static const char two[] = "\x82\x83\0\0\0\0one\x82\x83\0\0\0\0two";
    send_bytes(side, fd, two, sizeof two - 1);
    char payload[128];
    size_t len_bytes = 0;
    assert_int_equal(receive_frame(side, fd, payload, sizeof payload, &len_bytes), CLOSE);
    assert_int_equal(side->messages_count, 1);
    close(fd);
    wait_for_count(side, &side->closed_count, 1);
}

static void whom_the_owner_does_not_want_is_closed_with_1013(void **state) {
    server_side *side = *state;
    side->refuses = true;
    int fd = open_client(side);
    send_frame(side, fd, BINARY, "hello", 5);
    char payload[128];
    size_t len_bytes = 0;
    assert_int_equal(receive_frame(side, fd, payload, sizeof payload, &len_bytes), CLOSE);
    assert_memory_equal(payload, "\x03\xf5", 2);
    send_frame(side, fd, CLOSE, "\x03\xf5", 2);
    assert_int_equal(receive_all(side, fd, payload, sizeof payload), 0);
    close(fd);
    turn_for(side, 20);
    assert_int_equal(side->others_count + side->messages_count + side->closed_count, 0);
    assert_int_equal(ws_server_sockets_count(side->server), 0);
}

/* What the kernel does not take at once arrives in order, and nobody is asked to write before it is gone. */
static void a_slow_reader_gets_every_byte_in_order(void **state) {
    server_side *side = *state;
    size_t many_bytes = (size_t)24 << 20;
    char *many = pattern(many_bytes);
    char *got = malloc(many_bytes);
    assert_non_null(got);
    int fd = open_client(side);
    side->to_write = str_view_make(many, many_bytes);
    ws_socket_want_write(side->socket);
    ws_socket_want_write(side->socket);
    wait_for_count(side, &side->writable_count, 1);
    ws_socket_want_write(side->socket);
    ws_socket_ping(side->socket); /* has to wait too */
    turn_for(side, 50);
    assert_int_equal(side->writable_count, 1);
    assert_true(receive_bytes(side, fd, got, many_bytes));
    assert_memory_equal(got, many, many_bytes);
    char payload[128];
    size_t len_bytes = 0;
    assert_int_equal(receive_frame(side, fd, payload, sizeof payload, &len_bytes), PING);
    wait_for_count(side, &side->writable_count, 2);
    free(many);
    free(got);
    close(fd);
}

/* What the kernel holds of what was written to a client, and has not sent. */
static int unsent_bytes_to(int client) {
    struct sockaddr_in own, peer;
    socklen_t len = sizeof own;
    assert_int_equal(getsockname(client, (struct sockaddr *)&own, &len), 0);
    for (int fd = client + 1; fd < client + 16; fd++) {
        int unsent_bytes = -1;
        len = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &len) == 0 && peer.sin_port == own.sin_port) {
            assert_int_equal(ioctl(fd, SIOCOUTQNSD, &unsent_bytes), 0);
            return unsent_bytes;
        }
    }
    fail_msg("no socket of the server has this client");
    return -1;
}

/* What its window does not take waits here, where it is coalesced, and not in the kernel, but for a little.
 */
static void of_small_frames_too_only_so_much_waits_in_the_kernel(void **state) {
    server_side *side = *state;
    enum { FRAME_BYTES = 1000, FRAMES_MAX = 10000 };
    char *frame = pattern(FRAME_BYTES);
    int fd = open_client(side);
    size_t taken = 0;
    while (taken < FRAMES_MAX) {
        side->to_write = str_view_make(frame, FRAME_BYTES);
        ws_socket_want_write(side->socket);
        turn_for(side, 1);
        if (side->writable_count == taken) {
            turn_for(side, 100); /* acknowledgements may be under way */
        }
        if (side->writable_count == taken) {
            break;
        }
        taken = side->writable_count;
    }
    assert_in_range(unsent_bytes_to(fd), 32768, 65536 + 2 * FRAME_BYTES);
    for (size_t i = 0; i < taken; i++) {
        char got[FRAME_BYTES];
        assert_true(receive_bytes(side, fd, got, FRAME_BYTES));
        assert_memory_equal(got, frame, FRAME_BYTES);
    }
    wait_for_count(side, &side->writable_count, taken + 1);
    free(frame);
    close(fd);
}

static void a_thousand_clients_come_and_go_without_a_trace(void **state) {
    server_side *side = *state;
    for (size_t i = 0; i < 1000; i++) {
        int fd = open_client(side);
        send_frame(side, fd, i % 2 ? BINARY : 0x02, "hello", 5);
        if (i % 3 == 0) {
            send_frame(side, fd, CLOSE, "\x03\xe8", 2);
        }
        close(fd);
        wait_for_count(side, &side->closed_count, i + 1);
    }
    assert_int_equal(ws_server_sockets_count(side->server), 0);
    assert_int_equal(metrics_get(side->metrics, METRIC_EDGE_HANDSHAKES), 1000);
}

/* stop_server looks whether each got its on_close, and whether any descriptor is left. */
static void a_server_that_is_destroyed_closes_whatever_is_open(void **state) {
    server_side *side = *state;
    int fds[20];
    for (int i = 0; i < 20; i++) {
        fds[i] = open_client(side);
        send_frame(side, fds[i], 0x02, "half a message", 14);
    }
    size_t many_bytes = (size_t)16 << 20;
    char *many = pattern(many_bytes);
    side->to_write = str_view_make(many, many_bytes);
    ws_socket_want_write(side->socket);
    wait_for_count(side, &side->writable_count, 1);
    ws_socket_close(side->socket, 1001, "");
    int halfway = connect_client(side);
    turn_for(side, 5);
    ws_server_destroy(&side->server);
    assert_int_equal(side->closed_count, 20);
    free(many);
    close(halfway);
    for (int i = 0; i < 20; i++) {
        close(fds[i]);
    }
}

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)
    const struct CMUnitTest tests[] = {
        WITH_SERVER(messages_of_every_length_come_whole),
        WITH_SERVER(fragments_become_one_message_with_control_frames_between),
        WITH_SERVER(every_kind_of_frame_is_a_sign_of_life),
        WITH_SERVER(a_ping_carries_the_payload_that_clients_know),
        WITH_SERVER(a_client_that_breaks_the_protocol_is_told_how),
        WITH_SERVER(what_stands_before_the_broken_frame_in_one_segment_is_heard),
        WITH_SERVER(garbage_without_end_is_dropped_not_read_as_frames),
        WITH_SERVER(a_client_that_says_goodbye_gets_its_code_back),
        WITH_SERVER(a_goodbye_from_behind_a_full_pipe_is_heard),
        WITH_SERVER(a_client_that_vanishes_is_gone_at_once),
        WITH_SERVER(we_close_with_a_code_and_a_reason_and_wait_for_the_answer),
        WITH_SERVER(a_client_that_does_not_answer_a_close_is_ended_anyway),
        WITH_SERVER(a_message_may_close_its_own_socket),
        WITH_SERVER(whom_the_owner_does_not_want_is_closed_with_1013),
        WITH_SERVER(a_slow_reader_gets_every_byte_in_order),
        WITH_SERVER(of_small_frames_too_only_so_much_waits_in_the_kernel),
        WITH_SERVER(a_thousand_clients_come_and_go_without_a_trace),
        WITH_SERVER(a_server_that_is_destroyed_closes_whatever_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
