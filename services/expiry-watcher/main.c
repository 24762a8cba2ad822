/* expiry-watcher - time: it ticks the service clock and the sweep, and hears from Redis what expires. It
 * decides no transition: it asks the core. Any number may run; each tick and each hint is harmless when
 * repeated.
 *
 * Ready while its ticks are answered. That Redis does not tell it of expired keys is no reason against it:
 * the sweep does that work too (keyspace_listener.h). */
#include "common/log/log.h"
#include "common/runtime/process.h"
#include "services/expiry-watcher/core_link.h"
#include "services/expiry-watcher/hint_queue.h"
#include "services/expiry-watcher/keyspace_listener.h"
#include "services/expiry-watcher/ticker.h"

typedef struct watcher {
    process_t process;
    core_link_t *cores;
    ticker_t *ticker;
    hint_queue_t *hints;
    keyspace_listener_t *listener;
} watcher_t;

static void on_tick_reply(void *context, const Zp__TickReply *reply) {
    ticker_on_reply(((watcher_t *)context)->ticker, reply);
}

static void on_tick_lost(void *context) {
    ticker_on_lost(((watcher_t *)context)->ticker);
}

static size_t readiness(void *context, const char *reasons[ADMIN_REASONS_MAX]) {
    const char *trouble = ticker_trouble(((watcher_t *)context)->ticker);
    if (trouble) {
        reasons[0] = trouble;
    }
    return trouble ? 1 : 0;
}

/* Nothing is under way that another watcher, or this one's next life, would not do as well. */
static void drain(void *context) {
    process_drained(&((watcher_t *)context)->process);
}

static bool start(watcher_t *watcher) {
    const bus_context *bus = &watcher->process.bus;
    const core_link_events of_cores = {on_tick_reply, on_tick_lost};
    return core_link_new(&watcher->cores, &watcher->process, &of_cores, watcher) == ZP_OK &&
           ticker_new(&watcher->ticker, bus, watcher->cores) == ZP_OK &&
           hint_queue_new(&watcher->hints, bus, watcher->cores) == ZP_OK &&
           keyspace_listener_new(&watcher->listener, bus, watcher->hints) == ZP_OK &&
           process_serve_admin(&watcher->process, readiness, watcher);
}

static void stop(watcher_t *watcher) {
    keyspace_listener_destroy(&watcher->listener);
    hint_queue_destroy(&watcher->hints);
    ticker_destroy(&watcher->ticker);
    core_link_destroy(&watcher->cores);
}

int main(int argc, char **argv) {
    watcher_t watcher = {0};
    int exit_code = 0;
    if (!process_start(&watcher.process, WATCHER, argc, argv, &exit_code)) {
        return exit_code;
    }
    if (start(&watcher)) {
        process_run(&watcher.process, drain, &watcher);
        core_link_tell_end(watcher.cores);
    } else {
        log_error("process.cannot_start", "reason=\"a part could not be started\"");
    }
    stop(&watcher);
    return process_stop(&watcher.process);
}
