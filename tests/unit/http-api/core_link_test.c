/* core_link of http-api: each question is answered once, by whichever core can, or given up in time. Cores
 * are real ROUTERs that a test scripts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/bus/bus_pack.h"
#include "services/http-api/core_questions.h"
#include "tests/unit/support/process_fixture.h"

enum { CORES = 2, WAIT_MS = 10000, QUESTIONS_MAX = 20, DEADLINE_MS = 600 };

typedef struct scripted_core {
    bus_socket_t *socket;
    bus_buffer buffer;
    bool silent; /* to questions; beats it answers */
    bool wrong;  /* answers with the number of another question */
    bool twice;
    size_t asked;
} scripted_core;

typedef struct world {
    process_fixture fixture;
    scripted_core cores[CORES];
    core_link_t *link;
    size_t live_wanted;
    size_t answers, failures, ended_wanted;
    size_t users_answered;
} world;

static void answer(scripted_core *core, str_view identity, const Zp__CoreToApi *message) {
    assert_int_equal(
        bus_socket_send(core->socket, identity, "api-core/1", bus_pack(&core->buffer, &message->base)),
        ZP_OK);
}

static void answer_beat(scripted_core *core, str_view identity) {
    Zp__BeatReply reply = ZP__BEAT_REPLY__INIT;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_BEAT_REPLY;
    message.beat_reply = &reply;
    answer(core, identity, &message);
}

static void answer_query(scripted_core *core, str_view identity, const Zp__StatusQuery *query) {
    Zp__UserState user = ZP__USER_STATE__INIT;
    user.user_id = query->user_ids[0];
    Zp__UserState *users[] = {&user};
    Zp__StatusReply reply = ZP__STATUS_REPLY__INIT;
    reply.request_id = core->wrong ? query->request_id + QUESTIONS_MAX : query->request_id;
    reply.outcome = ZP__OUTCOME__OUTCOME_OK;
    reply.users = users;
    reply.n_users = 1;
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_STATUS_REPLY;
    message.status_reply = &reply;
    for (int i = 0; i < (core->twice ? 2 : 1); i++) {
        answer(core, identity, &message);
    }
}

static void on_core_message(void *context, str_view identity, str_view tag, str_view payload) {
    scripted_core *core = context;
    assert_true(str_view_equal(tag, str_view_of("api-core/1")));
    Zp__ApiToCore *message = zp__api_to_core__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    assert_non_null(message);
    assert_true(api_to_core_valid(message));
    if (message->body_case == ZP__API_TO_CORE__BODY_BEAT) {
        answer_beat(core, identity);
    } else if (message->body_case == ZP__API_TO_CORE__BODY_STATUS_QUERY) {
        core->asked++;
        if (!core->silent) {
            answer_query(core, identity, message->status_query);
        }
    }
    zp__api_to_core__free_unpacked(message, NULL);
}

static bool enough_live(void *context) {
    const world *at = context;
    return core_link_live_count(at->link) == at->live_wanted;
}

/* Of two cores, the first `live` run. */
static void open_world(world *at, size_t live) {
    *at = (world){.live_wanted = live};
    char path[] = "/tmp/zpresence-link-XXXXXX", endpoints[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    (void)snprintf(endpoints, sizeof endpoints, "file:%s", path);
    const char *const settings[] = {"HTTP_DEADLINE_MS",
                                    "600",
                                    "BEAT_INTERVAL_MS",
                                    "50",
                                    "PEER_TIMEOUT_MS",
                                    "250",
                                    "CORE_ENDPOINTS",
                                    endpoints,
                                    "LOG_LEVEL",
                                    "error",
                                    NULL};
    process_fixture_open(&at->fixture, API, settings);
    assert_true(dprintf(fd, "\n") > 0);
    for (size_t i = 0; i < live; i++) {
        assert_int_equal(bus_socket_new(&at->cores[i].socket, &at->fixture.process.bus, BUS_ROUTER, CORE,
                                        "tcp://127.0.0.1:*", on_core_message, &at->cores[i]),
                         ZP_OK);
        assert_true(dprintf(fd, "%s\n", bus_socket_endpoint(at->cores[i].socket)) > 0);
    }
    close(fd);
    assert_int_equal(core_link_new(&at->link, &at->fixture.process, QUESTIONS_MAX), ZP_OK);
    assert_true(process_fixture_run_until(&at->fixture, enough_live, at, WAIT_MS));
    unlink(path);
}

static void close_world(world *at) {
    core_link_destroy(&at->link);
    for (size_t i = 0; i < CORES; i++) {
        bus_socket_destroy(&at->cores[i].socket);
        bus_buffer_free(&at->cores[i].buffer);
    }
    process_fixture_close(&at->fixture);
}

static void on_answer(void *context, const Zp__CoreToApi *message) {
    world *at = context;
    if (message) {
        at->answers++;
        at->users_answered += message->status_reply->n_users;
    } else {
        at->failures++;
    }
}

static void ask(world *at, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char id[] = "alice";
        char *ids[] = {id};
        size_t before = at->answers + at->failures;
        assert_int_equal(ask_status(at->link, ids, 1, on_answer, at), ZP_OK);
        assert_int_equal(at->answers + at->failures, before); /* never from within the asking */
    }
}

static bool all_ended(void *context) {
    const world *at = context;
    return at->answers + at->failures >= at->ended_wanted;
}

/* How long it took until so many questions had ended. */
static uint64_t run_until_ended(world *at, size_t count) {
    at->ended_wanted = count;
    uint64_t began_ms = clock_monotonic_ms();
    assert_true(process_fixture_run_until(&at->fixture, all_ended, at, WAIT_MS));
    uint64_t took_ms = clock_monotonic_ms() - began_ms;
    process_fixture_run_for(&at->fixture, 100); /* for what should not come */
    assert_int_equal(at->answers + at->failures, count);
    return took_ms;
}

static void questions_are_spread_over_the_cores_and_answered(void **state) {
    (void)state;
    world at;
    open_world(&at, 2);
    ask(&at, QUESTIONS_MAX);
    run_until_ended(&at, QUESTIONS_MAX);
    assert_int_equal(at.answers, QUESTIONS_MAX);
    assert_int_equal(at.users_answered, QUESTIONS_MAX);
    assert_int_equal(at.cores[0].asked + at.cores[1].asked, QUESTIONS_MAX);
    assert_true(at.cores[0].asked > 0 && at.cores[1].asked > 0);
    close_world(&at);
}

static void a_core_that_does_not_answer_is_passed_over_in_time(void **state) {
    (void)state;
    world at;
    open_world(&at, 2);
    at.cores[0].silent = true;
    ask(&at, QUESTIONS_MAX);
    run_until_ended(&at, QUESTIONS_MAX);
    assert_int_equal(at.answers, QUESTIONS_MAX);
    assert_int_equal(at.cores[1].asked, QUESTIONS_MAX);
    close_world(&at);
}

static void without_an_answer_a_question_is_given_up_at_its_deadline(void **state) {
    (void)state;
    world at;
    open_world(&at, 1);
    at.cores[0].silent = true;
    ask(&at, 3);
    uint64_t took_ms = run_until_ended(&at, 3);
    assert_int_equal(at.failures, 3);
    assert_in_range(took_ms, DEADLINE_MS - 50, WAIT_MS / 2);
    assert_int_equal(at.cores[0].asked, 6); /* each twice, not more */
    close_world(&at);
}

static void without_any_core_a_question_is_given_up_early(void **state) {
    (void)state;
    world at;
    open_world(&at, 0);
    ask(&at, 3);
    run_until_ended(&at, 3);
    assert_int_equal(at.failures, 3);
    close_world(&at);
}

static void a_question_to_a_core_that_dies_goes_to_another(void **state) {
    (void)state;
    world at;
    open_world(&at, 2);
    at.cores[0].silent = true;
    ask(&at, QUESTIONS_MAX);
    process_fixture_run_for(&at.fixture, 50);
    bus_socket_destroy(&at.cores[0].socket);
    run_until_ended(&at, QUESTIONS_MAX);
    assert_int_equal(at.answers, QUESTIONS_MAX);
    ask(&at, QUESTIONS_MAX); /* the dead one may still count as live */
    run_until_ended(&at, 2 * QUESTIONS_MAX);
    assert_int_equal(at.answers, 2 * QUESTIONS_MAX);
    close_world(&at);
}

static void an_answer_counts_once_and_only_for_its_question(void **state) {
    (void)state;
    world at;
    open_world(&at, 1);
    at.cores[0].twice = true;
    ask(&at, 5);
    run_until_ended(&at, 5);
    assert_int_equal(at.answers, 5);
    at.cores[0].wrong = true;
    ask(&at, 1);
    run_until_ended(&at, 6);
    assert_int_equal(at.answers, 5);
    assert_int_equal(at.failures, 1);
    close_world(&at);
}

static void more_questions_than_allowed_are_refused(void **state) {
    (void)state;
    world at;
    open_world(&at, 1);
    ask(&at, QUESTIONS_MAX);
    assert_int_equal(ask_services(at.link, on_answer, &at), ZP_FULL);
    run_until_ended(&at, QUESTIONS_MAX);
    ask(&at, QUESTIONS_MAX);
    run_until_ended(&at, 2 * QUESTIONS_MAX);
    assert_int_equal(at.answers, 2 * QUESTIONS_MAX);
    close_world(&at);
}

static void at_the_end_what_is_under_way_is_given_up(void **state) {
    (void)state;
    world at;
    open_world(&at, 1);
    ask(&at, 4);
    core_link_destroy(&at.link);
    assert_int_equal(at.failures, 4);
    close_world(&at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_spread_over_the_cores_and_answered),
        cmocka_unit_test(a_core_that_does_not_answer_is_passed_over_in_time),
        cmocka_unit_test(without_an_answer_a_question_is_given_up_at_its_deadline),
        cmocka_unit_test(without_any_core_a_question_is_given_up_early),
        cmocka_unit_test(a_question_to_a_core_that_dies_goes_to_another),
        cmocka_unit_test(an_answer_counts_once_and_only_for_its_question),
        cmocka_unit_test(more_questions_than_allowed_are_refused),
        cmocka_unit_test(at_the_end_what_is_under_way_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
