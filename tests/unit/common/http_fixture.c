#include "http_fixture.h"
#include "common/base/clock.h"
#include "common_fixture.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char heard[65536];

int http_dial(const char *address) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    char host[64];
    const char *colon = strrchr(address, ':');
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    assert_int_equal(inet_pton(AF_INET, host, &at.sin_addr), 1);
    at.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

void http_say(int fd, const char *text) {
    size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

static bool is_complete(const char *text, bool head_only) {
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    if (!end || !length || length > end) {
        return false;
    }
    return head_only || strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

const char *http_hear(uv_loop_t *loop, int fd, uint64_t deadline_ms, bool head_only) {
    uint64_t deadline = clock_monotonic_ms() + deadline_ms;
    size_t used = 0;
    heard[0] = '\0';
    while (clock_monotonic_ms() < deadline && !is_complete(heard, head_only)) {
        uv_run(loop, UV_RUN_NOWAIT);
        ssize_t got = recv(fd, heard + used, sizeof heard - 1 - used, MSG_DONTWAIT);
        if (got == 0) {
            break;
        }
        if (got < 0) {
            usleep(500);
            continue;
        }
        used += (size_t)got;
        heard[used] = '\0';
    }
    return heard;
}

bool http_is_closed(uv_loop_t *loop, int fd, uint64_t deadline_ms) {
    uint64_t deadline = clock_monotonic_ms() + deadline_ms;
    while (clock_monotonic_ms() < deadline) {
        uv_run(loop, UV_RUN_NOWAIT);
        char byte;
        ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            return true;
        }
        usleep(500);
    }
    return false;
}

const char *http_ask(uv_loop_t *loop, const char *address, const char *method, const char *target) {
    int fd = http_dial(address);
    char request[256];
    snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n", method,
             target);
    http_say(fd, request);
    const char *answer = http_hear(loop, fd, 3000, strcmp(method, "HEAD") == 0);
    close(fd);
    return answer;
}

void http_turn(uv_loop_t *loop, uint64_t for_ms) {
    uint64_t deadline = clock_monotonic_ms() + for_ms;
    while (clock_monotonic_ms() < deadline) {
        uv_run(loop, UV_RUN_NOWAIT);
        usleep(500);
    }
}
