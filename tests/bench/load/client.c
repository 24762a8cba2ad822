#include "tests/bench/load/client.h"

#include "tests/bench/load/client_frames.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The key of RFC 6455's example, and what a server must answer to it: no client of ours needs another. */
#define HANDSHAKE_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define HANDSHAKE_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum {
    REQUEST_BYTES = 2048,
    READ_BYTES = 1 << 20,
    SMALLEST_RECEIVE_BUFFER = 4096,
    RETRY_AFTER_MS = 1000,
    STATUS_LINE_BYTES = 12
};

/* One for all: what is left of it at the end of a turn is kept with the client. */
static uint8_t read_buffer[READ_BYTES];

uint64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

void client_enter_state(fleet *f, client *c, client_state state) {
    f->in_state[c->state]--;
    f->in_state[state]++;
    c->state = (uint8_t)state;
}

static void forget_socket(client *c) {
    if (c->fd >= 0) {
        close(c->fd);
        c->fd = -1;
    }
    free(c->part);
    c->part = NULL;
    c->part_bytes = 0;
}

static void move_later(fleet *f, client *c, uint64_t after_ms) {
    uint64_t due_ms = monotonic_ns() / 1000000 + after_ms;
    if (due_ms <= f->movers_until_ms) {
        due_ms = f->movers_until_ms + 1;
    }
    int *slot = &f->movers[due_ms % MOVER_SLOTS];
    c->next_mover = *slot;
    *slot = (int)(c - f->clients);
    client_enter_state(f, c, CLIENT_MOVING);
}

/* The connection is over, and why. Those who were sent away, and whose turn it is not yet, come again. */
void client_end(fleet *f, client *c, const char *reason) {
    bool was_open = c->state == CLIENT_OPEN || c->state == CLIENT_CLOSING;
    bool moves = f->moves && c->move_after_ms >= 0 && c->state != CLIENT_CLOSING;
    forget_socket(c);
    if (was_open) {
        f->counters.ended++;
    } else if (moves) {
        f->counters.retried++;
    } else {
        f->counters.failed++;
    }
    counters_fail(&f->counters, reason);
    if (!moves) {
        client_enter_state(f, c, CLIENT_CLOSED);
    } else if (was_open) {
        c->target = (uint8_t)((c->target + 1) % f->targets_count);
        move_later(f, c, f->moves_at_once ? 0 : (uint64_t)c->move_after_ms);
    } else {
        move_later(f, c, RETRY_AFTER_MS);
    }
}

void client_move_due(fleet *f, uint64_t now_ns) {
    uint64_t now_ms = now_ns / 1000000;
    if (f->in_state[CLIENT_MOVING] == 0) {
        f->movers_until_ms = now_ms;
    }
    while (f->movers_until_ms < now_ms) {
        f->movers_until_ms++;
        int *slot = &f->movers[f->movers_until_ms % MOVER_SLOTS];
        int next = *slot;
        *slot = NOBODY;
        while (next != NOBODY) {
            client *c = &f->clients[next];
            next = c->next_mover;
            client_connect(f, c);
        }
    }
}

/* ---- connecting ---- */

static bool bind_source(const fleet *f, const client *c) {
    if (f->source == 0) {
        return true;
    }
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET};
    size_t index = (size_t)(c - f->clients);
    from.sin_addr.s_addr = htonl(f->source + (uint32_t)(index % f->sources_count));
    /* The port is chosen by connect(), which knows the other end: each source has all ports for each target.
     */
    return setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
           bind(c->fd, (struct sockaddr *)&from, sizeof from) == 0;
}

static bool begin_connecting(fleet *f, client *c) {
    int on = 1;
    int smallest = SMALLEST_RECEIVE_BUFFER;
    const struct sockaddr_in *target = &f->targets[c->target];
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 || !bind_source(f, c)) {
        return false;
    }
    if (f->kinds[c->kind].never_reads &&
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest) != 0) {
        return false;
    }
    if (connect(c->fd, (const struct sockaddr *)target, sizeof *target) != 0 && errno != EINPROGRESS) {
        return false;
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    return epoll_ctl(f->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

void client_connect(fleet *f, client *c) {
    c->connecting_since_ns = monotonic_ns();
    c->part = NULL;
    c->part_bytes = 0;
    client_enter_state(f, c, CLIENT_CONNECTING);
    if (!begin_connecting(f, c)) {
        client_end(f, c, strerror(errno));
    }
}

static void greet(fleet *f, client *c) {
    int trouble = 0;
    socklen_t trouble_bytes = sizeof trouble;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &trouble, &trouble_bytes) != 0 || trouble != 0) {
        client_end(f, c, strerror(trouble));
        return;
    }
    const client_kind *kind = &f->kinds[c->kind];
    char request[REQUEST_BYTES];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " HANDSHAKE_KEY "\r\n",
                       kind->path);
    if (kind->wire == WIRE_PRESENCE) {
        len += snprintf(request + len, sizeof request - (size_t)len,
                        "Sec-WebSocket-Protocol: %s, bench\r\n\r\n", c->token);
    } else {
        len += snprintf(request + len, sizeof request - (size_t)len, "\r\n");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (len >= REQUEST_BYTES || send(c->fd, request, (size_t)len, MSG_NOSIGNAL) != len ||
        epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->fd, &event) != 0) {
        client_end(f, c, "request not sent");
        return;
    }
    client_enter_state(f, c, CLIENT_GREETING);
}

void client_is_open(fleet *f, client *c) {
    if (f->kinds[c->kind].never_reads) {
        struct epoll_event event = {.events = 0, .data.ptr = c};
        (void)epoll_ctl(f->epoll, EPOLL_CTL_MOD, c->fd, &event);
    }
    f->counters.opened++;
    if (c->move_after_ms >= 0) {
        f->counters.moved++;
        f->counters.last_moved_ns = monotonic_ns();
        c->move_after_ms = -1;
    }
    histogram_add(&f->counters.connecting, monotonic_ns() - c->connecting_since_ns);
    c->status = SEEN_ONLINE;
    c->changed_at_ns = c->connecting_since_ns; /* watchers will see that, too */
    client_enter_state(f, c, CLIENT_OPEN);
}

/* The answer to the request. Returns how many of the bytes it took; 0: it is not whole, or the client has
 * ended. */
static size_t read_answer(fleet *f, client *c, const uint8_t *bytes, size_t len_bytes) {
    const char *end = memmem(bytes, len_bytes, "\r\n\r\n", 4);
    if (!end) {
        return 0;
    }
    size_t head_bytes = (size_t)(end - (const char *)bytes) + 4;
    if (head_bytes < STATUS_LINE_BYTES || memcmp(bytes, "HTTP/1.1 101", STATUS_LINE_BYTES) != 0) {
        char reason[FAILURE_BYTES];
        snprintf(reason, sizeof reason, "refused with %.3s",
                 head_bytes > STATUS_LINE_BYTES ? (const char *)bytes + STATUS_LINE_BYTES - 3 : "?");
        client_end(f, c, reason);
        return 0;
    }
    if (!memmem(bytes, head_bytes, HANDSHAKE_ACCEPT, sizeof HANDSHAKE_ACCEPT - 1)) {
        client_end(f, c, "wrong Sec-WebSocket-Accept");
        return 0;
    }
    if (f->kinds[c->kind].wire == WIRE_SOCKETIO) {
        client_enter_state(f, c, CLIENT_JOINING);
    } else {
        client_is_open(f, c);
    }
    return head_bytes;
}

/* ---- reading ---- */

static void keep_rest(fleet *f, client *c, const uint8_t *bytes, size_t len_bytes) {
    free(c->part);
    c->part = NULL;
    c->part_bytes = (uint32_t)len_bytes;
    if (len_bytes == 0) {
        return;
    }
    c->part = len_bytes <= FRAME_MAX_BYTES ? malloc(len_bytes) : NULL;
    if (!c->part) {
        client_end(f, c, "frame too large");
        return;
    }
    memcpy(c->part, bytes, len_bytes);
}

static void take_bytes(fleet *f, client *c, size_t len_bytes) {
    size_t taken = 0;
    if (c->state == CLIENT_GREETING) {
        taken = read_answer(f, c, read_buffer, len_bytes);
    }
    if (c->fd >= 0 && c->state != CLIENT_GREETING) {
        taken += client_take_frames(f, c, read_buffer + taken, len_bytes - taken);
    }
    if (c->fd >= 0) {
        keep_rest(f, c, read_buffer + taken, len_bytes - taken);
    }
}

static void read_some(fleet *f, client *c) {
    size_t had_bytes = c->part_bytes;
    if (had_bytes > 0) {
        memcpy(read_buffer, c->part, had_bytes);
    }
    ssize_t got = recv(c->fd, read_buffer + had_bytes, sizeof read_buffer - had_bytes, 0);
    if (got > 0) {
        f->counters.bytes += (uint64_t)got;
        take_bytes(f, c, had_bytes + (size_t)got);
    } else if (got == 0) {
        client_end(f, c, c->state == CLIENT_CLOSING ? "closed as asked" : "closed by the server");
    } else if (errno != EAGAIN && errno != EINTR) {
        client_end(f, c, strerror(errno));
    }
}

void client_event(fleet *f, client *c, uint32_t events) {
    if (c->fd < 0) { /* it ended earlier in this turn */
        return;
    }
    if (c->state == CLIENT_CONNECTING) {
        greet(f, c);
    } else if (events & EPOLLIN) {
        read_some(f, c);
    } else if (events & (EPOLLERR | EPOLLHUP)) {
        client_end(f, c, "reset");
    }
}

void client_close(fleet *f, client *c) {
    static const uint8_t normal[] = {0x03, 0xe8}; /* 1000 */
    if (c->state == CLIENT_OPEN) {
        c->changed_at_ns = 0;
        client_enter_state(f, c, CLIENT_CLOSING);
        client_send_frame(f, c, WS_CLOSE, normal, sizeof normal);
    } else if (c->state != CLIENT_CLOSING && c->state != CLIENT_CLOSED && c->fd >= 0) {
        client_end(f, c, "given up");
    }
}

void client_drop(fleet *f, client *c) {
    if (c->fd >= 0) {
        client_end(f, c, "dropped");
    }
}
