/* bench-http - asks POST /api/presence/status over kept connections, as fast as answers come:
 *   bench-http PORT CONNECTIONS IDS-A-QUERY SECONDS FIRST COUNT
 * Ids are u0000000 and so on, COUNT of them from FIRST, in turn. Prints one line of JSON. */

#include "tests/bench/load/histogram.h"
#include "tests/bench/load/http_answer.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 256, REQUEST_BYTES = 65536, ANSWER_BYTES = 262144, EVENTS_MAX = 64, OK = 200 };

typedef struct connection {
    int fd;
    uint64_t asked_at_ns;
    size_t got_bytes;
    char answer[ANSWER_BYTES];
} connection;

static struct {
    unsigned long port, connections, ids, first, count;
    double seconds;
} options;

static struct {
    uint64_t queries, ids, wrong_status, invalid;
    histogram took;
    unsigned long next_id;
    connection *connections;
} state;

static uint64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(EXIT_FAILURE);
}

static void ask(connection *c) {
    static char body[REQUEST_BYTES];
    static char request[REQUEST_BYTES];
    size_t len = (size_t)snprintf(body, sizeof body, "{\"userIds\":[");
    for (unsigned long i = 0; i < options.ids; i++) {
        len += (size_t)snprintf(body + len, sizeof body - len, "%s\"u%07lu\"", i ? "," : "",
                                options.first + state.next_id++ % options.count);
    }
    len += (size_t)snprintf(body + len, sizeof body - len, "]}");
    int whole =
        snprintf(request, sizeof request,
                 "POST /api/presence/status HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n%s",
                 len, body);
    c->asked_at_ns = monotonic_ns();
    c->got_bytes = 0;
    if (whole >= REQUEST_BYTES || send(c->fd, request, (size_t)whole, MSG_NOSIGNAL) != whole) {
        fail("send");
    }
}

static void take(connection *c) {
    http_answer found;
    ssize_t got = recv(c->fd, c->answer + c->got_bytes, sizeof c->answer - c->got_bytes, 0);
    if (got <= 0) {
        fail("recv");
    }
    c->got_bytes += (size_t)got;
    switch (http_answer_read(c->answer, c->got_bytes, &found)) {
    case HTTP_ANSWER_INCOMPLETE:
        return;
    case HTTP_ANSWER_INVALID:
        state.invalid++;
        break;
    case HTTP_ANSWER_WHOLE:
        state.wrong_status += found.status != OK;
        state.ids += found.status == OK ? options.ids : 0;
        state.queries++;
        break;
    }
    histogram_add(&state.took, monotonic_ns() - c->asked_at_ns);
    ask(c);
}

static void connect_all(int epoll) {
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    int on = 1;
    inet_pton(AF_INET, "127.0.0.1", &target.sin_addr);
    for (unsigned long i = 0; i < options.connections; i++) {
        connection *c = &state.connections[i];
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&target, sizeof target) != 0 ||
            setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
            epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0) {
            fail("connect");
        }
    }
}

static void print_result(double seconds) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"seconds\":%.6f,\"queries\":%llu,\"ids\":%llu,\"wrong_status\":%llu,\"invalid\":%llu,"
           "\"p50_ns\":%llu,\"p99_ns\":%llu,\"cpu_s\":%.6f}\n",
           seconds, (unsigned long long)state.queries, (unsigned long long)state.ids,
           (unsigned long long)state.wrong_status, (unsigned long long)state.invalid,
           (unsigned long long)histogram_quantile(&state.took, 0.5),
           (unsigned long long)histogram_quantile(&state.took, 0.99),
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}

static bool read_options(int count, char **arguments) {
    if (count != 7) {
        return false;
    }
    options.port = strtoul(arguments[1], NULL, 10);
    options.connections = strtoul(arguments[2], NULL, 10);
    options.ids = strtoul(arguments[3], NULL, 10);
    options.seconds = strtod(arguments[4], NULL);
    options.first = strtoul(arguments[5], NULL, 10);
    options.count = strtoul(arguments[6], NULL, 10);
    return options.connections > 0 && options.connections <= CONNECTIONS_MAX && options.count > 0;
}

int main(int count, char **arguments) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!read_options(count, arguments)) {
        fputs("usage: bench-http PORT CONNECTIONS IDS-A-QUERY SECONDS FIRST COUNT\n", stderr);
        return EXIT_FAILURE;
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    state.connections = calloc(options.connections, sizeof *state.connections);
    if (epoll < 0 || !state.connections) {
        fail("bench-http");
    }
    connect_all(epoll);
    uint64_t began_ns = monotonic_ns();
    uint64_t ends_ns = began_ns + (uint64_t)(options.seconds * 1e9);
    for (unsigned long i = 0; i < options.connections; i++) {
        ask(&state.connections[i]);
    }
    uint64_t now_ns = began_ns;
    while (now_ns < ends_ns) {
        struct epoll_event events[EVENTS_MAX];
        int ready = epoll_wait(epoll, events, EVENTS_MAX, (int)((ends_ns - now_ns) / 1000000) + 1);
        for (int i = 0; i < ready; i++) {
            take(events[i].data.ptr);
        }
        now_ns = monotonic_ns();
    }
    print_result((double)(now_ns - began_ns) / 1e9);
    free(state.connections);
    return EXIT_SUCCESS;
}
