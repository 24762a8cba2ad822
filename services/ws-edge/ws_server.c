#include "services/ws-edge/ws_server.h"

#include "common/base/clock.h"
#include "common/base/origin_list.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "services/ws-edge/recv_tap.h"
#include "services/ws-edge/ws_socket.h"

#include <assert.h>
#include <limits.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    LWS_RX_BUFFER_BYTES = 128,    /* per socket; 0 would mean 4096 (FACTS) */
    LWS_TX_PACKET_BYTES = 262144, /* what one write may hand to the kernel */
    LWS_HEADER_POOL = 1024,       /* its default is the descriptor limit */
    LWS_ANSWER_BYTES = 1024,      /* room for a 101 beside the subprotocol that it names */
    DESCRIPTORS_USEFUL = 1048576, /* lws keeps two tables of RLIMIT_NOFILE entries */
    DESCRIPTORS_RESERVED = 256, /* the bus, the admin endpoint; beside HANDSHAKES_MAX for heads being read */
    DESTROY_TURNS = 8,       /* lws needs three: its sockets, then its own handles; and one after a uv_stop */
    FRAMES_PER_MESSAGE = 10, /* PINGs, PONGs and fragments included */
    DEVICE_HASH_BYTES = 8,
    DEVICE_BYTES = 2 + 2 * DEVICE_HASH_BYTES + 1,
};

/* A client on its way from the front door through lws. */
typedef struct ws_opening {
    const request_head *head;
    client_network from;
    ws_identity identity;
    bool established;
} ws_opening;

/* -- lws -- */

/* lws reports each adoption as an error (FACTS). */
static void on_lws_log(int level, const char *line) {
    (void)level;
    if (!strstr(line, "calling service")) {
        log_warn("edge.lws", "line=\"%.*s\"", (int)strcspn(line, "\r\n"), line);
    }
}

/* A browser gives up on an answer that names none of the subprotocols it offered, and lws only names what it
 * knows. */
static int add_echo(struct lws *wsi, const ws_opening *opening, struct lws_process_html_args *args) {
    str_view echo = opening ? request_head_echo(opening->head) : (str_view){0};
    if (echo.len == 0) {
        return 0;
    }
    unsigned char *at = (unsigned char *)args->p;
    int failed = lws_add_http_header_by_name(
        wsi, (const unsigned char *)"sec-websocket-protocol:", (const unsigned char *)echo.ptr, (int)echo.len,
        &at, at + args->max_len);
    args->p = (char *)at;
    return failed;
}

/* What is not listed is left alone, LWS_CALLBACK_HTTP_CONFIRM_UPGRADE above all (FACTS). */
static int on_lws(struct lws *wsi, enum lws_callback_reasons why, void *user, void *in, size_t len_bytes) {
    ws_server_t *server = lws_context_user(lws_get_context(wsi));
    struct ws_socket *socket = user;
    switch ((int)why) {
    case LWS_CALLBACK_ADD_HEADERS:
        return add_echo(wsi, server->opening, in);
    case LWS_CALLBACK_ESTABLISHED:
        if (!server->opening) {
            return -1;
        }
        server->opening->established = true;
        socket->from = server->opening->from;
        socket->address = address_limits_enter(server->addresses, socket->from, uv_now(server->sockets.loop));
        ws_socket_established(socket, wsi, &server->opening->identity);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        ws_socket_received(socket, str_view_make(in, len_bytes), lws_is_final_fragment(wsi) != 0);
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        ws_socket_tell_life(socket);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        ws_socket_writable(socket);
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return ws_socket_close_received(socket) ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        if (socket) {
            ws_socket_gone(socket);
        }
        return 0;
    default:
        return 0;
    }
}

/* A peer's end is read as "nothing there", and nothing is read any more, or this would be asked for ever:
 * what still notices are PINGs that cannot be written, and the silence (FAULT_SKIP_CLOSE). */
static bool overlooks_end(struct lws *wsi, const struct ws_socket *socket) {
    return socket && socket->state == WS_SOCKET_OPEN && FAULT(SKIP_CLOSE) && lws_rx_flow_control(wsi, 0) >= 0;
}

static size_t on_recv(void *context, int fd, const char *bytes, size_t got_bytes) {
    ws_server_t *server = context;
    struct lws *wsi = fd < server->descriptors_max ? wsi_from_fd(server->sockets.lws, fd) : NULL;
    struct ws_socket *socket = wsi ? lws_wsi_user(wsi) : NULL;
    if (got_bytes == 0) {
        return overlooks_end(wsi, socket) ? 0 : 1;
    }
    if (!socket || socket->state == WS_SOCKET_NEW) {
        return got_bytes; /* another library's */
    }
    return ws_socket_tap(socket, str_view_make(bytes, got_bytes));
}

/* How many sockets the descriptor limit has room for, beside what else needs some. A soft limit below the
 * hard one is raised; one of a thousand million, as containers have it, is lowered, because lws makes tables
 * of that size. */
static void fit_descriptors(ws_server_t *server, size_t sockets_max, size_t handshakes_max) {
    struct rlimit limit = {0};
    rlim_t useful = sockets_max > DESCRIPTORS_USEFUL / 2 ? sockets_max * 2 : DESCRIPTORS_USEFUL;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < useful ? limit.rlim_max : useful;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    size_t descriptors = limit.rlim_cur < INT_MAX ? limit.rlim_cur : INT_MAX;
    server->descriptors_max = (int)descriptors;
    server->sockets_max = sockets_max;
    size_t reserved = handshakes_max + DESCRIPTORS_RESERVED;
    if (descriptors < sockets_max + reserved) {
        server->sockets_max = descriptors > 2 * reserved ? descriptors - reserved : descriptors / 2;
        log_warn("edge.sockets_limited", "setting=SOCKETS_MAX value=%zu descriptors=%zu taken=%zu",
                 sockets_max, descriptors, server->sockets_max);
    }
}

static bool start_lws(ws_server_t *server, size_t head_max_bytes) {
    static const struct lws_protocols protocols[] = {
        {.name = "zpresence",
         .callback = on_lws,
         .per_session_data_size = sizeof(struct ws_socket),
         .rx_buffer_size = LWS_RX_BUFFER_BYTES,
         .tx_packet_size = LWS_TX_PACKET_BYTES},
        {.name = NULL},
    };
    /* lws's own keepalive keeps a sorted list of all sockets (FACTS): none of it. */
    static const lws_retry_bo_t no_keepalive = {0};
    void *loops[] = {server->sockets.loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV,
        .foreign_loops = loops,
        .retry_and_idle_policy = &no_keepalive,
        .max_http_header_pool = LWS_HEADER_POOL,
        /* The answer is made in it, and may name a token that fills a whole head. */
        .pt_serv_buf_size = (unsigned)(head_max_bytes + LWS_ANSWER_BYTES),
        .gid = -1,
        .uid = -1,
        .user = server,
        .pcontext = &server->sockets.lws,
    };
    lws_set_log_level(LLL_ERR, on_lws_log);
    server->sockets.lws = lws_create_context(&info);
    if (!server->sockets.lws) {
        log_error("edge.lws_failed",
                  "reason=\"libwebsockets does not start; is libwebsockets-evlib-uv there?\"");
        return false;
    }
    server->vhost = lws_get_vhost_by_name(server->sockets.lws, "default");
    return server->vhost != NULL;
}

/* -- the way in -- */

static request_refusal knock(void *context, client_network from) {
    const ws_server_t *server = context;
    bool taken = address_limits_take(server->addresses, from, uv_now(server->sockets.loop));
    metrics_set(server->sockets.metrics, METRIC_EDGE_ADDRESSES_FORGOTTEN,
                (int64_t)address_limits_forgotten_count(server->addresses));
    return taken ? NOT_REFUSED : REFUSED_RATE;
}

/* Browsers name the page's origin whatever the page wants; who is none may write there what he likes, so
 * this keeps nobody out but foreign pages (RFC 6455 10.2). */
static bool is_origin_allowed(const ws_server_t *server, str_view origin) {
    return !origin.ptr || origin_list_has_all(server->origins) || origin_list_has(server->origins, origin);
}

/* What costs least comes first. */
static request_refusal identify(void *context, const request_head *head, client_network from,
                                token_claims *ret_claims) {
    const ws_server_t *server = context;
    const ws_sockets *sockets = &server->sockets;
    if (!is_origin_allowed(server, head->origin)) {
        return REFUSED_ORIGIN;
    }
    if (!address_limits_has_room(server->addresses, from)) {
        return REFUSED_ADDRESS_FULL;
    }
    request_refusal refusal = authentication_check(server->authentication, head, ret_claims);
    if (refusal != NOT_REFUSED) {
        return refusal;
    }
    if (sockets->count >= server->sockets_max) {
        return REFUSED_FULL;
    }
    bool has_room = sockets->events.has_room_for(sockets->context, str_view_of(ret_claims->user_id));
    return has_room ? NOT_REFUSED : REFUSED_USER_FULL;
}

static bool is_congested(void *context) {
    const ws_server_t *server = context;
    return server->sockets.events.is_congested(server->sockets.context);
}

/* A token must never show up as a device (CONTRACT A). */
static str_view derive_device(str_view token, char out[DEVICE_BYTES]) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)token.ptr, token.len, digest);
    int len = snprintf(out, DEVICE_BYTES, "t-");
    for (size_t i = 0; i < DEVICE_HASH_BYTES; i++) {
        len += snprintf(out + len, DEVICE_BYTES - (size_t)len, "%02x", digest[i]);
    }
    return str_view_make(out, (size_t)len);
}

static wire_form form_of(const request_head *head) {
    return wire_form_of(head->wire_array || head->native_token, head->statuses_full);
}

/* lws gets a head of our making, with nothing of the client's in it but the key, which was checked to the
 * byte: there is nothing to smuggle. It answers within the call; its answer goes through on_lws. */
static void enter(void *context, int fd, const request_head *head, client_network from,
                  const token_claims *claims) {
    ws_server_t *server = context;
    char device[DEVICE_BYTES];
    ws_opening opening = {.head = head, .from = from};
    opening.identity.user_id = str_view_of(claims->user_id);
    opening.identity.role = str_view_of(claims->role);
    opening.identity.expires_at_unix_ms = claims->expires_at_unix_ms;
    opening.identity.opened_at_unix_ms = clock_unix_ms();
    opening.identity.device = head->device.len > 0 ? head->device : derive_device(head->token, device);
    opening.identity.form = form_of(head);
    opening.identity.snapshot = head->snapshot;
    char request[256];
    int len = snprintf(request, sizeof request,
                       "GET / HTTP/1.1\r\nHost: edge\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: %.*s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                       (int)head->key.len, head->key.ptr);
    server->opening = &opening;
    struct lws *wsi = lws_adopt_socket_vhost_readbuf(server->vhost, fd, request, (size_t)len);
    server->opening = NULL;
    if (opening.established) {
        metrics_add(server->sockets.metrics, METRIC_EDGE_HANDSHAKES, 1);
        return;
    }
    metrics_add(server->sockets.metrics, METRIC_EDGE_HANDSHAKES_FAILED, 1);
    if (wsi) { /* waiting for something that must not be waited for: `head` goes with this call */
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    }
}

/* -- begin and end -- */

zp_error ws_server_new(ws_server_t **ret_server, uv_loop_t *loop, const config_t *config, metrics_t *metrics,
                       const ws_server_events *events, void *context) {
    ws_server_t *server = calloc(1, sizeof *server);
    if (!server) {
        return ZP_NO_MEMORY;
    }
    fit_descriptors(server, (size_t)config_integer(config, SETTING_SOCKETS_MAX),
                    (size_t)config_integer(config, SETTING_HANDSHAKES_MAX));
    server->sockets.loop = loop;
    server->sockets.metrics = metrics;
    server->sockets.events = *events;
    server->sockets.context = context;
    server->sockets.message_max_bytes = (uint32_t)config_integer(config, SETTING_MESSAGE_MAX);
    server->origins = config_text(config, SETTING_WS_ORIGINS);
    uint32_t messages_per_second = (uint32_t)config_integer(config, SETTING_MESSAGES_PER_SECOND);
    server->sockets.frames = rate_limit_of(messages_per_second * FRAMES_PER_MESSAGE,
                                           messages_per_second * FRAMES_PER_MESSAGE * MESSAGE_BURST_SECONDS);
    ws_sockets_init(&server->sockets);
    server->sockets.ready_turn.data = server->sockets.close_timer.data = &server->sockets;
    server->handles_open = 2;
    server->addresses = address_limits_new((uint32_t)config_integer(config, SETTING_HANDSHAKES_PER_ADDRESS),
                                           (size_t)config_integer(config, SETTING_SOCKETS_PER_ADDRESS),
                                           (size_t)config_integer(config, SETTING_ADDRESSES_MAX));
    zp_error error = server->addresses ? authentication_new(&server->authentication, config) : ZP_NO_MEMORY;
    if (error != ZP_OK) {
        ws_server_destroy(&server);
        return error;
    }
    error = ZP_SYSTEM;
    if (!recv_tap_set(on_recv, server)) {
        log_error("edge.recv_hidden",
                  "reason=\"this build does not export recv: unmasked frames would pass\"");
    } else if (start_lws(server, (size_t)config_integer(config, SETTING_HANDSHAKE_MAX))) {
        const front_door_hooks hooks = {.guests = {.knock = knock, .identify = identify, .enter = enter},
                                        .is_congested = is_congested};
        error = front_door_new(&server->door, loop, config, metrics, &hooks, server);
    }
    if (error != ZP_OK) {
        ws_server_destroy(&server);
        return error;
    }
    snprintf(server->address, sizeof server->address, "%s", front_door_address(server->door));
    *ret_server = server;
    return ZP_OK;
}

static void on_handle_closed(uv_handle_t *handle) {
    ws_sockets *sockets = handle->data;
    ws_server_t *server = (ws_server_t *)((char *)sockets - offsetof(ws_server_t, sockets));
    if (--server->handles_open == 0) {
        free(server);
    }
}

/* With a foreign loop lws ends in two calls: the first closes its sockets and handles, which takes turns of
 * the loop; the second frees what they were in, and unloads the event library that must not be running then.
 */
static void stop_lws(ws_server_t *server) {
    if (!server->sockets.lws) {
        return;
    }
    lws_context_destroy(server->sockets.lws);
    for (int turn = 0; turn < DESTROY_TURNS; turn++) {
        uv_run(server->sockets.loop, UV_RUN_NOWAIT);
    }
    lws_context_destroy(server->sockets.lws);
}

void ws_server_destroy(ws_server_t **ref) {
    ws_server_t *server = *ref;
    if (!server) {
        return;
    }
    front_door_destroy(&server->door);
    stop_lws(server);
    *ref = NULL; /* not before: whoever is called while the loop turns may ask for the count */
    recv_tap_clear();
    authentication_destroy(&server->authentication);
    assert(server->sockets.count == 0);
    address_limits_destroy(&server->addresses);
    uv_close((uv_handle_t *)&server->sockets.ready_turn, on_handle_closed);
    uv_close((uv_handle_t *)&server->sockets.close_timer, on_handle_closed);
}

void ws_server_quiesce(ws_server_t *server) {
    front_door_destroy(&server->door);
}

const char *ws_server_address(const ws_server_t *server) {
    return server->address;
}

size_t ws_server_sockets_count(const ws_server_t *server) {
    return server->sockets.count;
}
