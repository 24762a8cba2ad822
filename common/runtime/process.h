/* process - what main() of every service does first and last: configuration, log, metrics, loop, admin
 * endpoint, SIGTERM and SIGINT with a bounded drain.
 *
 *     process_t process = {0};
 *     int exit_code;
 *     if (!process_start(&process, EDGE, argc, argv, &exit_code)) return exit_code;
 *     ... wire the parts; on failure: process_stop(&process); return 1;
 *     process_serve_admin(&process, readiness, &edge)   once everything listens
 *     process_run(&process, drain, &edge)               returns when drained, or after DRAIN_MS
 *     ... destroy the parts
 *     return process_stop(&process);                    closes what is left of the loop
 */
#ifndef ZP_RUNTIME_PROCESS_H
#define ZP_RUNTIME_PROCESS_H

#include "common/admin/admin_endpoint.h"
#include "common/bus/bus_socket.h"
#include "common/http/listen_socket.h"
#include "proto/shared.pb-c.h"

typedef struct process {
    /* Set before process_start, or NULL: what --check-config looks at beside the values themselves. False: it
     * has logged what is wrong. */
    bool (*is_usable)(const config_t *config);
    config_t *config;
    metrics_t *metrics;
    uv_loop_t loop;
    bus_context bus;
    admin_endpoint_t *admin;
    char admin_address[LISTEN_ADDRESS_BYTES]; /* as others are told it; "" before process_serve_admin */
    uint64_t started_at_ms;
    const char *address; /* where clients reach this process, for beats and the first log line; set by main */
    bool draining;
    bool served; /* process_run was reached and left: a beat after it is the last */
    uv_signal_t sigterm, sigint;
    uv_timer_t drain_timer;
    void (*drain)(void *context);
    void *drain_context;
    admin_readiness_fn *readiness; /* of main; a process that drains is not ready whatever it says */
    void *readiness_context;
} process_t;

/* False: leave with *ret_exit_code (0 after --help; 2 after a bad setting, whose line is printed, also by
 * --check-config). */
ZP_MUST_CHECK bool process_start(process_t *process, process_kind kind, int argc, char **argv,
                                 int *ret_exit_code);

/* Starts the admin endpoint and logs one line "process.listening" with what listens where. False: cannot
 * listen. */
ZP_MUST_CHECK bool process_serve_admin(process_t *process, admin_readiness_fn *readiness, void *context);

/* Runs the loop. On SIGTERM or SIGINT calls `drain` once: it starts what must be finished and calls
 * process_drained when done (at once, where nothing is). After DRAIN_MS, or at a second signal, the loop is
 * left anyway. */
void process_run(process_t *process, void (*drain)(void *context), void *context);
void process_drained(process_t *process);

/* For beats: fills `info` with borrowed strings, and with figures that are good until the next call. */
void process_info(const process_t *process, Zp__ProcessInfo *info);

/* Also after a failed start of a part. Closes what the parts left on the loop and waits until it is closed.
 * Returns the exit code: 0 after process_run was left, else 1. */
int process_stop(process_t *process);

#endif
