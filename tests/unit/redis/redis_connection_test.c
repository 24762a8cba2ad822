/* redis_connection: kept up through refusals, silence and death of a real redis-server. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/redis/redis_connection.h"
#include "tests/unit/support/free_port.h"
#include "tests/unit/support/process_fixture.h"

enum { WAIT_MS = 20000 };

typedef struct world {
    process_fixture fixture;
    char port[8];
    pid_t server;
    redis_connection_t *connection;
    size_t ups, downs, silences;
    size_t replies, nulls;
    char last_text[64];
    size_t heard, unheard; /* messages of a subscription, and its end */
    bool destroyed;
} world;

/* Beside the default user with `password`, where `has_user`: somebody, with the password "theirs". */
static void start_server_with(world *at, const char *password, bool has_user) {
    at->server = fork();
    assert_true(at->server >= 0);
    if (at->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves none behind */
        int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
        execlp("redis-server", "redis-server", "--port", at->port, "--bind", "127.0.0.1", "--save", "",
               "--requirepass", password, "--dir", "/tmp", has_user ? "--user" : (char *)NULL, "somebody",
               "on", ">theirs", "~*", "&*", "+@all", (char *)NULL);
        _exit(127);
    }
}

static void start_server(world *at, const char *password) {
    start_server_with(at, password, false);
}

static void stop_server(world *at) {
    kill(at->server, SIGKILL);
    assert_int_equal(waitpid(at->server, NULL, 0), at->server);
    at->server = 0;
}

static void on_up(void *context) {
    world *at = context;
    assert_false(at->destroyed);
    at->ups++;
}

static void on_down(void *context) {
    world *at = context;
    assert_false(at->destroyed);
    at->downs++;
}

static void on_silence(void *context) {
    world *at = context;
    assert_false(at->destroyed);
    at->silences++;
}

static void begin_connection(world *at) {
    const redis_connection_events events = {.on_up = on_up, .on_down = on_down, .on_silence = on_silence};
    at->destroyed = false;
    assert_int_equal(redis_connection_new(&at->connection, &at->fixture.process.loop,
                                          at->fixture.process.config, &events, at),
                     ZP_OK);
}

static void end_connection(world *at) {
    at->destroyed = true;
    redis_connection_destroy(&at->connection);
}

static void open_world_with(world *at, const char *user, const char *password, const char *timeout_ms) {
    *at = (world){0};
    (void)snprintf(at->port, sizeof at->port, "%d", free_port());
    const char *const settings[] = {
        "REDIS_HOST", "localhost",        "REDIS_PORT", at->port,    "REDIS_USER", user, "REDIS_PASSWORD",
        password,     "REDIS_TIMEOUT_MS", timeout_ms,   "LOG_LEVEL", "error",      NULL};
    process_fixture_open(&at->fixture, WATCHER, settings);
    begin_connection(at);
}

static void open_world_as(world *at, const char *user, const char *password) {
    open_world_with(at, user, password, "400");
}

static void open_world(world *at, const char *password) {
    open_world_as(at, "", password);
}

static void close_world(world *at) {
    end_connection(at);
    if (at->server) {
        stop_server(at);
    }
    process_fixture_close(&at->fixture);
}

static bool is_up(void *context) {
    return redis_connection_is_up(((world *)context)->connection);
}

static bool is_refused(void *context) {
    const char *trouble = redis_connection_trouble(((world *)context)->connection);
    return trouble && strstr(trouble, "WRONGPASS");
}

static bool is_down(void *context) {
    return !is_up(context);
}

static bool all_answered(void *context) {
    const world *at = context;
    return at->replies + at->nulls >= 3;
}

static bool is_answered(void *context) {
    return ((const world *)context)->replies > 0;
}

static bool run_until(world *at, bool (*done)(void *context)) {
    return process_fixture_run_until(&at->fixture, done, at, WAIT_MS);
}

static void on_reply(void *context, const redisReply *reply) {
    world *at = context;
    if (!reply) {
        at->nulls++;
        return;
    }
    at->replies++;
    (void)snprintf(at->last_text, sizeof at->last_text, "%s", reply->str ? reply->str : "");
}

static zp_error send_words(world *at, const char *first, const char *second) {
    const char *const words[] = {first, second};
    const size_t words_bytes[] = {strlen(first), strlen(second)};
    return redis_connection_send(at->connection, on_reply, at, 2, words, words_bytes);
}

static void commands_are_answered_in_order(void **state) {
    (void)state;
    world at;
    open_world(&at, "");
    assert_int_equal(send_words(&at, "ECHO", "early"), ZP_UNAVAILABLE);
    start_server(&at, "");
    assert_true(run_until(&at, is_up));
    assert_string_equal(redis_connection_trouble(at.connection), "");
    assert_int_equal(send_words(&at, "ECHO", "one"), ZP_OK);
    assert_int_equal(send_words(&at, "NONSENSE", "two"), ZP_OK);
    assert_int_equal(send_words(&at, "ECHO", "three"), ZP_OK);
    assert_true(run_until(&at, all_answered));
    assert_int_equal(at.replies, 3);
    assert_string_equal(at.last_text, "three");
    assert_int_equal(at.ups, 1);
    close_world(&at);
}

static void it_comes_up_with_its_password_and_says_why_not_without(void **state) {
    (void)state;
    world at;
    open_world(&at, "right");
    start_server(&at, "wrong");
    assert_true(run_until(&at, is_refused));
    process_fixture_run_for(&at.fixture, 300);
    assert_false(is_up(&at));
    assert_int_equal(at.ups + at.downs, 0);
    stop_server(&at);
    start_server(&at, "right");
    assert_true(run_until(&at, is_up));
    assert_int_equal(at.ups, 1);
    close_world(&at);
}

/* The default user's password opens nothing here: the user's own does. */
static void a_user_of_an_acl_comes_up_with_its_own_password(void **state) {
    (void)state;
    world at;
    open_world_as(&at, "somebody", "of-the-default-user");
    start_server_with(&at, "of-the-default-user", true);
    assert_true(run_until(&at, is_refused));
    process_fixture_run_for(&at.fixture, 300);
    assert_false(is_up(&at));
    close_world(&at);

    open_world_as(&at, "somebody", "theirs");
    start_server_with(&at, "of-the-default-user", true);
    assert_true(run_until(&at, is_up));
    assert_int_equal(send_words(&at, "ACL", "WHOAMI"), ZP_OK);
    assert_true(run_until(&at, is_answered));
    assert_string_equal(at.last_text, "somebody");
    close_world(&at);
}

static void when_the_server_dies_what_is_under_way_is_lost_and_it_reconnects(void **state) {
    (void)state;
    world at;
    open_world(&at, "");
    start_server(&at, "");
    assert_true(run_until(&at, is_up));
    kill(at.server, SIGSTOP);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send_words(&at, "ECHO", "x"), ZP_OK);
    }
    stop_server(&at);
    assert_true(run_until(&at, is_down));
    assert_int_equal(at.nulls, 3);
    assert_int_equal(at.downs, 1);
    process_fixture_run_for(&at.fixture, 300);
    assert_int_equal(at.downs, 1); /* attempts that fail are not losses */
    assert_string_equal(redis_connection_trouble(at.connection), "Connection refused");
    start_server(&at, "");
    assert_true(run_until(&at, is_up));
    assert_int_equal(at.ups, 2);
    close_world(&at);
}

static bool has_ten_silences(void *context) {
    return ((const world *)context)->silences == 10;
}

static void a_server_that_falls_silent_under_commands_is_given_up(void **state) {
    (void)state;
    world at;
    open_world(&at, "");
    start_server(&at, "");
    assert_true(run_until(&at, is_up));
    kill(at.server, SIGSTOP);
    process_fixture_run_for(&at.fixture, 800);
    assert_int_equal(at.downs + at.silences, 0); /* nobody waits for anything: silence is no sign */
    assert_int_equal(send_words(&at, "ECHO", "x"), ZP_OK);
    assert_int_equal(redis_connection_silent_ms(at.connection), 0);
    assert_true(run_until(&at, has_ten_silences));
    assert_int_equal(redis_connection_silent_ms(at.connection), 200); /* steps of 20 ms */
    assert_false(redis_connection_timed_out(at.connection));
    assert_true(run_until(&at, is_down));
    assert_int_equal(redis_connection_silent_ms(at.connection), 0);
    assert_int_equal(at.silences, 20); /* the last one: it is over */
    assert_true(redis_connection_timed_out(at.connection));
    assert_int_equal(at.nulls, 1);
    assert_string_equal(redis_connection_trouble(at.connection), "no answer to commands");
    kill(at.server, SIGCONT);
    assert_true(run_until(&at, is_up));
    assert_int_equal(send_words(&at, "ECHO", "y"), ZP_OK);
    assert_true(run_until(&at, is_answered));
    assert_false(redis_connection_timed_out(at.connection));
    close_world(&at);
}

static void silence_is_over_with_the_first_answer(void **state) {
    (void)state;
    world at;
    open_world(&at, "");
    start_server(&at, "");
    assert_true(run_until(&at, is_up));
    kill(at.server, SIGSTOP);
    assert_int_equal(send_words(&at, "ECHO", "x"), ZP_OK);
    process_fixture_run_for(&at.fixture, 200);
    size_t silences = at.silences;
    assert_true(silences > 0);
    kill(at.server, SIGCONT);
    assert_true(run_until(&at, is_answered));
    assert_int_equal(redis_connection_silent_ms(at.connection), 0);
    assert_true(at.silences > silences);
    silences = at.silences;
    process_fixture_run_for(&at.fixture, 600);
    assert_int_equal(at.silences, silences);
    assert_int_equal(at.downs, 0);
    close_world(&at);
}

/* More than the kernel takes at once: the rest is written when it can be, however long that takes here. */
static void what_the_socket_does_not_take_at_once_is_written_later(void **state) {
    (void)state;
    world at;
    open_world_with(&at, "", "", "20000");
    start_server(&at, "");
    assert_true(run_until(&at, is_up));
    size_t large_bytes = 16 * 1024 * 1024;
    char *large = malloc(large_bytes + 1);
    assert_non_null(large);
    memset(large, 'x', large_bytes);
    large[large_bytes] = '\0';
    assert_int_equal(send_words(&at, "STRLEN", large), ZP_OK);
    assert_int_equal(send_words(&at, "ECHO", large), ZP_OK);
    assert_int_equal(send_words(&at, "ECHO", "behind it"), ZP_OK);
    assert_true(run_until(&at, all_answered));
    assert_int_equal(at.replies, 3);
    assert_string_equal(at.last_text, "behind it");
    free(large);
    close_world(&at);
}

static void on_notification(void *context, const redisReply *reply) {
    world *at = context;
    if (reply) {
        at->heard++;
    } else {
        at->unheard++;
    }
}

static bool is_subscribed(void *context) {
    return ((world *)context)->heard > 0;
}

static void a_subscription_ends_with_its_connection(void **state) {
    (void)state;
    world at;
    open_world(&at, "");
    start_server(&at, "");
    assert_int_equal(redis_connection_subscribe(at.connection, on_notification, &at, "news"), ZP_UNAVAILABLE);
    assert_true(run_until(&at, is_up));
    assert_int_equal(redis_connection_subscribe(at.connection, on_notification, &at, "news"), ZP_OK);
    assert_true(run_until(&at, is_subscribed));
    redis_connection_restart(at.connection);
    assert_int_equal(at.unheard, 1);
    assert_int_equal(at.downs, 1);
    assert_true(run_until(&at, is_up));
    assert_int_equal(redis_connection_subscribe(at.connection, on_notification, &at, "news"), ZP_OK);
    close_world(&at);
    assert_int_equal(at.unheard, 2);
}

static void at_its_end_commands_are_answered_and_no_event_follows(void **state) {
    (void)state;
    world at;
    open_world(&at, "");
    start_server(&at, "");
    assert_true(run_until(&at, is_up));
    assert_int_equal(send_words(&at, "ECHO", "x"), ZP_OK);
    close_world(&at);
    assert_int_equal(at.nulls, 1);
    assert_int_equal(at.downs, 0);
}

static void what_was_sent_leaves_before_its_end(void **state) {
    (void)state;
    world at;
    open_world(&at, "");
    start_server(&at, "");
    assert_true(run_until(&at, is_up));
    assert_int_equal(send_words(&at, "INCR", "ends"), ZP_OK);
    end_connection(&at); /* the loop has had no turn since */
    begin_connection(&at);
    assert_true(run_until(&at, is_up));
    assert_int_equal(send_words(&at, "GET", "ends"), ZP_OK);
    assert_true(run_until(&at, is_answered));
    assert_string_equal(at.last_text, "1");
    close_world(&at);
}

static void it_can_end_before_it_was_ever_up(void **state) {
    (void)state;
    world at;
    open_world(&at, "");
    close_world(&at);
    open_world(&at, "");
    process_fixture_run_for(&at.fixture, 120);
    close_world(&at);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_answered_in_order),
        cmocka_unit_test(it_comes_up_with_its_password_and_says_why_not_without),
        cmocka_unit_test(a_user_of_an_acl_comes_up_with_its_own_password),
        cmocka_unit_test(when_the_server_dies_what_is_under_way_is_lost_and_it_reconnects),
        cmocka_unit_test(a_server_that_falls_silent_under_commands_is_given_up),
        cmocka_unit_test(silence_is_over_with_the_first_answer),
        cmocka_unit_test(what_the_socket_does_not_take_at_once_is_written_later),
        cmocka_unit_test(a_subscription_ends_with_its_connection),
        cmocka_unit_test(at_its_end_commands_are_answered_and_no_event_follows),
        cmocka_unit_test(what_was_sent_leaves_before_its_end),
        cmocka_unit_test(it_can_end_before_it_was_ever_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
