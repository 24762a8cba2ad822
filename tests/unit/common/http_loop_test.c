#include "common/http/http_loop.h"
#include "common_fixture.h"
#include "http_fixture.h"
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 3 };

/* A server that answers at once, or keeps a request to /wait until a timer resumes it. */
typedef struct server {
    uv_loop_t loop;
    http_loop_t *http;
    uv_timer_t timer;
    struct MHD_Connection *waiting;
    bool resumed;
    unsigned completed;
} server;

static enum MHD_Result say_hello(struct MHD_Connection *connection) {
    static char hello[] = "hello";
    struct MHD_Response *response =
        MHD_create_response_from_buffer(sizeof hello - 1, hello, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body, size_t *body_len,
                                  void **request) {
    (void)method;
    (void)version;
    (void)body;
    server *self = context;
    if (!*request || *body_len > 0) {
        *request = self;
        *body_len = 0;
        return MHD_YES;
    }
    if (strcmp(path, "/wait") == 0 && !self->resumed) {
        self->waiting = connection;
        MHD_suspend_connection(connection);
        return MHD_YES;
    }
    return say_hello(connection);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode how) {
    (void)connection;
    (void)request;
    (void)how;
    ((server *)context)->completed++;
}

static void resume(uv_timer_t *timer) {
    server *self = timer->data;
    self->resumed = true;
    MHD_resume_connection(self->waiting);
    http_loop_wake(self->http);
}

static int start(void **state) {
    static server self;
    self = (server){.http = NULL};
    assert_int_equal(uv_loop_init(&self.loop), 0);
    uv_timer_init(&self.loop, &self.timer);
    self.timer.data = &self;
    const http_loop_options options = {
        .listen = "127.0.0.1:0",
        .connections_max = CONNECTIONS_MAX,
        .idle_timeout_s = 1,
        .on_request = on_request,
        .on_completed = on_completed,
        .context = &self,
    };
    assert_int_equal(http_loop_new(&self.http, &self.loop, &options), ZP_OK);
    *state = &self;
    return 0;
}

static int stop(void **state) {
    server *self = *state;
    http_loop_destroy(&self->http);
    assert_null(self->http);
    uv_close((uv_handle_t *)&self->timer, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&self->loop), 0);
    return 0;
}

static void wait_for_request(server *self) {
    for (int i = 0; i < 1000 && !self->waiting; i++) {
        http_turn(&self->loop, 5);
    }
    assert_non_null(self->waiting);
}

static const char get[] = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";

static void one_connection_serves_several_requests(void **state) {
    server *self = *state;
    int fd = http_dial(http_loop_address(self->http));
    for (int i = 0; i < 3; i++) {
        http_say(fd, get);
        assert_contains(http_hear(&self->loop, fd, 3000, false), "\r\n\r\nhello");
    }
    http_turn(&self->loop, 5);
    assert_int_equal(self->completed, 3);
    close(fd);
}

static void a_suspended_request_is_answered_when_it_is_resumed(void **state) {
    server *self = *state;
    int fd = http_dial(http_loop_address(self->http));
    http_say(fd, "GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
    wait_for_request(self);
    uv_timer_start(&self->timer, resume, 30, 0);
    uint64_t asked_at = uv_hrtime();
    assert_contains(http_hear(&self->loop, fd, 3000, false), "hello");
    assert_in_range((uv_hrtime() - asked_at) / 1000000, 20, 2500);
    close(fd);
}

/* A suspended request has no timeout of the library: it may wait longer than an idle connection. */
static void a_suspended_request_outlives_the_idle_timeout(void **state) {
    server *self = *state;
    int fd = http_dial(http_loop_address(self->http));
    http_say(fd, "GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_false(http_is_closed(&self->loop, fd, 2500));
    resume(&self->timer);
    assert_contains(http_hear(&self->loop, fd, 3000, false), "hello");
    close(fd);
}

static void an_idle_connection_is_closed_after_its_time(void **state) {
    server *self = *state;
    int silent = http_dial(http_loop_address(self->http));
    int slow = http_dial(http_loop_address(self->http));
    http_say(slow, "GET / HT");
    assert_false(http_is_closed(&self->loop, silent, 500));
    assert_true(http_is_closed(&self->loop, silent, 2500));
    assert_true(http_is_closed(&self->loop, slow, 2500));
    close(silent);
    close(slow);
}

static void an_idle_connection_costs_no_turns_of_the_loop(void **state) {
    server *self = *state;
    int fd = http_dial(http_loop_address(self->http));
    http_say(fd, get);
    assert_contains(http_hear(&self->loop, fd, 3000, false), "hello");
    unsigned turns = 0;
    uint64_t until = uv_hrtime() + 400 * 1000000ULL;
    while (uv_hrtime() < until) {
        uv_run(&self->loop, UV_RUN_NOWAIT);
        if (uv_backend_timeout(&self->loop) == 0) {
            turns++;
        }
        usleep(1000);
    }
    assert_in_range(turns, 0, 5);
    close(fd);
}

static void a_connection_beyond_the_limit_waits_until_one_leaves(void **state) {
    server *self = *state;
    int fds[CONNECTIONS_MAX];
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        fds[i] = http_dial(http_loop_address(self->http));
        http_say(fds[i], get);
        assert_contains(http_hear(&self->loop, fds[i], 3000, false), "hello");
    }
    int beyond = http_dial(http_loop_address(self->http));
    http_say(beyond, get);
    assert_string_equal(http_hear(&self->loop, beyond, 200, false), "");
    close(fds[0]);
    assert_contains(http_hear(&self->loop, beyond, 3000, false), "hello");
    close(beyond);
    for (int i = 1; i < CONNECTIONS_MAX; i++) {
        close(fds[i]);
    }
}

/* It is deaf at its limit; when all leave together there is nothing left that would wake it. */
static void when_all_leave_at_once_those_who_wait_come_in(void **state) {
    server *self = *state;
    int first[CONNECTIONS_MAX];
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        first[i] = http_dial(http_loop_address(self->http));
    }
    http_turn(&self->loop, 50);
    int late = http_dial(http_loop_address(self->http));
    http_say(late, "GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_string_equal(http_hear(&self->loop, late, 100, false), "");
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        shutdown(first[i], SHUT_RDWR);
    }
    assert_non_null(strstr(http_hear(&self->loop, late, 3000, false), "hello"));
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        close(first[i]);
    }
    close(late);
}

static void after_quiesce_requests_under_way_end_and_nobody_new_comes(void **state) {
    server *self = *state;
    int fd = http_dial(http_loop_address(self->http));
    http_say(fd, "GET /wait HTTP/1.1\r\nHost: test\r\n\r\n");
    wait_for_request(self);
    http_loop_quiesce(self->http);
    http_loop_quiesce(self->http);
    http_loop_t *second = NULL;
    const http_loop_options options = {.listen = http_loop_address(self->http),
                                       .connections_max = 1,
                                       .idle_timeout_s = 1,
                                       .on_request = on_request,
                                       .context = self};
    assert_int_equal(http_loop_new(&second, &self->loop, &options), ZP_OK); /* the port is free again */
    http_loop_destroy(&second);
    resume(&self->timer);
    assert_contains(http_hear(&self->loop, fd, 3000, false), "hello");
    close(fd);
}

static void a_taken_port_is_an_error(void **state) {
    server *self = *state;
    http_loop_t *second = NULL;
    const http_loop_options options = {.listen = http_loop_address(self->http),
                                       .connections_max = 1,
                                       .idle_timeout_s = 1,
                                       .on_request = on_request,
                                       .context = self};
    capture_begin(STDERR_FILENO);
    zp_error error = http_loop_new(&second, &self->loop, &options);
    const char *line = capture_end();
    assert_int_equal(error, ZP_SYSTEM);
    assert_null(second);
    assert_contains(line, "http.cannot_listen address=127.0.0.1:");
    assert_contains(line, "reason=\"Address already in use\"");
}

/* `stop` checks that the loop can be closed, the sanitizer that nothing is left. */
static void destroying_with_open_connections_leaves_nothing(void **state) {
    server *self = *state;
    int idle = http_dial(http_loop_address(self->http));
    int half = http_dial(http_loop_address(self->http));
    http_say(half, "GET /wait HTTP/1.1\r\nHo");
    http_turn(&self->loop, 20);
    http_loop_destroy(&self->http);
    assert_true(http_is_closed(&self->loop, idle, 1000));
    assert_true(http_is_closed(&self->loop, half, 1000));
    close(idle);
    close(half);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_connection_serves_several_requests, start, stop),
        cmocka_unit_test_setup_teardown(a_suspended_request_is_answered_when_it_is_resumed, start, stop),
        cmocka_unit_test_setup_teardown(a_suspended_request_outlives_the_idle_timeout, start, stop),
        cmocka_unit_test_setup_teardown(an_idle_connection_is_closed_after_its_time, start, stop),
        cmocka_unit_test_setup_teardown(an_idle_connection_costs_no_turns_of_the_loop, start, stop),
        cmocka_unit_test_setup_teardown(a_connection_beyond_the_limit_waits_until_one_leaves, start, stop),
        cmocka_unit_test_setup_teardown(when_all_leave_at_once_those_who_wait_come_in, start, stop),
        cmocka_unit_test_setup_teardown(after_quiesce_requests_under_way_end_and_nobody_new_comes, start,
                                        stop),
        cmocka_unit_test_setup_teardown(a_taken_port_is_an_error, start, stop),
        cmocka_unit_test_setup_teardown(destroying_with_open_connections_leaves_nothing, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
