#include "common/bus/bus_socket.h"
#include "common/bus/bus_callers.h"
#include "common/bus/bus_comeback.h"
#include "common/bus/bus_curve.h"
#include "common/bus/bus_poll.h"
#include "common/log/log.h"
#include <assert.h>
#include <czmq.h>
#include <stdlib.h>

enum {
    MESSAGES_A_TURN = 200, /* then other handles of the loop get theirs */
    FRAMES_MAX = 3,
    TAG_MAX_BYTES = 64,
    ENDPOINT_MAX_BYTES = 256,
    LINGER_MAX_MS = 1000,
    HEARTBEAT_TIMEOUT_MIN_MS = 1000,
    RECONNECT_FIRST_MS = 50,
};

struct bus_socket {
    bus_context bus;
    bus_socket_kind kind;
    /* Where there are keys: */
    bus_callers_t *callers;   /* of one that binds */
    bus_comeback_t *comeback; /* of one that connects */
    /* Of libzmq, made by zsys_socket: zsock_new aborts where descriptors are out, and zmq_socket is unknown
     * to czmq, whose exit would wait for ever for a socket that nobody closed. */
    void *raw;
    /* Any call on the socket may swallow an edge of ZMQ_FD (bus_poll.h). So: whoever touches the socket
     * starts `idle`, whose callback looks at ZMQ_EVENTS before the loop may sleep, and stops it where nothing
     * is left to read. */
    uv_poll_t poll;
    uv_idle_t idle;
    int handles_open;
    bus_receive_fn *on_message;
    bus_writable_fn *on_writable;
    void *context;
    bool paused;
    bool writable; /* as last seen */
    bool in_callback;
    size_t message_max_bytes;
    char endpoint[ENDPOINT_MAX_BYTES];
};

static void look_before_sleeping(bus_socket_t *socket);

/* Receives one message into at most FRAMES_MAX frames, which the caller closes; what is beyond is dropped.
 * Returns how many frames came, 0 where nothing is there. */
static size_t receive_frames(bus_socket_t *socket, zmq_msg_t frames[FRAMES_MAX]) {
    size_t count = 0;
    bool more = true;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        int received;
        do {
            received = zmq_msg_recv(&frame, socket->raw, ZMQ_DONTWAIT);
        } while (received < 0 && errno == EINTR);
        if (received < 0) {
            zmq_msg_close(&frame);
            return count;
        }
        more = zmq_msg_more(&frame) != 0;
        if (count < FRAMES_MAX) {
            frames[count] = frame;
        } else {
            zmq_msg_close(&frame);
        }
        count++;
    }
    return count;
}

static str_view frame_view(zmq_msg_t *frame) {
    return str_view_make(zmq_msg_data(frame), zmq_msg_size(frame));
}

/* False: nothing was there. */
static bool receive_one(bus_socket_t *socket) {
    zmq_msg_t frames[FRAMES_MAX];
    size_t count = receive_frames(socket, frames);
    if (count == 0) {
        return false;
    }
    size_t identities = socket->kind == BUS_ROUTER ? 1 : 0;
    bool has_shape = count == identities + 2 && zmq_msg_size(&frames[identities]) <= TAG_MAX_BYTES;
    if (has_shape && (socket->kind != BUS_ROUTER || bus_curve_may_say(&socket->bus, &frames[identities]))) {
        metrics_add(socket->bus.metrics, METRIC_BUS_RECEIVED, 1);
        str_view identity = identities ? frame_view(&frames[0]) : (str_view){0};
        socket->on_message(socket->context, identity, frame_view(&frames[identities]),
                           frame_view(&frames[identities + 1]));
    } else if (!has_shape) {
        metrics_add(socket->bus.metrics, METRIC_BUS_INVALID, 1);
        log_debug("bus.malformed", "endpoint=%s frames=%zu", socket->endpoint, count);
    }
    for (size_t i = 0; i < count && i < FRAMES_MAX; i++) {
        zmq_msg_close(&frames[i]);
    }
    return true;
}

/* True: the owner was told, and may have sent. */
static bool notice_writable(bus_socket_t *socket, int events) {
    bool was_writable = socket->writable;
    socket->writable = (events & ZMQ_POLLOUT) != 0;
    if (!socket->writable || was_writable || !socket->on_writable) {
        return false;
    }
    socket->on_writable(socket->context);
    return true;
}

/* One turn of reading. The last thing that it does to the socket is to ask for ZMQ_EVENTS: only an answer
 * without ZMQ_POLLIN means that the next message makes an edge. */
static void serve(bus_socket_t *socket) {
    socket->in_callback = true;
    for (int taken = 0; taken < MESSAGES_A_TURN && !socket->paused && socket->on_message; taken++) {
        if (!receive_one(socket)) {
            break;
        }
    }
    int events = bus_poll_events(socket->raw);
    if (notice_writable(socket, events)) {
        events = bus_poll_events(socket->raw);
    }
    socket->in_callback = false;
    if ((events & ZMQ_POLLIN) && !socket->paused && socket->on_message) {
        look_before_sleeping(socket);
    } else {
        uv_idle_stop(&socket->idle);
    }
}

static void on_edge(uv_poll_t *poll, int status, int events) {
    (void)status; /* an error of the descriptor would be libzmq's: ZMQ_EVENTS tells what is true */
    (void)events;
    serve(poll->data);
}

static void on_idle(uv_idle_t *idle) {
    serve(idle->data);
}

static void look_before_sleeping(bus_socket_t *socket) {
    uv_idle_start(&socket->idle, on_idle);
}

static bool set_int(bus_socket_t *socket, int option, int64_t value) {
    int narrow = value > INT32_MAX ? INT32_MAX : (int)value;
    return zmq_setsockopt(socket->raw, option, &narrow, sizeof narrow) == 0;
}

static bool binds(bus_socket_kind kind) {
    return kind == BUS_ROUTER || kind == BUS_PUB;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static bool set_options(bus_socket_t *socket) {
    const config_t *config = socket->bus.config;
    int64_t queue_max = config_integer(config, SETTING_BUS_QUEUE_MAX);
    int64_t peer_timeout_ms = config_integer(config, SETTING_PEER_TIMEOUT_MS);
    int64_t message_max_bytes = config_integer(config, SETTING_BUS_MESSAGE_MAX);
    /* Where data is not acknowledged for so long, the kernel gives the connection up: beats go each second.
     * Heartbeats of the transport, which wake a thread at both ends, find what the kernel does not: a peer
     * whose host answers and which itself does not. Who lives is judged by beats (peer_set), so they may take
     * longer: dropping a connection drops what is queued on it. */
    int64_t heartbeat_ms = larger(2 * peer_timeout_ms, HEARTBEAT_TIMEOUT_MIN_MS);
    socket->message_max_bytes = (size_t)message_max_bytes;
    bool set =
        set_int(socket, ZMQ_LINGER, smaller(config_integer(config, SETTING_DRAIN_MS), LINGER_MAX_MS)) &&
        set_int(socket, ZMQ_SNDHWM, queue_max) && set_int(socket, ZMQ_RCVHWM, queue_max) &&
        set_int(socket, ZMQ_TCP_MAXRT, heartbeat_ms) &&
        set_int(socket, ZMQ_HEARTBEAT_IVL, 2 * heartbeat_ms) &&
        set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, heartbeat_ms) &&
        set_int(socket, ZMQ_HEARTBEAT_TTL, 3 * heartbeat_ms) &&
        set_int(socket, ZMQ_CONNECT_TIMEOUT, heartbeat_ms) &&
        set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_FIRST_MS) &&
        set_int(socket, ZMQ_RECONNECT_IVL_MAX, BUS_RECONNECT_MAX_MS) &&
        zmq_setsockopt(socket->raw, ZMQ_MAXMSGSIZE, &message_max_bytes, sizeof message_max_bytes) == 0;
    switch (socket->kind) {
    case BUS_ROUTER:
        return set && set_int(socket, ZMQ_ROUTER_MANDATORY, 1) && set_int(socket, ZMQ_ROUTER_HANDOVER, 1);
    case BUS_DEALER:
        return set && set_int(socket, ZMQ_IMMEDIATE, 1);
    case BUS_SUB:
        return set && zmq_setsockopt(socket->raw, ZMQ_SUBSCRIBE, "", 0) == 0;
    case BUS_PUB:
        return set;
    }
    return false;
}

/* Everything but an IPv4 address may need IPv6; with it on, an IPv4 address would be shown as an IPv6 one. */
static bool is_ipv4(const char *endpoint) {
    const char *host = strstr(endpoint, "://");
    host = host ? host + 3 : endpoint;
    size_t digits = strspn(host, "0123456789.");
    return digits > 0 && host[digits] == ':';
}

/* libzmq takes port 99999 for 34463. */
static bool port_fits(const char *endpoint) {
    const char *colon = strrchr(endpoint, ':');
    return colon && strtoul(colon + 1, NULL, 10) <= UINT16_MAX;
}

static zp_error attach(bus_socket_t *socket, const char *endpoint, bool bind) {
    if (socket->comeback && bus_comeback_add(socket->comeback, endpoint) != ZP_OK) {
        return ZP_NO_MEMORY;
    }
    errno = EINVAL;
    bool done = port_fits(endpoint) && set_int(socket, ZMQ_IPV6, !is_ipv4(endpoint)) &&
                (bind ? zmq_bind(socket->raw, endpoint) : zmq_connect(socket->raw, endpoint)) == 0;
    if (!done) {
        log_error(bind ? "bus.bind_failed" : "bus.connect_failed", "endpoint=%s reason=\"%s\"", endpoint,
                  zmq_strerror(zmq_errno()));
        return ZP_SYSTEM;
    }
    size_t size = sizeof socket->endpoint;
    if (zmq_getsockopt(socket->raw, ZMQ_LAST_ENDPOINT, socket->endpoint, &size) < 0) {
        socket->endpoint[0] = '\0';
    }
    return ZP_OK;
}

static void reconnect(void *context, const char *endpoint) {
    bus_socket_t *socket = context;
    (void)zmq_disconnect(socket->raw, endpoint);
    if (attach(socket, endpoint, false) == ZP_OK) {
        look_before_sleeping(socket);
    }
}

static zp_error secure(bus_socket_t *socket, process_kind host) {
    if (!binds(socket->kind)) {
        return bus_comeback_new(&socket->comeback, &socket->bus, socket->raw, host, reconnect, socket);
    }
    zp_error error = bus_curve_host(&socket->bus, socket->raw, socket->kind);
    return error ? error : bus_callers_new(&socket->callers, &socket->bus, socket->raw);
}

static int zmq_type(bus_socket_kind kind) {
    switch (kind) {
    case BUS_ROUTER:
        return ZMQ_ROUTER;
    case BUS_DEALER:
        return ZMQ_DEALER;
    case BUS_PUB:
        return ZMQ_PUB;
    case BUS_SUB:
        return ZMQ_SUB;
    }
    return -1;
}

static zp_error watch(bus_socket_t *socket) {
    if (bus_poll_open(&socket->poll, socket->bus.loop, socket->raw) != ZP_OK) {
        return ZP_SYSTEM;
    }
    uv_idle_init(socket->bus.loop, &socket->idle);
    socket->handles_open = 2;
    socket->poll.data = socket;
    socket->idle.data = socket;
    uv_poll_start(&socket->poll, UV_READABLE, on_edge);
    look_before_sleeping(socket); /* an edge may have passed before anybody watched */
    return ZP_OK;
}

zp_error bus_socket_new(bus_socket_t **ret_socket, const bus_context *bus, bus_socket_kind kind,
                        process_kind host, const char *endpoint, bus_receive_fn *on_message, void *context) {
    assert((kind == BUS_SUB) == (endpoint == NULL));
    assert((kind == BUS_PUB) == (on_message == NULL));
    bus_socket_t *socket = calloc(1, sizeof *socket);
    if (!socket) {
        return ZP_NO_MEMORY;
    }
    *socket = (bus_socket_t){.bus = *bus, .kind = kind, .on_message = on_message, .context = context};
    zsys_handler_set(NULL); /* signals are the loop's */
    zp_error error = ZP_SYSTEM;
    socket->raw = zsys_socket(zmq_type(kind), __FILE__, __LINE__);
    if (!socket->raw) {
        log_error("bus.no_socket", "reason=\"%s\"", zmq_strerror(zmq_errno()));
        goto failed;
    }
    if (!set_options(socket)) {
        log_error("bus.option_refused", "reason=\"%s\"", zmq_strerror(zmq_errno()));
        goto failed;
    }
    error = bus->keys ? secure(socket, host) : ZP_OK;
    if (!error && endpoint) {
        error = attach(socket, endpoint, binds(kind));
    }
    if (error) {
        goto failed;
    }
    error = watch(socket);
    if (error) {
        goto failed;
    }
    *ret_socket = socket;
    return ZP_OK;
failed:
    bus_callers_destroy(&socket->callers);
    bus_comeback_destroy(&socket->comeback);
    if (socket->raw) {
        zsys_close(socket->raw, __FILE__, __LINE__);
    }
    free(socket);
    return error;
}

static void on_closed(uv_handle_t *handle) {
    bus_socket_t *socket = handle->data;
    if (--socket->handles_open == 0) {
        free(socket);
    }
}

void bus_socket_destroy(bus_socket_t **socket_ref) {
    bus_socket_t *socket = *socket_ref;
    if (!socket) {
        return;
    }
    assert(!socket->in_callback);
    *socket_ref = NULL;
    /* The loop lets go of the descriptor before libzmq closes it. */
    uv_close((uv_handle_t *)&socket->poll, on_closed);
    uv_close((uv_handle_t *)&socket->idle, on_closed);
    bus_callers_destroy(&socket->callers);
    bus_comeback_destroy(&socket->comeback);
    zsys_close(socket->raw, __FILE__, __LINE__);
}

zp_error bus_socket_connect(bus_socket_t *socket, const char *endpoint) {
    assert(socket->kind == BUS_SUB);
    zp_error error = attach(socket, endpoint, false);
    look_before_sleeping(socket);
    return error;
}

void bus_socket_disconnect(bus_socket_t *socket, const char *endpoint) {
    assert(socket->kind == BUS_SUB);
    if (socket->comeback) {
        bus_comeback_remove(socket->comeback, endpoint);
    }
    (void)zmq_disconnect(socket->raw, endpoint); /* one that is not connected is no error */
    look_before_sleeping(socket);
}

void bus_socket_on_writable(bus_socket_t *socket, bus_writable_fn *on_writable) {
    assert(socket->kind == BUS_DEALER);
    socket->on_writable = on_writable;
}

bool bus_socket_is_writable(const bus_socket_t *socket) {
    return socket->writable;
}

static bool send_frame(bus_socket_t *socket, str_view frame, int flags) {
    int sent;
    do {
        sent = zmq_send(socket->raw, frame.ptr, frame.len, ZMQ_DONTWAIT | flags);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/* Where the first frame is taken, libzmq takes the rest, or drops all of it with the peer. */
static zp_error send_message(bus_socket_t *socket, str_view identity, const char *tag, str_view payload) {
    if (payload.len == 0) {
        return ZP_NO_MEMORY;
    }
    if (payload.len > socket->message_max_bytes) {
        log_error("bus.too_large", "endpoint=%s tag=%s bytes=%zu", socket->endpoint, tag, payload.len);
        return ZP_TOO_LARGE;
    }
    look_before_sleeping(socket);
    if ((socket->kind == BUS_ROUTER && !send_frame(socket, identity, ZMQ_SNDMORE)) ||
        !send_frame(socket, str_view_of(tag), ZMQ_SNDMORE) || !send_frame(socket, payload, 0)) {
        socket->writable = false;
        return ZP_UNAVAILABLE;
    }
    return ZP_OK;
}

zp_error bus_socket_send(bus_socket_t *socket, str_view identity, const char *tag, str_view payload) {
    assert(socket->kind != BUS_SUB);
    assert((socket->kind == BUS_ROUTER) == (identity.len > 0));
    zp_error error = send_message(socket, identity, tag, payload);
    metrics_add(socket->bus.metrics, error ? METRIC_BUS_NOT_SENT : METRIC_BUS_SENT, 1);
    return error;
}

void bus_socket_pause(bus_socket_t *socket, bool paused) {
    socket->paused = paused;
    if (!paused) {
        look_before_sleeping(socket);
    }
}

const char *bus_socket_endpoint(const bus_socket_t *socket) {
    return socket->endpoint;
}
