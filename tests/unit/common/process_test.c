/* This program is also the process under test: started anew with ZP_TEST_SERVICE in its environment, it runs
 * main() of a service that has no parts. */
#include "common/base/clock.h"
#include "common/runtime/process.h"
#include "common_fixture.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t readiness(void *context, const char *reasons[ADMIN_REASONS_MAX]) {
    (void)context;
    (void)reasons;
    return 0;
}

static void leave_at_once(void *context) {
    process_drained(context);
}

static void never_done(void *context) {
    (void)context;
    fprintf(stderr, "drain called\n");
}

/* In the first turn of the loop: signals are handled from then on. */
static void tell_info(uv_timer_t *timer) {
    Zp__ProcessInfo info;
    process_info(timer->data, &info);
    fprintf(stderr,
            "info kind=%s name=%s version=%s pid=%d address=%s admin_is_known=%d\nadmin of others=%s\n",
            info.kind, info.name, info.version, (int)info.pid - (int)getpid(), info.address,
            info.admin[0] != '\0', info.admin);
}

static bool is_not_usable(const config_t *config) {
    fprintf(stderr, "%s cannot use it\n", config_process_name(config));
    return false;
}

static int service(const char *how, int argc, char **argv) {
    process_t process = {.is_usable = strcmp(how, "unusable") == 0 ? is_not_usable : NULL};
    int exit_code = 0;
    if (!process_start(&process, FANOUT, argc, argv, &exit_code)) {
        return exit_code;
    }
    process.address = "tcp://127.0.0.1:7400";
    if (strcmp(how, "slow start") == 0) {
        fprintf(stderr, "starting\n");
        sleep(30);
    }
    if (!process_serve_admin(&process, readiness, NULL)) {
        return process_stop(&process);
    }
    static uv_timer_t first_turn;
    uv_timer_init(&process.loop, &first_turn);
    first_turn.data = &process;
    uv_timer_start(&first_turn, tell_info, 0, 0);
    process_run(&process, strcmp(how, "quick") == 0 ? leave_at_once : never_done, &process);
    process_drained(&process); /* a part that says so late must not keep the loop from being closed */
    return process_stop(&process);
}

typedef struct child {
    pid_t pid;
    int output;
    char text[16384];
    size_t len;
} child;

/* `setting` is NAME=value or NULL. */
static child spawn(const char *how, const char *argument, const char *setting) {
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    child started = {.pid = fork(), .output = ends[0]};
    assert_true(started.pid >= 0);
    if (started.pid == 0) {
        char kept_how[16];
        snprintf(kept_how, sizeof kept_how, "%s", how);
        clean_environment(NULL);
        setenv("ZP_TEST_SERVICE", kept_how, 1);
        setenv("BUS_SECURITY", "off", 1);
        char kept[128] = "";
        snprintf(kept, sizeof kept, "%s", setting ? setting : "X=");
        putenv(kept);
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        execl("/proc/self/exe", "service", argument, NULL);
        _exit(127);
    }
    close(ends[1]);
    return started;
}

/* Reads until `part` has come (true), or the output ends or `deadline_ms` have passed (false). */
static bool await(child *self, const char *part, uint64_t deadline_ms) {
    uint64_t deadline = clock_monotonic_ms() + deadline_ms;
    while (!part || !strstr(self->text, part)) {
        uint64_t now = clock_monotonic_ms();
        struct pollfd ready = {.fd = self->output, .events = POLLIN};
        if (now >= deadline || poll(&ready, 1, (int)(deadline - now)) <= 0) {
            return false;
        }
        ssize_t got = read(self->output, self->text + self->len, sizeof self->text - 1 - self->len);
        if (got <= 0) {
            return false;
        }
        self->len += (size_t)got;
        self->text[self->len] = '\0';
    }
    return true;
}

/* The exit code, or 128 + the signal. What is left of the output is in `text` afterwards. */
static int await_exit(child *self, uint64_t deadline_ms) {
    (void)await(self, NULL, deadline_ms);
    int status = 0;
    if (waitpid(self->pid, &status, WNOHANG) == 0) {
        /* The output has ended, or the time is up; a moment more for the exit itself. */
        for (int i = 0; i < 100 && waitpid(self->pid, &status, WNOHANG) == 0; i++) {
            usleep(10000);
            if (i == 99) {
                kill(self->pid, SIGKILL);
                waitpid(self->pid, &status, 0);
            }
        }
    }
    close(self->output);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void the_first_line_says_what_listens_where(void **state) {
    (void)state;
    child self = spawn("quick", NULL, NULL);
    assert_true(await(&self, "process.listening", 10000));
    assert_true(await(&self, "info kind", 10000));
    assert_contains(self.text, " INFO fanout-1 process.listening kind=fanout address=tcp://127.0.0.1:7400 "
                               "admin=127.0.0.1:");
    assert_contains(self.text, "info kind=fanout name=fanout-1 version=" ZPRESENCE_VERSION
                               " pid=0 address=tcp://127.0.0.1:7400 admin_is_known=1\n");
    kill(self.pid, SIGTERM);
    assert_int_equal(await_exit(&self, 10000), 0);
}

static void who_listens_on_all_addresses_tells_others_the_name_of_its_host(void **state) {
    (void)state;
    static const char *const settings[] = {"ADMIN_LISTEN=0.0.0.0:0", "ADMIN_LISTEN=[::]:0",
                                           "ADMIN_LISTEN=127.0.0.2:0"};
    for (size_t i = 0; i < 3; i++) {
        child self = spawn("quick", NULL, settings[i]);
        assert_true(await(&self, "admin of others=", 10000));
        char host[HOST_NAME_MAX + 1] = "127.0.0.2", expected[HOST_NAME_MAX + 32];
        if (i < 2) {
            assert_int_equal(gethostname(host, sizeof host), 0);
        }
        (void)snprintf(expected, sizeof expected, "admin of others=%s:", host);
        assert_contains(self.text, expected);
        assert_lacks(self.text, "admin of others=0.0.0.0");
        kill(self.pid, SIGTERM);
        assert_int_equal(await_exit(&self, 10000), 0);
    }
}

static void sigterm_and_sigint_drain_and_leave_with_0(void **state) {
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        child self = spawn("quick", NULL, NULL);
        assert_true(await(&self, "admin_is_known", 10000));
        kill(self.pid, signals[i]);
        assert_int_equal(await_exit(&self, 10000), 0);
        assert_contains(self.text,
                        i == 0 ? "process.draining signal=SIGTERM" : "process.draining signal=SIGINT");
        assert_contains(self.text, "process.stopped");
        assert_lacks(self.text, "process.loop_busy");
        assert_lacks(self.text, "drain_cut");
    }
}

static void a_drain_that_does_not_end_is_cut_after_its_time(void **state) {
    (void)state;
    child self = spawn("hang", NULL, "DRAIN_MS=300");
    assert_true(await(&self, "admin_is_known", 10000));
    uint64_t asked_at = clock_monotonic_ms();
    kill(self.pid, SIGTERM);
    assert_true(await(&self, "process.drain_cut reason=DRAIN_MS", 10000));
    assert_in_range(clock_monotonic_ms() - asked_at, 290, 3000);
    assert_int_equal(await_exit(&self, 10000), 0);
}

static void a_second_signal_cuts_the_drain_and_drain_is_called_once(void **state) {
    (void)state;
    child self = spawn("hang", NULL, "DRAIN_MS=60000");
    assert_true(await(&self, "admin_is_known", 10000));
    kill(self.pid, SIGTERM);
    assert_true(await(&self, "drain called\n", 10000));
    kill(self.pid, SIGINT);
    assert_int_equal(await_exit(&self, 10000), 0);
    assert_contains(self.text, "process.drain_cut reason=signal");
    assert_null(strstr(strstr(self.text, "drain called") + 1, "drain called"));
}

/* Nothing is under way yet, so the default of the system is right; czmq's own handlers would swallow the
 * signal. */
static void a_signal_while_it_starts_ends_it(void **state) {
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        child self = spawn("slow start", NULL, NULL);
        assert_true(await(&self, "starting\n", 10000));
        kill(self.pid, signals[i]);
        assert_int_equal(await_exit(&self, 5000), 128 + signals[i]);
    }
}

static void a_peer_that_leaves_does_not_end_the_process(void **state) {
    (void)state;
    child self = spawn("quick", NULL, NULL);
    assert_true(await(&self, "admin_is_known", 10000));
    kill(self.pid, SIGPIPE);
    kill(self.pid, SIGTERM);
    assert_int_equal(await_exit(&self, 10000), 0);
}

static void a_bad_setting_is_exit_2_and_help_is_exit_0(void **state) {
    (void)state;
    child self = spawn("quick", NULL, "DRAIN_MS=soon");
    assert_int_equal(await_exit(&self, 10000), 2);
    assert_string_equal(self.text,
                        "fanout: DRAIN_MS=soon is not valid: a whole number of milliseconds from 0 to "
                        "600000 is needed\n");
    self = spawn("quick", "--bogus", NULL);
    assert_int_equal(await_exit(&self, 10000), 2);
    self = spawn("quick", "--help", NULL);
    assert_int_equal(await_exit(&self, 10000), 0);
    assert_contains(self.text, "Usage: fanout");
}

static void check_config_says_what_is_wrong_and_starts_nothing(void **state) {
    (void)state;
    child self = spawn("quick", "--check-config", NULL);
    assert_int_equal(await_exit(&self, 10000), 0);
    assert_string_equal(self.text, "");
    self = spawn("quick", "--check-config", "DRAIN_MS=soon");
    assert_int_equal(await_exit(&self, 10000), 2);
    assert_contains(self.text, "fanout: DRAIN_MS=soon is not valid");
    self = spawn("unusable", "--check-config", NULL);
    assert_int_equal(await_exit(&self, 10000), 2);
    assert_string_equal(self.text, "fanout-1 cannot use it\n");
    self = spawn("unusable", "--check-config", "DRAIN_MS=soon");
    assert_int_equal(await_exit(&self, 10000), 2);
    assert_contains(self.text, "fanout: DRAIN_MS=soon is not valid");
    assert_contains(self.text, "fanout-1 cannot use it\n");
}

static void an_admin_address_that_cannot_be_had_is_exit_1(void **state) {
    (void)state;
    child self = spawn("quick", NULL, "ADMIN_LISTEN=192.0.2.1:0");
    assert_int_equal(await_exit(&self, 10000), 1);
    assert_contains(self.text,
                    "http.cannot_listen address=192.0.2.1:0 reason=\"Cannot assign requested address\"");
}

#ifdef ZPRESENCE_FAULTS
static void faults_are_armed_from_the_environment(void **state) {
    (void)state;
    child self = spawn("quick", NULL, "FAULTS=drop-pub:2,no-sweep:-1");
    assert_true(await(&self, "admin_is_known", 10000));
    assert_contains(self.text, "fault.armed name=drop-pub times=2");
    assert_contains(self.text, "fault.armed name=no-sweep times=-1");
    kill(self.pid, SIGTERM);
    assert_int_equal(await_exit(&self, 10000), 0);
    static const char *const malformed[] = {"FAULTS=drop", "FAULTS=drop-pub",
                                            "FAULTS=drop-pub:", "FAULTS=drop-pub:x", "FAULTS=bogus:1"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        self = spawn("quick", NULL, malformed[i]);
        assert_int_equal(await_exit(&self, 10000), 2);
        assert_contains(self.text, "fault.unknown item=");
    }
}
#endif

int main(int argc, char **argv) {
    const char *how = getenv("ZP_TEST_SERVICE");
    if (how) {
        return service(how, argc, argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_says_what_listens_where),
        cmocka_unit_test(who_listens_on_all_addresses_tells_others_the_name_of_its_host),
        cmocka_unit_test(sigterm_and_sigint_drain_and_leave_with_0),
        cmocka_unit_test(a_drain_that_does_not_end_is_cut_after_its_time),
        cmocka_unit_test(a_second_signal_cuts_the_drain_and_drain_is_called_once),
        cmocka_unit_test(a_signal_while_it_starts_ends_it),
        cmocka_unit_test(a_peer_that_leaves_does_not_end_the_process),
        cmocka_unit_test(a_bad_setting_is_exit_2_and_help_is_exit_0),
        cmocka_unit_test(check_config_says_what_is_wrong_and_starts_nothing),
        cmocka_unit_test(an_admin_address_that_cannot_be_had_is_exit_1),
#ifdef ZPRESENCE_FAULTS
        cmocka_unit_test(faults_are_armed_from_the_environment),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
