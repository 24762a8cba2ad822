#include "tests/unit/ws-edge/socket_fixture.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/log/log.h"

enum { REFUSAL_BYTES = 8192 };

static size_t descriptors_before;

#define GOOD_HEAD                                                                                            \
    "GET /?token=u HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                     \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
const str_view good_head = {GOOD_HEAD, sizeof GOOD_HEAD - 1};

static size_t count_descriptors(void) {
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir)) {
        count++;
    }
    closedir(dir);
    return count;
}

/* -- what the server says -- */

static void *on_open(void *context, ws_socket_t *socket, const ws_identity *identity) {
    server_side *side = context;
    snprintf(side->user_id, sizeof side->user_id, "%.*s", (int)identity->user_id.len, identity->user_id.ptr);
    snprintf(side->device, sizeof side->device, "%.*s", (int)identity->device.len, identity->device.ptr);
    side->form = identity->form;
    if (side->refuses) {
        return NULL;
    }
    side->opened_count++;
    side->socket = socket;
    return side;
}

static void on_life(void *context, ws_socket_t *socket, bool pong) {
    server_side *side = context;
    assert_ptr_equal(ws_socket_data(socket), side);
    if (pong) {
        side->pongs_count++;
    } else {
        side->others_count++;
    }
}

static void on_message(void *context, ws_socket_t *socket, str_view bytes) {
    server_side *side = context;
    assert_true(bytes.len <= sizeof side->message);
    assert_true(side->others_count > 0); /* life comes first */
    if (bytes.len > 0) {
        memcpy(side->message, bytes.ptr, bytes.len);
    }
    side->message_bytes = bytes.len;
    side->messages_count++;
    if (side->closes_itself) {
        size_t closed_count = side->closed_count;
        ws_socket_close(socket, 4000, "as asked");
        assert_int_equal(side->closed_count, closed_count); /* never from within */
    }
}

static void on_failed(void *context, ws_socket_t *socket, uint16_t close_code) {
    server_side *side = context;
    assert_ptr_equal(ws_socket_data(socket), side);
    side->failed_with = close_code;
}

static void on_writable(void *context, ws_socket_t *socket) {
    server_side *side = context;
    side->writable_count++;
    if (side->to_write.len > 0) {
        str_view bytes = side->to_write;
        side->to_write.len = 0;
        assert_int_equal(ws_socket_write(socket, bytes), ZP_OK);
    }
}

static void on_close(void *context, ws_socket_t *socket, ws_close_reason reason) {
    server_side *side = context;
    side->closed_count++;
    side->closed_by = reason;
    if (side->socket == socket) {
        side->socket = NULL;
    }
}

static bool has_room_for(void *context, str_view user_id) {
    const server_side *side = context;
    return user_id.len > 0 && !side->user_is_full;
}

static bool is_congested(void *context) {
    return ((const server_side *)context)->congested;
}

/* -- setup -- */

int start_server_with(void **state, const char *const *settings) {
    static char *argv[] = {(char *)"ws-edge", NULL};
    static const ws_server_events events = {.on_open = on_open,
                                            .on_life = on_life,
                                            .on_message = on_message,
                                            .on_failed = on_failed,
                                            .on_writable = on_writable,
                                            .on_close = on_close,
                                            .has_room_for = has_room_for,
                                            .is_congested = is_congested};
    uv_loop_t first; /* libuv opens a pipe with the first loop of a process, for good */
    uv_loop_init(&first);
    uv_loop_close(&first);
    descriptors_before = count_descriptors();
    (void)signal(SIGPIPE, SIG_IGN);
    server_side *side = calloc(1, sizeof *side);
    assert_non_null(side);
    setenv("WS_LISTEN", "127.0.0.1:0", 1);
    for (; settings && *settings; settings++) {
        char *copy = strdup(*settings);
        char *equals = strchr(copy, '=');
        *equals = '\0';
        setenv(copy, equals + 1, 1);
        free(copy);
    }
    bool leave = false;
    assert_int_equal(config_load(&side->config, &leave, EDGE, 1, argv), ZP_OK);
    log_init(side->config);
    side->metrics = metrics_new(EDGE);
    uv_loop_init(&side->loop);
    assert_int_equal(ws_server_new(&side->server, &side->loop, side->config, side->metrics, &events, side),
                     ZP_OK);
    *state = side;
    return 0;
}

int start_server(void **state) {
    return start_server_with(state, NULL);
}

int stop_server(void **state) {
    server_side *side = *state;
    ws_server_destroy(&side->server);
    assert_null(side->server);
    assert_int_equal(side->closed_count, side->opened_count);
    uv_run(&side->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&side->loop), 0);
    metrics_destroy(&side->metrics);
    config_destroy(&side->config);
    free(side);
    assert_int_equal(count_descriptors(), descriptors_before);
    return 0;
}

/* -- waiting -- */

static void turn(server_side *side) {
    uv_run(&side->loop, UV_RUN_NOWAIT);
    usleep(200);
}

void wait_for_count(server_side *side, const size_t *count, size_t wanted) {
    for (uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
         *count < wanted && clock_monotonic_ms() < end_ms;) {
        turn(side);
    }
    assert_int_equal(*count, wanted);
}

void turn_for(server_side *side, unsigned ms) {
    for (uint64_t end_ms = clock_monotonic_ms() + ms; clock_monotonic_ms() < end_ms;) {
        turn(side);
    }
}

/* -- clients -- */

int connect_client(server_side *side) {
    const char *address = ws_server_address(side->server);
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void send_bytes(server_side *side, int fd, const void *bytes, size_t len_bytes) {
    const char *at = bytes;
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (len_bytes > 0) {
        ssize_t sent = send(fd, at, len_bytes, MSG_NOSIGNAL);
        assert_true(sent >= 0 || errno == EAGAIN);
        assert_true(clock_monotonic_ms() < end_ms);
        if (sent > 0) {
            at += sent;
            len_bytes -= (size_t)sent;
        }
        turn(side);
    }
}

/* How many bytes came before the end, `len_bytes` at most. */
static size_t receive_some(server_side *side, int fd, char *out, size_t len_bytes) {
    size_t got_bytes = 0;
    uint64_t end_ms = clock_monotonic_ms() + WAIT_MS;
    while (got_bytes < len_bytes) {
        ssize_t got = recv(fd, out + got_bytes, len_bytes - got_bytes, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            side->was_reset |= got < 0;
            break;
        }
        assert_true(clock_monotonic_ms() < end_ms);
        if (got > 0) {
            got_bytes += (size_t)got;
        } else {
            turn(side);
        }
    }
    return got_bytes;
}

bool receive_bytes(server_side *side, int fd, void *out, size_t len_bytes) {
    return receive_some(side, fd, out, len_bytes) == len_bytes;
}

size_t receive_all(server_side *side, int fd, char *out, size_t out_bytes) {
    size_t got_bytes = receive_some(side, fd, out, out_bytes - 1);
    out[got_bytes] = '\0';
    return got_bytes;
}

void shake_hands(server_side *side, int fd, const char *target, const char *headers, char *out,
                 size_t out_bytes) {
    char head[8192];
    int len = snprintf(head, sizeof head,
                       "GET %s HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
                       target, headers);
    send_bytes(side, fd, head, (size_t)len);
    size_t got_bytes = 0;
    out[0] = '\0';
    while (got_bytes + 1 < out_bytes && !strstr(out, "\r\n\r\n")) {
        if (!receive_bytes(side, fd, out + got_bytes, 1)) {
            break;
        }
        out[++got_bytes] = '\0';
    }
}

void expect_refused(server_side *side, const char *bytes, const char *status, const char *code,
                    metric_id metric) {
    char answer[REFUSAL_BYTES];
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

int open_client(server_side *side) {
    char answer[1024];
    int fd = connect_client(side);
    shake_hands(side, fd, "/?token=u", "", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 101 ", 13), 0);
    return fd;
}

void send_frame(server_side *side, int fd, unsigned char first, const void *payload, size_t payload_bytes) {
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0x78};
    unsigned char *frame = malloc(payload_bytes + 14);
    assert_non_null(frame);
    size_t at = 0;
    frame[at++] = first;
    if (payload_bytes < 126) {
        frame[at++] = (unsigned char)(0x80 | payload_bytes);
    } else {
        frame[at++] = 0x80 | 126;
        frame[at++] = (unsigned char)(payload_bytes >> 8);
        frame[at++] = (unsigned char)payload_bytes;
    }
    memcpy(frame + at, mask, sizeof mask);
    at += sizeof mask;
    for (size_t i = 0; i < payload_bytes; i++) {
        frame[at++] = ((const unsigned char *)payload)[i] ^ mask[i & 3];
    }
    send_bytes(side, fd, frame, at);
    free(frame);
}

unsigned char receive_frame(server_side *side, int fd, char *payload, size_t room_bytes, size_t *ret_bytes) {
    unsigned char head[4] = {0};
    assert_true(receive_bytes(side, fd, head, 2));
    size_t len_bytes = head[1];
    if (len_bytes == 126) {
        assert_true(receive_bytes(side, fd, head + 2, 2));
        len_bytes = (size_t)head[2] << 8 | head[3];
    }
    assert_true(len_bytes < room_bytes && head[1] <= 126); /* unmasked, as a server's */
    assert_true(receive_bytes(side, fd, payload, len_bytes));
    payload[len_bytes] = '\0';
    *ret_bytes = len_bytes;
    return head[0];
}

void expect_close(server_side *side, int fd, unsigned code) {
    char payload[128] = {0};
    size_t len_bytes = 0;
    assert_int_equal(receive_frame(side, fd, payload, sizeof payload, &len_bytes), 0x88);
    assert_true(len_bytes >= 2);
    assert_int_equal((unsigned char)payload[0] << 8 | (unsigned char)payload[1], code);
    assert_int_equal(receive_all(side, fd, payload, sizeof payload), 0);
    assert_false(side->was_reset);
}
