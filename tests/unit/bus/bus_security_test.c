/* bus_socket with keys: who is heard and told, who is not, and that it is counted. Real sockets, real
 * handshakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/bus/bus_door.h"
#include "common/bus/bus_keys.h"
#include "tests/unit/bus/bus_fixture.h"
#include "tests/unit/bus/keys_folder.h"
#include <czmq.h>
#include <unistd.h>

enum { WAIT_MS = 20000, QUIET_MS = 400 };

/* One who binds, on the loop of a fixture, with the keys of a folder. */
typedef struct host {
    keys_folder folder;
    bus_fixture fixture;
    process_kind kind;
    bus_socket_t *socket;
    size_t received, expected;
} host_t;

/* One who connects, on the same loop, with keys of its own or without. */
typedef struct comer {
    config_t *config;
    bus_context bus;
    bus_socket_t *socket;
    size_t received, expected;
} comer_t;

static void on_question(void *context, str_view identity, str_view tag, str_view payload) {
    host_t *host = context;
    host->received++;
    assert_int_equal(bus_socket_send(host->socket, identity, "an answer", payload), ZP_OK);
    (void)tag;
}

static void on_answer(void *context, str_view identity, str_view tag, str_view payload) {
    (void)identity;
    (void)tag;
    (void)payload;
    ((comer_t *)context)->received++;
}

/* libzmq gives an address back some time after its socket was closed, and a process has one door in its life.
 */
static void open_door(bus_context *bus) {
    zp_error error = ZP_SYSTEM;
    for (int tries = 0; tries < 200 && error; tries++) {
        error = bus_door_new(&bus->door, bus);
        if (error) {
            usleep(10000);
        }
    }
    assert_int_equal(error, ZP_OK);
}

static void open_host(host_t *host, process_kind kind, bus_socket_kind socket_kind) {
    *host = (host_t){.kind = kind};
    keys_folder_open(&host->folder);
    bus_fixture_open(&host->fixture, (const char *const[]){NULL});
    config_destroy(&host->fixture.config);
    host->fixture.config = keys_folder_config(&host->folder, kind);
    host->fixture.bus.config = host->fixture.config;
    assert_int_equal(bus_keys_new(&host->fixture.bus.keys, host->fixture.config), ZP_OK);
    open_door(&host->fixture.bus);
    assert_int_equal(bus_socket_new(&host->socket, &host->fixture.bus, socket_kind, kind, ANY_PORT,
                                    socket_kind == BUS_PUB ? NULL : on_question, host),
                     ZP_OK);
}

static void close_host(host_t *host) {
    bus_socket_destroy(&host->socket);
    bus_door_destroy(&host->fixture.bus.door);
    bus_keys_destroy(&host->fixture.bus.keys);
    bus_fixture_close(&host->fixture);
    keys_folder_close(&host->folder);
}

/* `folder` NULL: without keys. */
static void open_comer(comer_t *comer, host_t *host, process_kind kind, const keys_folder *folder,
                       bus_socket_kind socket_kind) {
    *comer = (comer_t){.bus = host->fixture.bus};
    comer->config = keys_folder_config(&host->folder, kind);
    comer->bus.keys = NULL;
    comer->bus.door = NULL;
    if (folder) {
        config_destroy(&comer->config);
        comer->config = keys_folder_config(folder, kind);
        assert_int_equal(bus_keys_new(&comer->bus.keys, comer->config), ZP_OK);
    }
    comer->bus.config = comer->config;
    const char *endpoint = bus_socket_endpoint(host->socket);
    assert_int_equal(bus_socket_new(&comer->socket, &comer->bus, socket_kind, host->kind,
                                    socket_kind == BUS_SUB ? NULL : endpoint, on_answer, comer),
                     ZP_OK);
    if (socket_kind == BUS_SUB) {
        /* Not as libzmq names it in what it tells of a refusal, as with a name. */
        char otherwise[64];
        (void)snprintf(otherwise, sizeof otherwise, "tcp://127.1%s", strrchr(endpoint, ':'));
        assert_int_equal(bus_socket_connect(comer->socket, otherwise), ZP_OK);
    }
}

static void close_comer(comer_t *comer) {
    bus_socket_destroy(&comer->socket);
    bus_keys_destroy(&comer->bus.keys);
    config_destroy(&comer->config);
}

static bool can_send(void *context) {
    return bus_socket_is_writable(((comer_t *)context)->socket);
}

static bool was_answered(void *context) {
    const comer_t *comer = context;
    return comer->received >= comer->expected;
}

static void say(comer_t *comer, const char *tag) {
    assert_int_equal(bus_socket_send(comer->socket, (str_view){0}, tag, str_view_of("question")), ZP_OK);
}

static void ask_and_hear(comer_t *comer, host_t *host, const char *tag) {
    assert_true(bus_fixture_run_until(&host->fixture, can_send, comer, WAIT_MS));
    say(comer, tag);
    comer->expected++;
    assert_true(bus_fixture_run_until(&host->fixture, was_answered, comer, WAIT_MS));
}

static int64_t refused(const host_t *host, bus_refusal why) {
    static const metric_id METRICS[] = {
        [BUS_REFUSED_KEY] = METRIC_BUS_REFUSED_KEY,
        [BUS_REFUSED_KIND] = METRIC_BUS_REFUSED_KIND,
        [BUS_REFUSED_ARROW] = METRIC_BUS_REFUSED_ARROW,
        [BUS_REFUSED_HANDSHAKE] = METRIC_BUS_REFUSED_HANDSHAKE,
    };
    return metrics_get(host->fixture.metrics, METRICS[why]);
}

typedef struct refusals_awaited {
    host_t *host;
    bus_refusal why;
    int64_t times;
} refusals_awaited;

static bool was_refused(void *context) {
    const refusals_awaited *awaited = context;
    return refused(awaited->host, awaited->why) >= awaited->times;
}

/* The comer is refused, for that reason alone, gets no connection, and is not heard. */
static void assert_refused(comer_t *comer, host_t *host, bus_refusal why) {
    refusals_awaited awaited = {host, why, 1};
    assert_true(bus_fixture_run_until(&host->fixture, was_refused, &awaited, WAIT_MS));
    (void)bus_fixture_run_for(&host->fixture, QUIET_MS);
    assert_false(can_send(comer));
    assert_int_equal(host->received, 0);
    assert_int_equal(comer->received, 0);
    for (bus_refusal other = 0; other < BUS_REFUSALS_COUNT; other++) {
        assert_true((refused(host, other) > 0) == (other == why));
    }
}

static void who_has_the_key_of_a_kind_that_may_come_is_heard_and_answered(void **state) {
    (void)state;
    host_t host;
    open_host(&host, FANOUT, BUS_ROUTER);
    static const process_kind KINDS[] = {EDGE, API};
    for (size_t i = 0; i < 2; i++) {
        comer_t comer;
        open_comer(&comer, &host, KINDS[i], &host.folder, BUS_DEALER);
        ask_and_hear(&comer, &host, "subscriber-fanout/1");
        close_comer(&comer);
    }
    assert_int_equal(refused(&host, BUS_REFUSED_KEY) + refused(&host, BUS_REFUSED_KIND) +
                         refused(&host, BUS_REFUSED_ARROW) + refused(&host, BUS_REFUSED_HANDSHAKE),
                     0);
    close_host(&host);
}

/* A folder of somebody else's keys, who knows the public key of `host` all the same. */
static void open_strangers_folder(keys_folder *folder, const host_t *host, const char *kind_of_host) {
    keys_folder_open(folder);
    keys_folder_copy(&host->folder, kind_of_host, folder, kind_of_host);
}

static void a_key_that_nobody_knows_is_refused(void **state) {
    (void)state;
    host_t host;
    keys_folder strangers;
    comer_t comer;
    open_host(&host, CORE, BUS_ROUTER);
    open_strangers_folder(&strangers, &host, "presence-core");
    open_comer(&comer, &host, EDGE, &strangers, BUS_DEALER);
    assert_refused(&comer, &host, BUS_REFUSED_KEY);
    /* Once its certificate is there, it is let in: it has gone on trying. */
    keys_folder_copy(&strangers, "ws-edge", &host.folder, "ws-edge.new");
    ask_and_hear(&comer, &host, "edge-core/1");
    close_comer(&comer);
    close_host(&host);
    keys_folder_close(&strangers);
}

static void the_key_of_a_kind_that_may_not_come_is_refused(void **state) {
    (void)state;
    host_t host;
    comer_t comer;
    open_host(&host, FANOUT, BUS_ROUTER);
    /* It has the key of a core, which fanouts know, but as that of whom they connect to. */
    keys_folder thief;
    keys_folder_open(&thief);
    keys_folder_copy(&host.folder, "fanout", &thief, "fanout");
    keys_folder_copy(&host.folder, "presence-core_secret", &thief, "ws-edge_secret");
    assert_int_equal(chmod(keys_folder_file(&thief, "ws-edge_secret"), 0600), 0);
    open_comer(&comer, &host, EDGE, &thief, BUS_DEALER);
    assert_refused(&comer, &host, BUS_REFUSED_KIND);
    close_comer(&comer);
    close_host(&host);
    keys_folder_close(&thief);
}

static void a_kind_may_say_its_own_arrow_only(void **state) {
    (void)state;
    host_t host;
    comer_t comer;
    open_host(&host, CORE, BUS_ROUTER);
    open_comer(&comer, &host, EDGE, &host.folder, BUS_DEALER);
    ask_and_hear(&comer, &host, "edge-core/1");
    static const char *const OTHERS[] = {"watcher-core/1", "api-core/1", "fanout-core/1", "edge-core/2"};
    for (size_t i = 0; i < 4; i++) {
        say(&comer, OTHERS[i]);
    }
    ask_and_hear(&comer, &host, "edge-core/1");
    assert_int_equal(host.received, 2);
    assert_int_equal(refused(&host, BUS_REFUSED_ARROW), 4);
    close_comer(&comer);
    close_host(&host);
}

/* A PUB says things over and over until `comer` has heard one, or for `wait_ms`. */
static bool hears(comer_t *comer, host_t *host, uint64_t wait_ms) {
    comer->expected = comer->received + 1;
    for (uint64_t waited_ms = 0; waited_ms < wait_ms && !was_answered(comer); waited_ms += 20) {
        assert_int_equal(bus_socket_send(host->socket, (str_view){0}, "core-fanout/1", str_view_of("news")),
                         ZP_OK);
        (void)bus_fixture_run_until(&host->fixture, was_answered, comer, 20);
    }
    return was_answered(comer);
}

static void a_publisher_is_heard_by_fanouts_and_by_nobody_else(void **state) {
    (void)state;
    host_t host;
    comer_t fanout, edge;
    open_host(&host, CORE, BUS_PUB);
    open_comer(&edge, &host, EDGE, &host.folder, BUS_SUB);
    open_comer(&fanout, &host, FANOUT, &host.folder, BUS_SUB);
    assert_true(hears(&fanout, &host, WAIT_MS));
    refusals_awaited awaited = {&host, BUS_REFUSED_KIND, 1};
    assert_true(bus_fixture_run_until(&host.fixture, was_refused, &awaited, WAIT_MS));
    assert_false(hears(&edge, &host, QUIET_MS));
    assert_true(hears(&fanout, &host, WAIT_MS));
    close_comer(&fanout);
    close_comer(&edge);
    close_host(&host);
}

static void a_subscriber_that_was_refused_hears_once_its_certificate_is_there(void **state) {
    (void)state;
    host_t host;
    keys_folder strangers;
    comer_t fanout;
    open_host(&host, CORE, BUS_PUB);
    open_strangers_folder(&strangers, &host, "presence-core");
    open_comer(&fanout, &host, FANOUT, &strangers, BUS_SUB);
    for (int64_t times = 1; times <= 3; times++) { /* it comes again and again */
        refusals_awaited awaited = {&host, BUS_REFUSED_KEY, times};
        assert_true(bus_fixture_run_until(&host.fixture, was_refused, &awaited, WAIT_MS));
    }
    assert_false(hears(&fanout, &host, QUIET_MS));
    keys_folder_copy(&strangers, "fanout", &host.folder, "fanout.new");
    assert_true(hears(&fanout, &host, WAIT_MS));
    close_comer(&fanout);
    close_host(&host);
    keys_folder_close(&strangers);
}

static void who_takes_the_host_for_another_is_refused_and_tells_it_nothing(void **state) {
    (void)state;
    host_t host;
    comer_t comer;
    open_host(&host, FANOUT, BUS_ROUTER);
    keys_folder other;
    keys_folder_open(&other);
    keys_folder_copy(&host.folder, "ws-edge_secret", &other, "ws-edge_secret");
    assert_int_equal(chmod(keys_folder_file(&other, "ws-edge_secret"), 0600), 0);
    open_comer(&comer, &host, EDGE, &other, BUS_DEALER); /* with another fanout's certificate */
    assert_refused(&comer, &host, BUS_REFUSED_HANDSHAKE);
    close_comer(&comer);
    close_host(&host);
    keys_folder_close(&other);
}

static void who_speaks_without_curve_is_refused(void **state) {
    (void)state;
    host_t host;
    open_host(&host, FANOUT, BUS_ROUTER);
    /* In a context of its own, as another process is. */
    void *context = zmq_ctx_new();
    void *stranger = zmq_socket(context, ZMQ_DEALER);
    assert_int_equal(zmq_connect(stranger, bus_socket_endpoint(host.socket)), 0);
    assert_int_equal(zmq_send(stranger, "subscriber-fanout/1", 19, ZMQ_SNDMORE), 19);
    assert_int_equal(zmq_send(stranger, "question", 8, 0), 8);
    refusals_awaited awaited = {&host, BUS_REFUSED_HANDSHAKE, 1};
    assert_true(bus_fixture_run_until(&host.fixture, was_refused, &awaited, WAIT_MS));
    (void)bus_fixture_run_for(&host.fixture, QUIET_MS);
    assert_int_equal(host.received, 0);
    const int at_once = 0;
    assert_int_equal(zmq_setsockopt(stranger, ZMQ_LINGER, &at_once, sizeof at_once), 0);
    zmq_close(stranger);
    zmq_ctx_term(context);
    close_host(&host);
}

/* The key of a host is changed: who had the old certificate comes to it with the new one. */
static void a_host_that_is_started_with_a_new_key_is_found_again(void **state) {
    (void)state;
    host_t host;
    comer_t comer;
    open_host(&host, FANOUT, BUS_ROUTER);
    open_comer(&comer, &host, EDGE, &host.folder, BUS_DEALER);
    ask_and_hear(&comer, &host, "subscriber-fanout/1");
    keys_folder_make(&host.folder, "fanout");
    (void)bus_fixture_run_for(&host.fixture, 200);      /* a folder is not read again at once */
    ask_and_hear(&comer, &host, "subscriber-fanout/1"); /* what is connected stays so */
    char endpoint[128];
    (void)snprintf(endpoint, sizeof endpoint, "%s", bus_socket_endpoint(host.socket));
    bus_socket_destroy(&host.socket);
    bus_door_destroy(&host.fixture.bus.door);
    bus_keys_destroy(&host.fixture.bus.keys);
    (void)bus_fixture_run_for(&host.fixture, 100); /* it has lost its host */
    assert_false(can_send(&comer));
    assert_int_equal(bus_keys_new(&host.fixture.bus.keys, host.fixture.config), ZP_OK);
    open_door(&host.fixture.bus);
    assert_int_equal(
        bus_socket_new(&host.socket, &host.fixture.bus, BUS_ROUTER, FANOUT, endpoint, on_question, &host),
        ZP_OK);
    ask_and_hear(&comer, &host, "subscriber-fanout/1");
    close_comer(&comer);
    close_host(&host);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_the_key_of_a_kind_that_may_come_is_heard_and_answered),
        cmocka_unit_test(a_key_that_nobody_knows_is_refused),
        cmocka_unit_test(the_key_of_a_kind_that_may_not_come_is_refused),
        cmocka_unit_test(a_kind_may_say_its_own_arrow_only),
        cmocka_unit_test(a_publisher_is_heard_by_fanouts_and_by_nobody_else),
        cmocka_unit_test(a_subscriber_that_was_refused_hears_once_its_certificate_is_there),
        cmocka_unit_test(who_takes_the_host_for_another_is_refused_and_tells_it_nothing),
        cmocka_unit_test(who_speaks_without_curve_is_refused),
        cmocka_unit_test(a_host_that_is_started_with_a_new_key_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
