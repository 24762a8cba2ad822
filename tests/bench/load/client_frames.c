#include "tests/bench/load/client_frames.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { JOIN_MAX_BYTES = 512, CLOSE_CODE_BYTES = 2 };

/* Numbers need not be good, only different (xorshift64). */
static uint32_t next_mask(fleet *f) {
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return (uint32_t)(f->random >> 32);
}

void client_send_frame(fleet *f, client *c, ws_opcode opcode, const void *payload, size_t payload_bytes) {
    uint8_t out[CLIENT_SAYS_MAX_BYTES + WS_FRAME_OVERHEAD_BYTES];
    assert(payload_bytes <= CLIENT_SAYS_MAX_BYTES);
    size_t len_bytes = ws_frame_write(out, opcode, payload, payload_bytes, next_mask(f));
    if (send(c->fd, out, len_bytes, MSG_NOSIGNAL) != (ssize_t)len_bytes) {
        f->counters.write_blocked++;
        client_end(f, c, "cannot write");
    }
}

void client_say(fleet *f, client *c, const uint8_t *message, size_t message_bytes) {
    client_send_frame(f, c, WS_BINARY, message, message_bytes);
}

/* ---- changes ---- */

void client_change(fleet *f, client *c, seen_status status) {
    char message[64];
    const char *name = seen_status_names[status];
    int len = f->kinds[c->kind].wire == WIRE_SOCKETIO
                  ? snprintf(message, sizeof message, "42[\"status\",\"%s\"]", name)
                  : snprintf(message, sizeof message,
                             "\x82\xab"
                             "messageType\x05\xa6status%c%s",
                             (int)(0xa0 | strlen(name)), name);
    c->status = (uint8_t)status;
    c->changed_at_ns = monotonic_ns();
    f->counters.changes++;
    client_send_frame(f, c, f->kinds[c->kind].wire == WIRE_SOCKETIO ? WS_TEXT : WS_BINARY, message,
                      (size_t)len);
}

void client_change_to_next(fleet *f, client *c) {
    client_change(f, c, c->status == SEEN_BUSY ? SEEN_ONLINE : SEEN_BUSY);
}

/* Somebody saw a change: of one of ours, this is how long it took. Others who watch will see it later, so the
 * time of the change stays. */
static void look_whose(fleet *f, const update *u, uint64_t now_ns) {
    uint64_t index = u->user - f->first_number;
    f->counters.statuses[u->status]++;
    if (u->user < f->first_number || index >= f->clients_count) {
        return;
    }
    client *changed = &f->clients[index];
    if (changed->changed_at_ns == 0 || changed->status != u->status) {
        return;
    }
    histogram_add(&f->counters.seen, now_ns - changed->changed_at_ns);
    if (f->flooding && changed->state == CLIENT_OPEN) {
        client_change_to_next(f, changed);
    }
}

/* ---- messages ---- */

static void take_update(fleet *f, client *c, const update *u, uint64_t now_ns) {
    if (u->type == UPDATE_MESSAGE) {
        f->counters.updates++;
        look_whose(f, u, now_ns);
        return;
    }
    f->counters.others++;
    if (u->type == ERROR_MESSAGE && u->reconnect_after_ms >= 0) {
        f->counters.told_to_move++;
        c->move_after_ms = u->reconnect_after_ms;
    }
}

static bool begins_with(const ws_frame *frame, const char *text) {
    return frame->payload_bytes >= strlen(text) && memcmp(frame->payload, text, strlen(text)) == 0;
}

/* Engine.IO 4 with Socket.IO 5 inside: 0 open, 2 ping, 3 pong; 40 join, 42 event. */
static void take_socketio(fleet *f, client *c, const ws_frame *frame, uint64_t now_ns) {
    update u;
    if (begins_with(frame, "42")) {
        if (update_read_event((const char *)frame->payload, frame->payload_bytes, &u)) {
            take_update(f, c, &u, now_ns);
        } else {
            f->counters.others++;
        }
    } else if (begins_with(frame, "2")) {
        f->counters.pings++;
        client_send_frame(f, c, WS_TEXT, "3", 1);
    } else if (begins_with(frame, "0") && c->state == CLIENT_JOINING) {
        char join[JOIN_MAX_BYTES];
        int len = snprintf(join, sizeof join, "40{\"token\":\"%s\"}", c->token);
        client_send_frame(f, c, WS_TEXT, join, (size_t)len);
    } else if (begins_with(frame, "40") && c->state == CLIENT_JOINING) {
        client_is_open(f, c);
    } else {
        f->counters.others++;
    }
}

static void take_close(fleet *f, client *c, const ws_frame *frame) {
    char reason[FAILURE_BYTES] = "closed without a code";
    if (c->state == CLIENT_CLOSING) { /* the answer to ours: the server now closes the connection */
        return;
    }
    if (frame->payload_bytes >= CLOSE_CODE_BYTES) {
        snprintf(reason, sizeof reason, "closed with %d", frame->payload[0] << 8 | frame->payload[1]);
    }
    client_send_frame(f, c, WS_CLOSE, frame->payload,
                      frame->payload_bytes < CLOSE_CODE_BYTES ? 0 : CLOSE_CODE_BYTES);
    if (c->fd >= 0) {
        client_end(f, c, reason);
    }
}

static void take_frame(fleet *f, client *c, const ws_frame *frame, uint64_t now_ns) {
    update u;
    f->counters.frames++;
    switch (frame->opcode) {
    case WS_BINARY:
        if (frame->final && update_read_map(frame->payload, frame->payload_bytes, &u)) {
            take_update(f, c, &u, now_ns);
        } else {
            f->counters.invalid++;
        }
        break;
    case WS_TEXT:
        take_socketio(f, c, frame, now_ns);
        break;
    case WS_PING:
        f->counters.pings++;
        client_send_frame(f, c, WS_PONG, frame->payload, frame->payload_bytes);
        break;
    case WS_CLOSE:
        take_close(f, c, frame);
        break;
    case WS_PONG:
        break;
    case WS_CONTINUATION:
        f->counters.invalid++;
        break;
    }
}

size_t client_take_frames(fleet *f, client *c, const uint8_t *bytes, size_t len_bytes) {
    size_t taken = 0;
    uint64_t now_ns = monotonic_ns();
    while (c->fd >= 0) {
        ws_frame frame;
        ws_frame_found found = ws_frame_read(bytes + taken, len_bytes - taken, &frame);
        if (found == WS_FRAME_INVALID) {
            f->counters.invalid++;
            client_end(f, c, "invalid frame");
        }
        if (found != WS_FRAME_WHOLE) {
            break;
        }
        taken += frame.whole_bytes;
        take_frame(f, c, &frame, now_ns);
    }
    return taken;
}
