#include "tests/unit/presence-core/core_fixture.h"
#include "common/base/clock.h"
#include "tests/unit/support/free_port.h"
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

enum {
    PORT_BYTES = 8,
    ADDRESS_BYTES = 40,
    ATTEMPTS = 250,
    ATTEMPT_US = 20000,
    PATIENCE_MS = 5000,
    MESSAGE_BYTES = 4 << 20,
};

static const char *const TAGS[PEERS_COUNT] = {"edge-core/1", "watcher-core/1", "fanout-core/1", "api-core/1"};

static char redis_port[PORT_BYTES], router_address[ADDRESS_BYTES], pub_address[ADDRESS_BYTES];
static char admin_address[ADDRESS_BYTES], folder[64];
static pid_t redis_pid, core_pid;
static redisContext *redis;
static void *zmq, *peers[PEERS_COUNT], *subscriber;
static ProtobufCMessage *answers[PEERS_COUNT];
static Zp__CoreBroadcast *broadcast;
static uint8_t bytes[MESSAGE_BYTES];

/* -- processes -- */

void redis_begin(void) {
    redis_pid = fork();
    if (redis_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", redis_port, "--bind", "127.0.0.1", "--save", "",
               "--appendonly", "no", "--logfile", "/dev/null", "--dir", folder, (char *)NULL);
        _exit(127);
    }
    redisFree(redis);
    redis = NULL;
    for (int i = 0; i < ATTEMPTS && !redis; i++) {
        usleep(ATTEMPT_US);
        redis = redisConnect("127.0.0.1", (int)strtol(redis_port, NULL, 10));
        if (redis && redis->err) {
            redisFree(redis);
            redis = NULL;
        }
    }
    assert_non_null(redis);
}

void redis_signal(int number) {
    kill(redis_pid, number);
}

void redis_kill(void) {
    kill(redis_pid, SIGKILL);
    waitpid(redis_pid, NULL, 0);
}

redisContext *redis_of_core(void) {
    return redis;
}

static const char *redis_timeout_ms = "1000";

static void begin_core(void) {
    const char *settings[][2] = {
        {"REDIS_HOST", "127.0.0.1"},
        {"REDIS_PORT", redis_port},
        {"CORE_LISTEN", router_address},
        {"CORE_PUB_LISTEN", pub_address},
        {"ADMIN_LISTEN", admin_address},
        {"EDGE_LEASE_MS", "200"},
        {"RECONNECT_GRACE_MS", "300"},
        {"BEAT_INTERVAL_MS", "100"},
        {"CLOCK_TICK_MS", "50"},
        {"REDIS_TIMEOUT_MS", redis_timeout_ms},
        {"REDIS_CALLS_MAX", "4"},
        {"LOG_LEVEL", "error"},
        {"BUS_SECURITY", "off"},
        {"ZPRESENCE_ENV_FILE", "/dev/null"},
        {"DEBUG", ""},
        {"REDIS_PASSWORD", ""},
    };
    core_pid = fork();
    if (core_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
            setenv(settings[i][0], settings[i][1], 1);
        }
        execl(PRESENCE_CORE_PROGRAM, "presence-core", (char *)NULL);
        _exit(127);
    }
}

void core_signal(int number) {
    kill(core_pid, number);
}

int core_wait(void) {
    int status = -1;
    waitpid(core_pid, &status, 0);
    core_pid = 0;
    return status;
}

/* -- the admin endpoint -- */

static size_t admin_request(const char *method, const char *path, char *out, size_t out_bytes) {
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)strtol(strchr(admin_address, ':') + 1, NULL, 10));
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    char request[256];
    int len =
        snprintf(request, sizeof request,
                 "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method, path);
    assert_int_equal(write(connection, request, (size_t)len), len);
    size_t got = 0;
    ssize_t more;
    while (got < out_bytes - 1 && (more = read(connection, out + got, out_bytes - 1 - got)) > 0) {
        got += (size_t)more;
    }
    out[got] = '\0';
    close(connection);
    return got;
}

long long core_metric(const char *name) {
    static char page[65536];
    admin_request("GET", "/metrics", page, sizeof page);
    size_t name_bytes = strlen(name);
    for (const char *at = page; (at = strstr(at, name)); at += name_bytes) {
        if (at[-1] == '\n' && at[name_bytes] == '{') {
            return strtoll(strchr(at, '}') + 1, NULL, 10);
        }
    }
    return -1;
}

void core_arm_fault(const char *name) {
    char path[64];
    char page[1024];
    (void)snprintf(path, sizeof path, "/faults/%s?times=1", name);
    admin_request("POST", path, page, sizeof page);
    assert_non_null(strstr(page, " 200 "));
}

/* -- the bus -- */

void send_bytes(peer_kind peer, const char *tag, str_view payload) {
    assert_true(zmq_send(peers[peer], tag, strlen(tag), ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(peers[peer], payload.ptr, payload.len, 0) >= 0);
}

void send_message(peer_kind peer, const ProtobufCMessage *message) {
    size_t len = protobuf_c_message_pack(message, bytes);
    send_bytes(peer, TAGS[peer], str_view_make(bytes, len));
}

static void forget(peer_kind peer) {
    if (answers[peer]) {
        protobuf_c_message_free_unpacked(answers[peer], NULL);
        answers[peer] = NULL;
    }
}

static bool receive_frames(void *socket, int patience_ms, size_t *ret_len) {
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, patience_ms) <= 0) {
        return false;
    }
    char tag[64];
    assert_true(zmq_recv(socket, tag, sizeof tag, 0) > 0);
    int len = zmq_recv(socket, bytes, sizeof bytes, 0);
    assert_true(len >= 0);
    *ret_len = (size_t)len;
    return true;
}

void *receive(peer_kind peer, int patience_ms) {
    static const ProtobufCMessageDescriptor *const ANSWERS[PEERS_COUNT] = {
        &zp__core_to_edge__descriptor, &zp__core_to_watcher__descriptor, &zp__core_to_fanout__descriptor,
        &zp__core_to_api__descriptor};
    size_t len;
    forget(peer);
    if (!receive_frames(peers[peer], patience_ms, &len)) {
        return NULL;
    }
    answers[peer] = protobuf_c_message_unpack(ANSWERS[peer], NULL, len, bytes);
    assert_non_null(answers[peer]);
    return answers[peer];
}

void *ask_core(peer_kind peer, const ProtobufCMessage *message) {
    send_message(peer, message);
    void *answer = receive(peer, PATIENCE_MS);
    assert_non_null(answer);
    return answer;
}

const Zp__Transitions *next_transitions(int patience_ms) {
    size_t len;
    uint64_t deadline_ms = clock_monotonic_ms() + (uint64_t)patience_ms;
    uint64_t now_ms;
    while ((now_ms = clock_monotonic_ms()) < deadline_ms &&
           receive_frames(subscriber, (int)(deadline_ms - now_ms), &len)) {
        if (broadcast) {
            zp__core_broadcast__free_unpacked(broadcast, NULL);
        }
        broadcast = zp__core_broadcast__unpack(NULL, len, bytes);
        assert_non_null(broadcast);
        if (broadcast->body_case == ZP__CORE_BROADCAST__BODY_TRANSITIONS) {
            return broadcast->transitions;
        }
    }
    return NULL;
}

/* -- questions -- */

Zp__Outcome beat_as(const char *incarnation) {
    Zp__ProcessInfo process = ZP__PROCESS_INFO__INIT;
    process.kind = "ws-edge";
    process.name = "ws-edge-1";
    process.version = "0";
    Zp__Beat beat = ZP__BEAT__INIT;
    beat.process = &process;
    beat.incarnation = (char *)incarnation;
    static uint64_t number;
    beat.number = ++number;
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_BEAT;
    message.beat = &beat;
    const Zp__CoreToEdge *answer = ask_core(EDGE_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_EDGE__BODY_BEAT_REPLY);
    assert_string_equal(answer->beat_reply->incarnation, incarnation);
    return answer->beat_reply->outcome;
}

Zp__Outcome join_as(const char *incarnation, const char *replaces) {
    Zp__Join join = ZP__JOIN__INIT;
    join.request_id = 77;
    join.incarnation = (char *)incarnation;
    join.edge = "ws-edge-1";
    join.replaces = (char *)replaces;
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_JOIN;
    message.join = &join;
    const Zp__CoreToEdge *answer = ask_core(EDGE_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_EDGE__BODY_ACK);
    assert_int_equal(answer->ack->request_id, 77);
    return answer->ack->outcome;
}

void send_statement(const char *incarnation, const char *user, uint64_t number, Zp__Status status) {
    Zp__Connection connection = ZP__CONNECTION__INIT;
    connection.connection_id = "c1";
    connection.device = "a \"device\"";
    connection.status = status;
    Zp__Connection *connections[] = {&connection};
    Zp__Statement statement = ZP__STATEMENT__INIT;
    statement.user_id = (char *)user;
    statement.number = number;
    statement.reason = "connected";
    statement.n_connections = status == ZP__STATUS__STATUS_OFFLINE ? 0 : 1;
    statement.connections = connections;
    Zp__Statement *statement_list[] = {&statement};
    Zp__Statements body = ZP__STATEMENTS__INIT;
    body.request_id = number;
    body.incarnation = (char *)incarnation;
    body.edge = "ws-edge-1";
    body.n_statements = 1;
    body.statements = statement_list;
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_STATEMENTS;
    message.statements = &body;
    send_message(EDGE_PEER, &message.base);
}

Zp__Outcome state_user(const char *incarnation, const char *user, uint64_t number, Zp__Status status) {
    send_statement(incarnation, user, number, status);
    const Zp__CoreToEdge *answer = receive(EDGE_PEER, PATIENCE_MS);
    assert_non_null(answer);
    assert_int_equal(answer->body_case, ZP__CORE_TO_EDGE__BODY_ACK);
    assert_int_equal(answer->ack->request_id, number);
    return answer->ack->outcome;
}

const Zp__TickReply *tick_core(void) {
    Zp__Tick tick = ZP__TICK__INIT;
    tick.request_id = 5;
    Zp__WatcherToCore message = ZP__WATCHER_TO_CORE__INIT;
    message.body_case = ZP__WATCHER_TO_CORE__BODY_TICK;
    message.tick = &tick;
    const Zp__CoreToWatcher *answer = ask_core(WATCHER_PEER, &message.base);
    assert_int_equal(answer->body_case, ZP__CORE_TO_WATCHER__BODY_TICK_REPLY);
    assert_int_equal(answer->tick_reply->request_id, 5);
    return answer->tick_reply;
}

void send_query(size_t count, char **user_ids) {
    Zp__StatusQuery body = ZP__STATUS_QUERY__INIT;
    body.request_id = 9;
    body.n_user_ids = count;
    body.user_ids = user_ids;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_STATUS_QUERY;
    message.status_query = &body;
    send_message(API_PEER, &message.base);
}

const Zp__StatusReply *query(size_t count, char **user_ids) {
    send_query(count, user_ids);
    const Zp__CoreToApi *answer = receive(API_PEER, PATIENCE_MS);
    assert_non_null(answer);
    assert_int_equal(answer->body_case, ZP__CORE_TO_API__BODY_STATUS_REPLY);
    assert_int_equal(answer->status_reply->request_id, 9);
    return answer->status_reply;
}

void until_rebuilt(void) {
    char *nobody[] = {"nobody"};
    for (int i = 0; i < ATTEMPTS; i++) {
        (void)tick_core();
        if (query(1, nobody)->outcome == ZP__OUTCOME__OUTCOME_OK) {
            return;
        }
        usleep(ATTEMPT_US);
    }
    fail_msg("it is never rebuilt");
}

/* -- */

int core_start(void **state) {
    (void)state;
    strcpy(folder, "/tmp/zp-core-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(redis_port, sizeof redis_port, "%d", free_port());
    (void)snprintf(router_address, sizeof router_address, "tcp://127.0.0.1:%d", free_port());
    (void)snprintf(pub_address, sizeof pub_address, "tcp://127.0.0.1:%d", free_port());
    (void)snprintf(admin_address, sizeof admin_address, "127.0.0.1:%d", free_port());
    redis_begin();
    begin_core();
    zmq = zmq_ctx_new();
    int linger = 0;
    for (int i = 0; i < PEERS_COUNT; i++) {
        peers[i] = zmq_socket(zmq, ZMQ_DEALER);
        zmq_setsockopt(peers[i], ZMQ_LINGER, &linger, sizeof linger);
        assert_int_equal(zmq_connect(peers[i], router_address), 0);
    }
    subscriber = zmq_socket(zmq, ZMQ_SUB);
    zmq_setsockopt(subscriber, ZMQ_SUBSCRIBE, "", 0);
    assert_int_equal(zmq_connect(subscriber, pub_address), 0);
    until_rebuilt();
    size_t len;
    assert_true(receive_frames(subscriber, PATIENCE_MS, &len)); /* a beacon: the subscription has arrived */
    return join_as(INCARNATION, "") == ZP__OUTCOME__OUTCOME_OK ? 0 : -1;
}

int core_start_patient(void **state) {
    redis_timeout_ms = "5000";
    int failed = core_start(state);
    redis_timeout_ms = "1000";
    return failed;
}

int core_stop(void **state) {
    (void)state;
    for (int i = 0; i < PEERS_COUNT; i++) {
        forget((peer_kind)i);
        zmq_close(peers[i]);
    }
    if (broadcast) {
        zp__core_broadcast__free_unpacked(broadcast, NULL);
        broadcast = NULL;
    }
    zmq_close(subscriber);
    zmq_ctx_term(zmq);
    bool ended_well = true;
    if (core_pid) {
        core_signal(SIGTERM);
        int status = core_wait();
        ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0; /* the sanitizers speak here, too */
    }
    redisFree(redis);
    redis = NULL;
    redis_signal(SIGCONT);
    redis_kill();
    rmdir(folder);
    return ended_well ? 0 : -1;
}
