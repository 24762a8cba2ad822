/* bus_fixture - a loop, a configuration and metrics for tests with real sockets. It wakes the loop for
 * nothing but its own deadline, so that an edge that is lost stays lost. */
#ifndef ZP_TESTS_BUS_FIXTURE_H
#define ZP_TESTS_BUS_FIXTURE_H

#include "common/bus/bus_socket.h"

#define ANY_PORT "tcp://127.0.0.1:*"

typedef struct bus_fixture {
    uv_loop_t loop;
    config_t *config;
    metrics_t *metrics;
    bus_context bus;
    uv_timer_t deadline;
    bool late;
    uint64_t turns;
} bus_fixture;

/* `settings`: name, value, name, value, ..., NULL. */
void bus_fixture_open(bus_fixture *fixture, const char *const *settings);

/* Runs what is left of the loop; a handle that nobody closed is an abort. */
void bus_fixture_close(bus_fixture *fixture);

/* Whether `done` came true within `timeout_ms`. */
bool bus_fixture_run_until(bus_fixture *fixture, bool (*done)(void *context), void *context,
                           uint64_t timeout_ms);
/* Returns how often the loop woke. */
uint64_t bus_fixture_run_for(bus_fixture *fixture, uint64_t duration_ms);

int64_t bus_fixture_metric(const bus_fixture *fixture, metric_id id);

#endif
