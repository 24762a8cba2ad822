#include "tests/unit/bus/bus_fixture.h"
#include <assert.h>
#include <stdlib.h>

void bus_fixture_open(bus_fixture *fixture, const char *const *settings) {
    *fixture = (bus_fixture){0};
    setenv("ZPRESENCE_ENV_FILE", "/dev/null", 1);
    for (size_t i = 0; settings[i]; i += 2) {
        setenv(settings[i], settings[i + 1], 1);
    }
    char *argv[] = {"test", NULL};
    bool leave = false;
    zp_error error = config_load(&fixture->config, &leave, FANOUT, 1, argv);
    assert(!error && !leave);
    for (size_t i = 0; settings[i]; i += 2) {
        unsetenv(settings[i]);
    }
    fixture->metrics = metrics_new(FANOUT);
    assert(fixture->metrics);
    int result = uv_loop_init(&fixture->loop);
    assert(result == 0);
    fixture->bus =
        (bus_context){.loop = &fixture->loop, .config = fixture->config, .metrics = fixture->metrics};
    uv_timer_init(&fixture->loop, &fixture->deadline);
    fixture->deadline.data = fixture;
}

void bus_fixture_close(bus_fixture *fixture) {
    uv_close((uv_handle_t *)&fixture->deadline, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    int result = uv_loop_close(&fixture->loop);
    assert(result == 0);
    config_destroy(&fixture->config);
    metrics_destroy(&fixture->metrics);
}

static void on_deadline(uv_timer_t *timer) {
    bus_fixture *fixture = timer->data;
    fixture->late = true;
}

bool bus_fixture_run_until(bus_fixture *fixture, bool (*done)(void *context), void *context,
                           uint64_t timeout_ms) {
    fixture->late = false;
    uv_update_time(&fixture->loop);
    uv_timer_start(&fixture->deadline, on_deadline, timeout_ms, 0);
    while (!fixture->late && !done(context)) {
        uv_run(&fixture->loop, UV_RUN_ONCE);
        fixture->turns++;
    }
    uv_timer_stop(&fixture->deadline);
    return done(context);
}

static bool never(void *context) {
    (void)context;
    return false;
}

uint64_t bus_fixture_run_for(bus_fixture *fixture, uint64_t duration_ms) {
    uint64_t turns = fixture->turns;
    (void)bus_fixture_run_until(fixture, never, NULL, duration_ms);
    return fixture->turns - turns;
}

int64_t bus_fixture_metric(const bus_fixture *fixture, metric_id id) {
    return metrics_get(fixture->metrics, id);
}
