#include "tests/unit/support/process_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

void process_fixture_open(process_fixture *fixture, process_kind kind, const char *const *settings) {
    *fixture = (process_fixture){0};
    setenv("ZPRESENCE_ENV_FILE", "/dev/null", 1);
    setenv("BUS_SECURITY", "off", 1);
    for (size_t i = 0; settings[i]; i += 2) {
        setenv(settings[i], settings[i + 1], 1);
    }
    char *argv[] = {"test", NULL};
    int exit_code = 0;
    assert_true(process_start(&fixture->process, kind, 1, argv, &exit_code));
    for (size_t i = 0; settings[i]; i += 2) {
        unsetenv(settings[i]);
    }
    uv_timer_init(&fixture->process.loop, &fixture->deadline);
    fixture->deadline.data = fixture;
}

void process_fixture_close(process_fixture *fixture) {
    (void)process_stop(&fixture->process);
}

static void on_deadline(uv_timer_t *timer) {
    ((process_fixture *)timer->data)->late = true;
}

bool process_fixture_run_until(process_fixture *fixture, bool (*done)(void *context), void *context,
                               uint64_t timeout_ms) {
    fixture->late = false;
    uv_update_time(&fixture->process.loop);
    uv_timer_start(&fixture->deadline, on_deadline, timeout_ms, 0);
    while (!fixture->late && !done(context)) {
        uv_run(&fixture->process.loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&fixture->deadline);
    return done(context);
}

static bool never(void *context) {
    (void)context;
    return false;
}

void process_fixture_run_for(process_fixture *fixture, uint64_t duration_ms) {
    enum { SLICE_MS = 10 }; /* as much of it as a machine that stands still can take */
    for (uint64_t passed_ms = 0; passed_ms < duration_ms; passed_ms += SLICE_MS) {
        (void)process_fixture_run_until(fixture, never, NULL, SLICE_MS);
    }
}
