/* process_fixture - a process_t as main() starts it, with settings of the test's own, and its loop run until
 * something has come true. */
#ifndef ZP_TESTS_PROCESS_FIXTURE_H
#define ZP_TESTS_PROCESS_FIXTURE_H

#include "common/runtime/process.h"

typedef struct process_fixture {
    process_t process;
    uv_timer_t deadline;
    bool late;
} process_fixture;

/* `settings`: name, value, name, value, ..., NULL. */
void process_fixture_open(process_fixture *fixture, process_kind kind, const char *const *settings);
void process_fixture_close(process_fixture *fixture);

/* Whether `done` came true within `timeout_ms`. */
bool process_fixture_run_until(process_fixture *fixture, bool (*done)(void *context), void *context,
                               uint64_t timeout_ms);
void process_fixture_run_for(process_fixture *fixture, uint64_t duration_ms);

#endif
