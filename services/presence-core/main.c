/* presence-core - every read and write of presence state in Redis: decides transitions and publishes them.
 *
 *     question (router) ──> edge_requests, watcher_requests, fanout_requests, api_requests
 *         ──> script_caller ──> Redis (scripts/<name>.lua) ──> broadcaster (transitions), answer (router)
 *     epoch_keeper: may this core serve at all? redis_care: is Redis set up as presence needs it? */
#include "services/presence-core/core.h"
#include "services/presence-core/requests.h"

static void on_checked(void *context) {
    presence_core *core = context;
    broadcaster_beacon(core->broadcaster, epoch_keeper_position(core->keeper),
                       epoch_keeper_is_rebuilding(core->keeper));
}

static void on_beat(void *context) {
    beats_register_self(context);
}

static void on_silence(void *context, bool silent) {
    router_set_silent(((presence_core *)context)->router, silent);
}

static size_t readiness(void *context, const char *reasons[ADMIN_REASONS_MAX]) {
    const presence_core *core = context;
    return epoch_keeper_reasons(core->keeper, reasons, ADMIN_REASONS_MAX);
}

static void on_drained(void *context) {
    presence_core *core = context;
    process_drained(&core->process);
}

/* Questions that are under way are answered; those not read yet go to another core. */
static void drain(void *context) {
    presence_core *core = context;
    epoch_keeper_quiesce(core->keeper);
    router_drain(core->router, on_drained, core);
}

static zp_error wire(presence_core *core) {
    static router_receive_fn *const RECEIVERS[ARROWS_COUNT] = {
        [ARROW_EDGE] = edge_requests_receive,
        [ARROW_WATCHER] = watcher_requests_receive,
        [ARROW_FANOUT] = fanout_requests_receive,
        [ARROW_API] = api_requests_receive,
    };
    const epoch_keeper_events events = {
        .on_checked = on_checked, .on_beat = on_beat, .on_silence = on_silence};
    zp_error error = broadcaster_new(&core->broadcaster, &core->process.bus);
    if (!error) {
        error = epoch_keeper_new(&core->keeper, &core->process.bus, &events, core);
    }
    if (!error) {
        error = redis_care_new(&core->care, &core->process.bus, epoch_keeper_scripts(core->keeper));
    }
    if (!error) {
        error = kicks_new(&core->kicks, &core->process.bus);
    }
    if (!error) {
        error = postponed_new(&core->postponed, &core->process.bus, core->keeper, edge_requests_receive);
    }
    if (!error) {
        error = router_new(&core->router, &core->process.bus, RECEIVERS, core);
    }
    if (!error) {
        core->process.address = router_endpoint(core->router) + strlen("tcp://");
    }
    return error;
}

int main(int argc, char **argv) {
    presence_core core = {0};
    int exit_code;
    if (!process_start(&core.process, CORE, argc, argv, &exit_code)) {
        return exit_code;
    }
    if (wire(&core) == ZP_OK && process_serve_admin(&core.process, readiness, &core)) {
        process_run(&core.process, drain, &core);
        beats_strike_self(&core);
    }
    epoch_keeper_destroy(&core.keeper); /* first: it answers what is still under way */
    redis_care_destroy(&core.care);
    router_destroy(&core.router);
    postponed_destroy(&core.postponed);
    kicks_destroy(&core.kicks);
    broadcaster_destroy(&core.broadcaster);
    return process_stop(&core.process);
}
