#include "services/ws-edge/ws_socket.h"

#include "common/log/log.h"
#include "services/ws-edge/core/close_code.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    CLOSE_TIMEOUT_MS = 3000, /* for the client's close frame, or its end */
    READY_PER_TURN = 1024,   /* so that a storm of updates does not starve timers and beats */
    PARTIAL_FIRST_BYTES = 256,
    CLOSE_PAYLOAD_MAX_BYTES = 125,
};

enum { FRAME_FINAL_CLOSE = 0x88 };

#define PING_FRAME "\x89\x09voiceping"

struct partial_message {
    size_t len_bytes, room_bytes;
    char bytes[];
};

static void on_ready_turn(uv_idle_t *idle);
static void on_close_timer(uv_timer_t *timer);

void ws_sockets_init(ws_sockets *sockets) {
    ring_init(&sockets->ready);
    ring_init(&sockets->closing);
    uv_idle_init(sockets->loop, &sockets->ready_turn);
    uv_timer_init(sockets->loop, &sockets->close_timer);
}

static ws_server_t *server_of(const struct ws_socket *socket) {
    return lws_context_user(lws_get_context(socket->wsi));
}

static ws_sockets *group_of(const struct ws_socket *socket) {
    return &server_of(socket)->sockets;
}

/* -- lists and states -- */

static bool is_in_closing(const struct ws_socket *socket) {
    return socket->state == WS_SOCKET_CLOSING || socket->state == WS_SOCKET_LEAVING;
}

static void make_ready(struct ws_socket *socket) {
    ws_sockets *sockets = group_of(socket);
    if (!ring_is_in_list(&socket->link)) {
        ring_append(&sockets->ready, &socket->link);
        sockets->ready_count++;
        uv_idle_start(&sockets->ready_turn, on_ready_turn);
    }
}

static void leave_list(struct ws_socket *socket) {
    if (ring_is_in_list(&socket->link) && !is_in_closing(socket)) {
        group_of(socket)->ready_count--;
    }
    ring_remove(&socket->link);
}

/* The first of a list; NULL: it is empty. */
static struct ws_socket *first_of(const ring *list) {
    return ring_is_empty(list) ? NULL : RING_OWNER(list->next, struct ws_socket, link);
}

static void set_close_timer(ws_sockets *sockets) {
    const struct ws_socket *first = first_of(&sockets->closing);
    if (!first) {
        uv_timer_stop(&sockets->close_timer);
        return;
    }
    uint64_t now_ms = uv_now(sockets->loop);
    uint64_t due_ms = first->due_ms;
    uv_timer_start(&sockets->close_timer, on_close_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

/* The one place where a socket changes its state. */
static void set_state(struct ws_socket *socket, ws_socket_state state) {
    ws_sockets *sockets = group_of(socket);
    leave_list(socket);
    socket->state = (uint8_t)state;
    switch (state) {
    case WS_SOCKET_NEW:
        break;
    case WS_SOCKET_OPEN:
        sockets->count++;
        break;
    case WS_SOCKET_FAILING:
        socket->closed_by_us = true;
        make_ready(socket);
        break;
    case WS_SOCKET_CLOSING:
    case WS_SOCKET_LEAVING:
        /* All have the same time, so the list is in the order of their ends. */
        socket->due_ms = uv_now(sockets->loop) + CLOSE_TIMEOUT_MS;
        ring_append(&sockets->closing, &socket->link);
        break;
    case WS_SOCKET_GONE:
        sockets->count--;
        break;
    }
    set_close_timer(sockets);
}

/* A write failed: the connection is dead, whether or not the kernel will say so. */
static void end_soon(struct ws_socket *socket) {
    ws_sockets *sockets = group_of(socket);
    if (!is_in_closing(socket)) {
        set_state(socket, WS_SOCKET_CLOSING);
    }
    ring_remove(&socket->link);
    socket->due_ms = 0;
    ring_prepend(&sockets->closing, &socket->link);
    set_close_timer(sockets);
}

/* As the kernel's word that the peer is gone, which lws obeys at once; its other ways wait for what is
 * buffered. */
static void end_now(struct ws_socket *socket) {
    struct lws_pollfd hangup = {.fd = lws_get_socket_fd(socket->wsi), .revents = LWS_POLLHUP};
    lws_service_fd(group_of(socket)->lws, &hangup);
}

static void on_close_timer(uv_timer_t *timer) {
    ws_sockets *sockets = timer->data;
    uint64_t now_ms = uv_now(sockets->loop);
    for (struct ws_socket *socket = first_of(&sockets->closing); socket && socket->due_ms <= now_ms;) {
        metrics_add(sockets->metrics, METRIC_EDGE_CLOSES_FORCED, 1);
        end_now(socket);
        assert(first_of(&sockets->closing) != socket); /* or this would never end */
        socket = first_of(&sockets->closing);
    }
    set_close_timer(sockets);
}

/* -- out -- */

/* Frames as they are, behind whatever lws still holds. LWS_WRITE_RAW neither changes the bytes nor writes in
 * front of them, so they need no LWS_PRE and no copy. */
static bool write_raw(struct ws_socket *socket, str_view frames) {
    if (lws_write(socket->wsi, (unsigned char *)frames.ptr, frames.len, LWS_WRITE_RAW) < 0) {
        end_soon(socket);
        return false;
    }
    return true;
}

static void ask_lws(struct ws_socket *socket) {
    if (!socket->asked_lws) {
        socket->asked_lws = true;
        lws_callback_on_writable(socket->wsi);
    }
}

/* lws would poll (lws_send_pipe_choked), which is a twentieth of what an edge costs, and nearly always says
 * yes. A write finds out as well: what the kernel does not take, by its own limit (TCP_NOTSENT_LOWAT), lws
 * keeps, and until that is gone nothing more is written. */
static bool takes_bytes(const struct ws_socket *socket) {
    return !lws_partial_buffered(socket->wsi);
}

/* The pipe takes bytes now. */
static void serve(struct ws_socket *socket) {
    if (socket->state == WS_SOCKET_OPEN && socket->wants_ping) {
        socket->wants_ping = false;
        (void)write_raw(socket, str_view_of(PING_FRAME));
    }
    if (socket->state == WS_SOCKET_OPEN && socket->wants_write) {
        socket->wants_write = false;
        group_of(socket)->events.on_writable(group_of(socket)->context, socket);
    }
}

/* After a failure the client is told, in frames and by the end of the stream; what it still sends is dropped.
 */
static void shut_write(struct ws_socket *socket) {
    if (socket->state == WS_SOCKET_CLOSING && socket->failure_code != 0 &&
        !lws_partial_buffered(socket->wsi)) {
        (void)shutdown(lws_get_socket_fd(socket->wsi), SHUT_WR);
    }
}

static void send_close(struct ws_socket *socket, uint16_t code, const char *reason) {
    char frame[2 + CLOSE_PAYLOAD_MAX_BYTES];
    size_t reason_bytes = strnlen(reason, CLOSE_PAYLOAD_MAX_BYTES - 2);
    frame[0] = (char)FRAME_FINAL_CLOSE;
    frame[1] = (char)(2 + reason_bytes);
    frame[2] = (char)(code >> 8);
    frame[3] = (char)(code & 0xff);
    memcpy(frame + 4, reason, reason_bytes);
    set_state(socket, WS_SOCKET_CLOSING);
    free(socket->partial);
    socket->partial = NULL;
    if (write_raw(socket, str_view_make(frame, 4 + reason_bytes))) {
        shut_write(socket);
    }
}

static void serve_ready(struct ws_socket *socket) {
    if (socket->state == WS_SOCKET_FAILING) {
        send_close(socket, socket->failure_code, frame_close_text(socket->failure_code));
        return;
    }
    ws_socket_tell_life(socket);
    if (socket->state == WS_SOCKET_OPEN && (socket->wants_write || socket->wants_ping)) {
        if (takes_bytes(socket)) {
            serve(socket);
        } else {
            ask_lws(socket);
        }
    }
}

static void on_ready_turn(uv_idle_t *idle) {
    ws_sockets *sockets = idle->data;
    size_t turns = sockets->ready_count < READY_PER_TURN ? sockets->ready_count : READY_PER_TURN;
    for (struct ws_socket *socket = first_of(&sockets->ready); socket && turns > 0; turns--) {
        leave_list(socket);
        serve_ready(socket);
        socket = first_of(&sockets->ready);
    }
    if (ring_is_empty(&sockets->ready)) {
        uv_idle_stop(idle);
    }
}

void ws_socket_writable(struct ws_socket *socket) {
    socket->asked_lws = false;
    serve(socket);
    shut_write(socket);
}

/* -- in -- */

static metric_id failure_metric(uint16_t close_code) {
    switch (close_code) {
    case CLOSE_UNSUPPORTED_DATA:
        return METRIC_EDGE_FAILURES_TEXT;
    case CLOSE_INVALID_DATA:
        return METRIC_EDGE_FAILURES_UTF8;
    case CLOSE_POLICY_VIOLATION:
        return METRIC_EDGE_FAILURES_FRAMES;
    case CLOSE_MESSAGE_TOO_BIG:
        return METRIC_EDGE_FAILURES_TOO_BIG;
    default:
        return METRIC_EDGE_FAILURES_PROTOCOL;
    }
}

size_t ws_socket_tap(struct ws_socket *socket, str_view bytes) {
    ws_sockets *sockets = group_of(socket);
    frame_report report = frame_watch_advance(&socket->watch, bytes, sockets->message_max_bytes);
    if (socket->state != WS_SOCKET_OPEN) {
        return report.good_bytes;
    }
    socket->life_pong = socket->life_pong || report.pong;
    socket->life_other = socket->life_other || report.other;
    if (!rate_limit_take(&sockets->frames, &socket->frames, report.frames_count, uv_now(sockets->loop))) {
        report.close_code = CLOSE_POLICY_VIOLATION;
        report.good_bytes = 0;
        socket->watch.over = true;
    }
    if (report.close_code != 0) {
        metrics_add(sockets->metrics, failure_metric(report.close_code), 1);
        sockets->events.on_failed(sockets->context, socket, report.close_code);
        socket->failure_code = report.close_code;
        set_state(socket, WS_SOCKET_FAILING);
    } else if (report.control) {
        make_ready(socket); /* lws will not say that it came */
    }
    return report.good_bytes;
}

/* What came before a failure still counts. */
static bool is_heard(const struct ws_socket *socket) {
    return socket->state == WS_SOCKET_OPEN || socket->state == WS_SOCKET_FAILING;
}

void ws_socket_tell_life(struct ws_socket *socket) {
    ws_sockets *sockets = group_of(socket);
    if (is_heard(socket) && socket->life_pong) {
        socket->life_pong = false;
        sockets->events.on_life(sockets->context, socket, true);
    }
    if (is_heard(socket) && socket->life_other) {
        socket->life_other = false;
        sockets->events.on_life(sockets->context, socket, false);
    }
}

/* Room grows with what came, never with what a header promises. */
static bool append_partial(struct ws_socket *socket, str_view chunk) {
    partial_message *partial = socket->partial;
    size_t needed_bytes = (partial ? partial->len_bytes : 0) + chunk.len;
    if (!partial || partial->room_bytes < needed_bytes) {
        size_t room_bytes = partial ? partial->room_bytes : PARTIAL_FIRST_BYTES;
        while (room_bytes < needed_bytes) {
            room_bytes *= 2;
        }
        partial = realloc(partial, sizeof *partial + room_bytes);
        if (!partial) {
            return false;
        }
        partial->len_bytes = socket->partial ? partial->len_bytes : 0;
        partial->room_bytes = room_bytes;
        socket->partial = partial;
    }
    if (chunk.len > 0) {
        memcpy(partial->bytes + partial->len_bytes, chunk.ptr, chunk.len);
        partial->len_bytes += chunk.len;
    }
    return true;
}

void ws_socket_received(struct ws_socket *socket, str_view chunk, bool completes_message) {
    ws_sockets *sockets = group_of(socket);
    ws_socket_tell_life(socket);
    if (!is_heard(socket)) {
        return;
    }
    if (completes_message && !socket->partial) {
        sockets->events.on_message(sockets->context, socket, chunk);
        return;
    }
    if (!append_partial(socket, chunk)) {
        ws_socket_close(socket, CLOSE_INTERNAL_ERROR, "out of memory");
        return;
    }
    if (completes_message) {
        partial_message *whole = socket->partial;
        socket->partial = NULL;
        sockets->events.on_message(sockets->context, socket, str_view_make(whole->bytes, whole->len_bytes));
        free(whole);
    }
}

bool ws_socket_close_received(struct ws_socket *socket) {
    if (is_in_closing(socket)) {
        return true;
    }
    set_state(socket, WS_SOCKET_LEAVING);
    return false;
}

/* -- begin and end -- */

void ws_socket_established(struct ws_socket *socket, struct lws *wsi, const ws_identity *identity) {
    socket->wsi = wsi;
    ws_sockets *sockets = group_of(socket);
    set_state(socket, WS_SOCKET_OPEN);
    socket->data = sockets->events.on_open(sockets->context, socket, identity);
    if (!socket->data) {
        ws_socket_close(socket, CLOSE_TRY_AGAIN_LATER, "refused");
    }
}

void ws_socket_gone(struct ws_socket *socket) {
    if (socket->state == WS_SOCKET_NEW || socket->state == WS_SOCKET_GONE) {
        return;
    }
    ws_sockets *sockets = group_of(socket);
    set_state(socket, WS_SOCKET_GONE);
    address_limits_leave(server_of(socket)->addresses, socket->address, uv_now(sockets->loop));
    socket->address = NULL;
    free(socket->partial);
    socket->partial = NULL;
    if (socket->data) {
        sockets->events.on_close(sockets->context, socket,
                                 socket->closed_by_us ? WS_CLOSED_BY_US : WS_CLOSED_BY_CLIENT);
    }
}

/* -- ws_server.h -- */

void *ws_socket_data(const ws_socket_t *socket) {
    return socket->data;
}

client_network ws_socket_from(const ws_socket_t *socket) {
    return socket->from;
}

void ws_socket_want_write(ws_socket_t *socket) {
    if (socket->state != WS_SOCKET_OPEN || socket->wants_write) {
        return;
    }
    socket->wants_write = true;
    if (!socket->asked_lws) {
        make_ready(socket);
    }
}

zp_error ws_socket_write(ws_socket_t *socket, str_view frames) {
    if (socket->state != WS_SOCKET_OPEN) {
        return ZP_UNAVAILABLE;
    }
    return write_raw(socket, frames) ? ZP_OK : ZP_UNAVAILABLE;
}

void ws_socket_ping(ws_socket_t *socket) {
    if (socket->state != WS_SOCKET_OPEN) {
        return;
    }
    if (takes_bytes(socket)) {
        (void)write_raw(socket, str_view_of(PING_FRAME));
    } else {
        socket->wants_ping = true;
        ask_lws(socket);
    }
}

void ws_socket_close(ws_socket_t *socket, uint16_t code, const char *reason) {
    if (socket->state == WS_SOCKET_OPEN) {
        socket->closed_by_us = true;
        send_close(socket, code, reason);
    }
}
