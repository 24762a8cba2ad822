/* hint_queue: expired users leave together, bounded, and what cannot leave is counted. The core is a real
 * ROUTER. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/bus/bus_pack.h"
#include "services/expiry-watcher/hint_queue.h"
#include "tests/unit/support/process_fixture.h"

enum { WAIT_MS = 10000, HINTS_MAX = 300 };

typedef struct world {
    process_fixture fixture;
    bus_socket_t *core;
    bus_buffer buffer;
    core_link_t *link;
    hint_queue_t *queue;
    size_t messages, users, largest;
    char last_user[VALID_USER_ID_MAX_BYTES + 1];
    size_t users_wanted;
} world;

static void answer_beat(world *at, str_view identity) {
    Zp__BeatReply reply = ZP__BEAT_REPLY__INIT;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    Zp__CoreToWatcher message = ZP__CORE_TO_WATCHER__INIT;
    message.body_case = ZP__CORE_TO_WATCHER__BODY_BEAT_REPLY;
    message.beat_reply = &reply;
    assert_int_equal(
        bus_socket_send(at->core, identity, "watcher-core/1", bus_pack(&at->buffer, &message.base)), ZP_OK);
}

static void on_core_message(void *context, str_view identity, str_view tag, str_view payload) {
    (void)tag;
    world *at = context;
    Zp__WatcherToCore *message = zp__watcher_to_core__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    assert_non_null(message);
    assert_true(watcher_to_core_valid(message));
    if (message->body_case == ZP__WATCHER_TO_CORE__BODY_BEAT) {
        answer_beat(at, identity);
    } else if (message->body_case == ZP__WATCHER_TO_CORE__BODY_HINT) {
        const Zp__Hint *hint = message->hint;
        at->messages++;
        at->users += hint->n_user_ids;
        at->largest = hint->n_user_ids > at->largest ? hint->n_user_ids : at->largest;
        (void)snprintf(at->last_user, sizeof at->last_user, "%s", hint->user_ids[hint->n_user_ids - 1]);
    }
    zp__watcher_to_core__free_unpacked(message, NULL);
}

static void ignore_tick_reply(void *context, const Zp__TickReply *reply) {
    (void)context;
    (void)reply;
}

static void ignore_tick_lost(void *context) {
    (void)context;
}

static bool core_lives(void *context) {
    return core_link_live_count(((world *)context)->link) == 1;
}

static bool users_came(void *context) {
    const world *at = context;
    return at->users >= at->users_wanted;
}

static bool run_until_users(world *at, size_t users) {
    at->users_wanted = users;
    return process_fixture_run_until(&at->fixture, users_came, at, WAIT_MS);
}

static void open_world(world *at, bool with_core) {
    *at = (world){0};
    char path[] = "/tmp/zpresence-hints-XXXXXX", endpoints[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)snprintf(endpoints, sizeof endpoints, "file:%s", path);
    const char *const settings[] = {"HINTS_MAX", "300",   "BEAT_INTERVAL_MS", "50",
                                    "LOG_LEVEL", "error", "CORE_ENDPOINTS",   endpoints,
                                    NULL};
    process_fixture_open(&at->fixture, WATCHER, settings);
    assert_int_equal(bus_socket_new(&at->core, &at->fixture.process.bus, BUS_ROUTER, CORE,
                                    "tcp://127.0.0.1:*", on_core_message, at),
                     ZP_OK);
    assert_true(dprintf(fd, "%s\n", with_core ? bus_socket_endpoint(at->core) : "") > 0);
    close(fd);
    const core_link_events events = {ignore_tick_reply, ignore_tick_lost};
    assert_int_equal(core_link_new(&at->link, &at->fixture.process, &events, at), ZP_OK);
    assert_int_equal(process_fixture_run_until(&at->fixture, core_lives, at, with_core ? WAIT_MS : 100),
                     with_core);
    unlink(path);
    assert_int_equal(hint_queue_new(&at->queue, &at->fixture.process.bus, at->link), ZP_OK);
}

static void close_world(world *at) {
    hint_queue_destroy(&at->queue);
    core_link_destroy(&at->link);
    bus_socket_destroy(&at->core);
    bus_buffer_free(&at->buffer);
    process_fixture_close(&at->fixture);
}

static void add_users(world *at, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "user-%zu", i);
        hint_queue_add(at->queue, str_view_of(id));
    }
}

static int64_t counted(const world *at, metric_id id) {
    return metrics_get(at->fixture.process.metrics, id);
}

static void users_leave_together_a_hundred_to_a_message(void **state) {
    (void)state;
    world at;
    open_world(&at, true);
    add_users(&at, 250);
    assert_true(run_until_users(&at, 250));
    assert_int_equal(at.messages, 3);
    assert_int_equal(at.largest, 100);
    assert_string_equal(at.last_user, "user-249");
    assert_int_equal(counted(&at, METRIC_WATCHER_HINTS), 250);
    hint_queue_add(at.queue, str_view_of("later"));
    assert_true(run_until_users(&at, 251));
    assert_string_equal(at.last_user, "later");
    close_world(&at);
}

static void beyond_the_limit_users_are_dropped_and_counted(void **state) {
    (void)state;
    world at;
    open_world(&at, true);
    add_users(&at, HINTS_MAX + 50);
    assert_int_equal(counted(&at, METRIC_WATCHER_HINTS_DROPPED), 50);
    assert_true(run_until_users(&at, HINTS_MAX));
    add_users(&at, HINTS_MAX); /* round the ring once more */
    assert_true(run_until_users(&at, 2 * HINTS_MAX));
    assert_int_equal(counted(&at, METRIC_WATCHER_HINTS_DROPPED), 50);
    close_world(&at);
}

static void what_is_no_user_id_never_leaves(void **state) {
    (void)state;
    world at;
    open_world(&at, true);
    char longest[VALID_USER_ID_MAX_BYTES + 1];
    memset(longest, 'x', sizeof longest);
    hint_queue_add(at.queue, str_view_of(""));
    hint_queue_add(at.queue, str_view_make(longest, sizeof longest));
    hint_queue_add(at.queue, str_view_make("a\0b", 3));
    hint_queue_add(at.queue, str_view_of("a\nb"));
    hint_queue_add(at.queue, str_view_of("\xff"));
    assert_int_equal(counted(&at, METRIC_WATCHER_HINTS_INVALID), 5);
    hint_queue_add(at.queue, str_view_make(longest, VALID_USER_ID_MAX_BYTES));
    assert_true(run_until_users(&at, 1));
    assert_int_equal(at.users, 1);
    close_world(&at);
}

static void without_a_core_users_are_dropped_and_left_to_the_sweep(void **state) {
    (void)state;
    world at;
    open_world(&at, false);
    add_users(&at, 150);
    process_fixture_run_for(&at.fixture, 200);
    assert_int_equal(counted(&at, METRIC_WATCHER_HINTS_DROPPED), 150);
    assert_int_equal(counted(&at, METRIC_WATCHER_HINTS), 0);
    close_world(&at);
}

static void users_still_waiting_are_freed_at_the_end(void **state) {
    (void)state;
    world at;
    open_world(&at, true);
    add_users(&at, 120);
    close_world(&at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_leave_together_a_hundred_to_a_message),
        cmocka_unit_test(beyond_the_limit_users_are_dropped_and_counted),
        cmocka_unit_test(what_is_no_user_id_never_leaves),
        cmocka_unit_test(without_a_core_users_are_dropped_and_left_to_the_sweep),
        cmocka_unit_test(users_still_waiting_are_freed_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
