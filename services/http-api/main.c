/* http-api - HTTP: the bulk query of the VoicePing guide, the API of the SmartTV overview, and what operators
 * look at. It keeps no presence and touches no Redis: it asks a core.
 *
 *     presence_update ──> heartbeat_link ──> heartbeat_messages ──> core_link     (what HTTP clients say)
 *     announcer (after data loss: what heard_sources remembers) ──^
 *
 * Ready while a core answers. To add an endpoint: routes.c. */
#include "common/log/log.h"
#include "services/http-api/api.h"

static size_t readiness(void *context, const char *reasons[ADMIN_REASONS_MAX]) {
    if (core_link_live_count(((api_t *)context)->cores) > 0) {
        return 0;
    }
    reasons[0] = "no presence-core answers";
    return 1;
}

static void on_idle(void *context) {
    process_drained(&((api_t *)context)->process);
}

static void drain(void *context) {
    api_t *api = context;
    event_streams_end(api->streams);
    http_server_drain(api->server, on_idle, api);
}

/* What HTTP clients say, and what is remembered of it. */
static bool start_heartbeats(api_t *api) {
    const config_t *config = api->process.config;
    size_t most = (size_t)config_integer(config, SETTING_HTTP_CONNECTIONS_MAX);
    api->heard = heard_sources_new((size_t)config_integer(config, SETTING_HEARTBEATS_REMEMBERED),
                                   config_ms(config, SETTING_HTTP_PRESENCE_TTL));
    return api->heard && heartbeat_messages_new(&api->messages, api->cores) == ZP_OK &&
           heartbeat_link_new(&api->heartbeats, &api->process, api->messages, api->heard, most) == ZP_OK &&
           announcer_new(&api->announcer, &api->process, api->cores, api->messages, api->heard) == ZP_OK;
}

static bool start(api_t *api) {
    /* Every connection may wait for a core, the system watch and messages of heartbeats beside them, and for
     * streams whose connections are gone an answer may still be under way. */
    size_t questions_max = (size_t)config_integer(api->process.config, SETTING_HTTP_CONNECTIONS_MAX) +
                           (size_t)config_integer(api->process.config, SETTING_STREAMS_MAX) + 1 +
                           HEARTBEAT_MESSAGES_MAX;
    if (core_link_new(&api->cores, &api->process, questions_max) != ZP_OK ||
        system_watch_new(&api->watch, &api->process, api->cores) != ZP_OK || !start_heartbeats(api) ||
        event_streams_new(&api->streams, &api->process, api->cores) != ZP_OK ||
        metrics_all_new(&api->metrics_all, &api->process, api->watch) != ZP_OK ||
        http_server_new(&api->server, &api->process, api_routes, api_routes_count, api) != ZP_OK) {
        return false;
    }
    api->process.address = http_server_address(api->server);
    return process_serve_admin(&api->process, readiness, api);
}

/* What answers later goes before the server: it answers what still waits, so that the server finds nobody
 * suspended. Those who would ask a core again are closed before the core link. */
static void stop(api_t *api) {
    heartbeat_link_close(api->heartbeats);
    announcer_close(api->announcer);
    core_link_destroy(&api->cores);
    announcer_destroy(&api->announcer);
    heartbeat_link_destroy(&api->heartbeats);
    heartbeat_messages_destroy(&api->messages);
    heard_sources_destroy(&api->heard);
    event_streams_stop(api->streams);
    metrics_all_destroy(&api->metrics_all);
    http_server_destroy(&api->server);
    event_streams_destroy(&api->streams);
    system_watch_destroy(&api->watch);
}

int main(int argc, char **argv) {
    api_t api = {.process.is_usable = http_server_is_usable};
    int exit_code = 0;
    if (!process_start(&api.process, API, argc, argv, &exit_code)) {
        return exit_code;
    }
    if (start(&api)) {
        process_run(&api.process, drain, &api);
        core_link_tell_end(api.cores);
    } else {
        log_error("process.cannot_start", "reason=\"a part could not be started\"");
    }
    stop(&api);
    return process_stop(&api.process);
}
