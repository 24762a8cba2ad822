#include "common/runtime/process.h"
#include "common/base/clock.h"
#include "common/bus/bus_arrows.h"
#include "common/bus/bus_door.h"
#include "common/bus/bus_keys.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "proto/valid.h"
#include <assert.h>
#include <czmq.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_BAD_SETTING = 2 };

static void on_drain_timeout(uv_timer_t *timer) {
    process_t *process = timer->data;
    log_warn("process.drain_cut", "reason=DRAIN_MS after_ms=%" PRIu64,
             config_ms(process->config, SETTING_DRAIN_MS));
    uv_stop(&process->loop);
}

static void on_signal(uv_signal_t *handle, int number) {
    process_t *process = handle->data;
    if (process->draining) {
        log_warn("process.drain_cut", "reason=signal");
        uv_stop(&process->loop);
        return;
    }
    process->draining = true;
    log_info("process.draining", "signal=%s", number == SIGTERM ? "SIGTERM" : "SIGINT");
    uv_timer_start(&process->drain_timer, on_drain_timeout, config_ms(process->config, SETTING_DRAIN_MS), 0);
    process->drain(process->drain_context);
}

/* czmq takes SIGINT and SIGTERM for itself unless it is told not to before its first use, and logs to stdout.
 */
static void tame_czmq(void) {
    zsys_handler_set(NULL);
    zsys_init();
    zsys_set_max_sockets(0); /* as many as libzmq allows: 1024 are not two for each of ENDPOINTS_MAX */
    zsys_set_logstream(stderr);
}

static bool init_loop(process_t *process) {
    if (uv_loop_init(&process->loop) != 0) {
        return false;
    }
    uv_signal_init(&process->loop, &process->sigterm);
    uv_signal_init(&process->loop, &process->sigint);
    uv_timer_init(&process->loop, &process->drain_timer);
    process->sigterm.data = process;
    process->sigint.data = process;
    process->drain_timer.data = process;
    return true;
}

static bool is_off(const config_t *config) {
    return strcmp(config_text(config, SETTING_BUS_SECURITY), "off") == 0;
}

/* False: it has been said which key cannot be used. */
static bool load_keys(const config_t *config, bus_keys_t **ret_keys) {
    if (is_off(config)) {
        log_warn("bus.not_secure", "reason=BUS_SECURITY=off: whoever reaches the bus is believed");
        return true;
    }
    return bus_keys_new(ret_keys, config) == ZP_OK;
}

/* All that is wrong is said in one go. */
static bool is_usable(const process_t *process) {
    bus_keys_t *keys = NULL;
    bool has_keys = is_off(process->config) || load_keys(process->config, &keys);
    bool is_usable = !process->is_usable || process->is_usable(process->config);
    bus_keys_destroy(&keys);
    return has_keys && is_usable;
}

bool process_start(process_t *process, process_kind kind, int argc, char **argv, int *ret_exit_code) {
    bool leave = false;
    zp_error loaded = config_load(&process->config, &leave, kind, argc, argv);
    if (process->config) {
        log_init(process->config);
    }
    if (leave || loaded != ZP_OK) {
        bool usable = !process->config || is_usable(process);
        *ret_exit_code = loaded == ZP_OK && usable ? 0 : EXIT_BAD_SETTING;
        config_destroy(&process->config);
        return false;
    }
    process->started_at_ms = clock_unix_ms();
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that left is an error of write, not the end of the process */
    tame_czmq();
    *ret_exit_code = EXIT_BAD_SETTING;
#ifdef ZPRESENCE_FAULTS
    if (!fault_init()) {
        config_destroy(&process->config);
        return false;
    }
#endif
    bus_keys_t *keys = NULL;
    if (!load_keys(process->config, &keys)) {
        config_destroy(&process->config);
        return false;
    }
    *ret_exit_code = 1;
    process->metrics = metrics_new(kind);
    if (!process->metrics || !init_loop(process)) {
        log_error("process.cannot_start", "reason=\"no memory or no descriptors\"");
        metrics_destroy(&process->metrics);
        bus_keys_destroy(&keys);
        config_destroy(&process->config);
        return false;
    }
    process->bus = (bus_context){&process->loop, process->config, process->metrics, keys, NULL};
    bool binds = bus_arrows_comers(kind, false) != 0;
    if (keys && binds && bus_door_new(&process->bus.door, &process->bus) != ZP_OK) {
        (void)process_stop(process);
        return false;
    }
    return true;
}

static size_t readiness_of_process(void *context, const char *reasons[ADMIN_REASONS_MAX]) {
    process_t *process = context;
    size_t count = process->readiness(process->readiness_context, reasons);
    if (process->draining) {
        reasons[count < ADMIN_REASONS_MAX ? count++ : ADMIN_REASONS_MAX - 1] = "it is stopping";
    }
    return count;
}

/* Where others reach the admin endpoint. Of one that listens on all addresses they are told the host. */
static void name_admin(process_t *process) {
    const char *address = admin_endpoint_address(process->admin);
    const char *port = strrchr(address, ':');
    char host[HOST_NAME_MAX + 1] = "";
    bool is_any = strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
    if (is_any && gethostname(host, sizeof host) == 0) {
        (void)snprintf(process->admin_address, sizeof process->admin_address, "%s%s", host, port);
    } else {
        (void)snprintf(process->admin_address, sizeof process->admin_address, "%s", address);
    }
}

bool process_serve_admin(process_t *process, admin_readiness_fn *readiness, void *context) {
    process->readiness = readiness;
    process->readiness_context = context;
    if (admin_endpoint_new(&process->admin, &process->loop, process->config, process->metrics,
                           readiness_of_process, process) != ZP_OK) {
        return false;
    }
    name_admin(process);
    log_info("process.listening", "kind=%s address=%s admin=%s version=%s pid=%d",
             process_kind_name(config_process_kind(process->config)),
             process->address ? process->address : "-", admin_endpoint_address(process->admin),
             ZPRESENCE_VERSION, (int)getpid());
    return true;
}

void process_run(process_t *process, void (*drain)(void *context), void *context) {
    process->drain = drain;
    process->drain_context = context;
    uv_signal_start(&process->sigterm, on_signal, SIGTERM);
    uv_signal_start(&process->sigint, on_signal, SIGINT);
    uv_run(&process->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&process->drain_timer);
    process->served = true;
}

void process_drained(process_t *process) {
    uv_stop(&process->loop);
}

static const struct {
    process_kind kind;
    metric_id metric;
    const char *name;
} FIGURES[] = {
#define FIGURE(kind, metric, name) {kind, METRIC_##metric, name},
#include "common/metrics/figures.def"
#undef FIGURE
};

/* What is told is packed before it is told again: one of each is enough. */
static void fill_figures(const process_t *process, Zp__ProcessInfo *info) {
    static Zp__Figure figures[VALID_FIGURES_MAX];
    static Zp__Figure *pointers[VALID_FIGURES_MAX];
    const char *reasons[ADMIN_REASONS_MAX];
    if (process->readiness) {
        (void)process->readiness(process->readiness_context, reasons); /* sets the gauges */
    }
    info->figures = pointers;
    for (size_t i = 0; i < sizeof FIGURES / sizeof *FIGURES; i++) {
        if (FIGURES[i].kind != config_process_kind(process->config)) {
            continue;
        }
        assert(info->n_figures < VALID_FIGURES_MAX);
        Zp__Figure *figure = &figures[info->n_figures];
        int64_t value = metrics_get(process->metrics, FIGURES[i].metric);
        zp__figure__init(figure);
        figure->name = (char *)FIGURES[i].name;
        figure->value = value > 0 ? (uint64_t)value : 0;
        pointers[info->n_figures++] = figure;
    }
}

void process_info(const process_t *process, Zp__ProcessInfo *info) {
    zp__process_info__init(info);
    fill_figures(process, info);
    /* protobuf-c has no const strings, and packing changes none. */
    info->kind = (char *)process_kind_name(config_process_kind(process->config));
    info->name = (char *)config_process_name(process->config);
    info->version = (char *)ZPRESENCE_VERSION;
    info->pid = (uint32_t)getpid();
    info->started_at_ms = process->started_at_ms;
    info->address = (char *)(process->address ? process->address : "");
    info->admin = (char *)process->admin_address;
}

static void close_handle(uv_handle_t *handle, void *context) {
    (void)context;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

int process_stop(process_t *process) {
    admin_endpoint_destroy(&process->admin);
    bus_door_destroy(&process->bus.door);
    uv_walk(&process->loop, close_handle, NULL);
    while (uv_loop_alive(&process->loop)) { /* a late process_drained makes one run return at once */
        uv_run(&process->loop, UV_RUN_DEFAULT);
    }
    int closed = uv_loop_close(&process->loop);
    if (closed != 0) {
        log_error("process.loop_busy", "reason=%s", uv_err_name(closed));
    }
    log_info("process.stopped", "served=%s", process->served ? "true" : "false");
    metrics_destroy(&process->metrics);
    bus_keys_destroy(&process->bus.keys);
    config_destroy(&process->config);
    return process->served ? 0 : 1;
}
