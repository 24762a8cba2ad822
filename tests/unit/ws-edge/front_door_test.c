/* front_door: who waits before it, for whom there is no room, and who comes when it closes; through real
 * sockets. */
#include "tests/unit/ws-edge/socket_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES = 8192 };

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

static void beyond_the_rate_one_waits_and_then_is_told_when_to_come_again(void **state) {
    server_side *side = *state;
    enum { CROWD = 20 };
    int fds[CROWD];
    for (int i = 0; i < CROWD; i++) {
        fds[i] = connect_client(side);
        assert_int_equal(send(fds[i], good_head.ptr, good_head.len, 0), good_head.len);
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
    send_bytes(side, fd, good_head.ptr, good_head.len);
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
    send_bytes(side, fd, good_head.ptr, good_head.len);
    assert_true(receive_all(side, fd, answer, sizeof answer) > 0);
    assert_int_equal(strncmp(answer, "HTTP/1.1 503 ", 13), 0);
    close(fd);
    close(in);
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

int main(void) {
#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start_server, stop_server)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_slow_head_makes_room_for_who_waits, start_narrow, stop_narrow),
        cmocka_unit_test_setup_teardown(a_crowd_whose_heads_come_soon_is_let_in_to_the_last, start_narrow,
                                        stop_narrow),
        cmocka_unit_test_setup_teardown(beyond_the_rate_one_waits_and_then_is_told_when_to_come_again,
                                        start_patient, stop_patient),
        cmocka_unit_test_setup_teardown(while_the_cores_are_behind_one_waits_and_comes_in_when_they_are_not,
                                        start_more_patient, stop_patient),
        WITH_SERVER(accepting_pauses_while_descriptors_are_out),
        WITH_SERVER(a_quiet_server_takes_nobody_and_keeps_those_who_are_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
