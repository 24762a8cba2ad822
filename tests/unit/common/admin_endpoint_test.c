#include "common/admin/admin_endpoint.h"
#include "common/runtime/fault.h"
#include "common_fixture.h"
#include "http_fixture.h"
#include <stdlib.h>
#include <unistd.h>

typedef struct server {
    uv_loop_t loop;
    config_t *config;
    metrics_t *metrics;
    admin_endpoint_t *admin;
    const char *reason; /* why it is not ready, or NULL */
} server;

static size_t readiness(void *context, const char *reasons[ADMIN_REASONS_MAX]) {
    server *self = context;
    metrics_add(self->metrics, METRIC_PEERS_LIVE, 1);
    reasons[0] = self->reason;
    return self->reason ? 1 : 0;
}

static int start(void **state) {
    static server self;
    clean_environment(NULL);
    self = (server){.config = load_config(EDGE), .metrics = metrics_new(EDGE)};
    assert_int_equal(uv_loop_init(&self.loop), 0);
    assert_int_equal(admin_endpoint_new(&self.admin, &self.loop, self.config, self.metrics, readiness, &self),
                     ZP_OK);
    *state = &self;
    return 0;
}

static int stop(void **state) {
    server *self = *state;
    admin_endpoint_destroy(&self->admin);
    assert_null(self->admin);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&self->loop), 0);
    metrics_destroy(&self->metrics);
    config_destroy(&self->config);
    return 0;
}

static const char *ask(server *self, const char *method, const char *target) {
    return http_ask(&self->loop, admin_endpoint_address(self->admin), method, target);
}

static void readyz_says_who_answers_and_in_words_why_not(void **state) {
    server *self = *state;
    char wanted[256];
    const char *answer = ask(self, "GET", "/readyz");
    assert_contains(answer, "HTTP/1.1 200 OK\r\n");
    assert_contains(answer, "Content-Type: application/json\r\n");
    snprintf(wanted, sizeof wanted,
             "\r\n\r\n{\"ready\": true, \"name\": \"ws-edge-1\", \"pid\": %d, \"reasons\": []}\n",
             (int)getpid());
    assert_contains(answer, wanted);
    self->reason = "no core is \"live\" \\ \n";
    answer = ask(self, "GET", "/readyz");
    assert_contains(answer, "HTTP/1.1 503 ");
    assert_contains(answer, "\r\n\r\n{\"ready\": false, \"name\": ");
    assert_contains(answer, "\"reasons\": [\"no core is \\\"live\\\" \\\\ \\u000a\"]}\n");
}

static void healthz_holds_while_the_loop_turns_ready_or_not(void **state) {
    server *self = *state;
    self->reason = "no core is live";
    assert_contains(ask(self, "GET", "/healthz"), "HTTP/1.1 200 OK\r\n");
}

static void metrics_are_prometheus_text_with_fresh_gauges(void **state) {
    server *self = *state;
    const char *answer = ask(self, "GET", "/metrics");
    assert_contains(answer, "HTTP/1.1 200 OK\r\n");
    assert_contains(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    assert_contains(answer, "\nzpresence_peers_live{process=\"ws-edge-1\"} 1\n");
    assert_contains(ask(self, "GET", "/metrics"), "\nzpresence_peers_live{process=\"ws-edge-1\"} 2\n");
}

static void head_is_answered_without_a_body(void **state) {
    server *self = *state;
    const char *answer = ask(self, "HEAD", "/healthz");
    assert_contains(answer, "HTTP/1.1 200 OK\r\n");
    assert_contains(answer, "Content-Length: 18\r\n");
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n");
}

static void another_path_is_404_and_another_method_405(void **state) {
    server *self = *state;
    assert_contains(ask(self, "GET", "/"), "HTTP/1.1 404 ");
    const char *answer = ask(self, "GET", "/healthz/");
    assert_contains(answer, "HTTP/1.1 404 ");
    assert_contains(answer, "{\"error\": \"not found\"}");
    answer = ask(self, "POST", "/metrics");
    assert_contains(answer, "HTTP/1.1 405 ");
    assert_contains(answer, "Allow: GET, HEAD\r\n");
    assert_contains(ask(self, "DELETE", "/readyz"), "HTTP/1.1 405 ");
}

static void a_body_is_read_over_and_the_connection_goes_on(void **state) {
    server *self = *state;
    int fd = http_dial(admin_endpoint_address(self->admin));
    http_say(fd, "POST /healthz HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    assert_contains(http_hear(&self->loop, fd, 3000, false), "HTTP/1.1 405 ");
    http_say(fd, "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_contains(http_hear(&self->loop, fd, 3000, false), "HTTP/1.1 200 ");
    close(fd);
}

static void garbage_is_answered_400(void **state) {
    server *self = *state;
    int fd = http_dial(admin_endpoint_address(self->admin));
    http_say(fd, "\x16\x03\x01 garbage\r\n\r\n");
    const char *answer = http_hear(&self->loop, fd, 3000, false);
    assert_true(answer[0] == '\0' || strstr(answer, " 400 "));
    close(fd);
    assert_contains(ask(self, "GET", "/healthz"), "HTTP/1.1 200 ");
}

static void an_address_that_is_taken_is_an_error(void **state) {
    server *self = *state;
    setenv("ADMIN_LISTEN", admin_endpoint_address(self->admin), 1);
    config_t *config = load_config(CORE);
    admin_endpoint_t *admin = NULL;
    capture_begin(STDERR_FILENO);
    zp_error error = admin_endpoint_new(&admin, &self->loop, config, self->metrics, readiness, self);
    (void)capture_end();
    assert_int_equal(error, ZP_SYSTEM);
    assert_null(admin);
    config_destroy(&config);
    clean_environment(NULL);
}

#ifdef ZPRESENCE_FAULTS
static void a_fault_point_is_armed_for_so_many_times(void **state) {
    server *self = *state;
    assert_false(FAULT(DROP_PUB));
    const char *answer = ask(self, "POST", "/faults/drop-pub?times=2");
    assert_contains(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "{\"armed\": \"drop-pub\", \"times\": 2}");
    assert_true(FAULT(DROP_PUB));
    assert_false(FAULT(DROP_ACK));
    assert_true(FAULT(DROP_PUB));
    assert_false(FAULT(DROP_PUB));
    assert_contains(ask(self, "POST", "/faults/drop-pub"), "\"times\": 1");
    assert_true(FAULT(DROP_PUB));
    assert_false(FAULT(DROP_PUB));
}

static void below_zero_is_for_ever_and_zero_disarms(void **state) {
    server *self = *state;
    assert_contains(ask(self, "POST", "/faults/drop-ack?times=-1"), "HTTP/1.1 200 ");
    for (int i = 0; i < 100; i++) {
        assert_true(FAULT(DROP_ACK));
    }
    assert_contains(ask(self, "POST", "/faults/drop-ack?times=0"), "HTTP/1.1 200 ");
    assert_false(FAULT(DROP_ACK));
}

static void an_unknown_fault_point_or_number_arms_nothing(void **state) {
    server *self = *state;
    assert_contains(ask(self, "POST", "/faults/drop-pubs?times=1"), "HTTP/1.1 404 ");
    assert_contains(ask(self, "POST", "/faults/?times=1"), "HTTP/1.1 404 ");
    assert_contains(ask(self, "POST", "/faults/drop-pub?times=1x"), "HTTP/1.1 400 ");
    assert_contains(ask(self, "POST", "/faults/drop-pub?times="), "HTTP/1.1 400 ");
    const char *answer = ask(self, "GET", "/faults/drop-pub?times=1");
    assert_contains(answer, "HTTP/1.1 405 ");
    assert_contains(answer, "Allow: POST\r\n");
    assert_false(FAULT(DROP_PUB));
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(readyz_says_who_answers_and_in_words_why_not, start, stop),
        cmocka_unit_test_setup_teardown(healthz_holds_while_the_loop_turns_ready_or_not, start, stop),
        cmocka_unit_test_setup_teardown(metrics_are_prometheus_text_with_fresh_gauges, start, stop),
        cmocka_unit_test_setup_teardown(head_is_answered_without_a_body, start, stop),
        cmocka_unit_test_setup_teardown(another_path_is_404_and_another_method_405, start, stop),
        cmocka_unit_test_setup_teardown(a_body_is_read_over_and_the_connection_goes_on, start, stop),
        cmocka_unit_test_setup_teardown(garbage_is_answered_400, start, stop),
        cmocka_unit_test_setup_teardown(an_address_that_is_taken_is_an_error, start, stop),
#ifdef ZPRESENCE_FAULTS
        cmocka_unit_test_setup_teardown(a_fault_point_is_armed_for_so_many_times, start, stop),
        cmocka_unit_test_setup_teardown(below_zero_is_for_ever_and_zero_disarms, start, stop),
        cmocka_unit_test_setup_teardown(an_unknown_fault_point_or_number_arms_nothing, start, stop),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
