/* ws-edge - terminates clients' WebSockets: tells the cores who is connected, and clients what changes.
 * Follow one PONG: ws_server.c -> clients.c -> core_link.c; and one frame: common/subscriber/fanout_link.c ->
 * update_frames.c -> audience.c -> ws_server.c. */

#include "common/http/trusted_proxies.h"
#include "common/log/log.h"
#include "common/runtime/process.h"
#include "common/subscriber/fanout_link.h"
#include "services/ws-edge/authentication.h"
#include "services/ws-edge/clients.h"
#include "services/ws-edge/core_link.h"
#include "services/ws-edge/roster_refresh.h"
#include "services/ws-edge/snapshots.h"
#include "services/ws-edge/update_frames.h"
#include "services/ws-edge/ws_server.h"

enum { DRAIN_LOOK_MS = 20 };

typedef struct edge {
    process_t process;
    clients_t *clients;
    ws_server_t *server;
    core_link_t *core;         /* NULL where presence is disabled */
    fanout_link_t *fanout;     /* likewise */
    snapshots_t *snapshots;    /* likewise */
    roster_refresh_t *rosters; /* likewise */
    uv_timer_t drain_timer;
} edge_t;

/* ---- wiring ---- */

static void on_changed(void *context, edge_user *user, const char *reason) {
    core_link_changed(((edge_t *)context)->core, user, reason);
}

static void on_alive(void *context, edge_user *user) {
    core_link_alive(((edge_t *)context)->core, user);
}

static bool is_congested(void *context) {
    return core_link_is_congested(((edge_t *)context)->core);
}

static log_position newest_position(const edge_t *edge) {
    log_position of_core = core_link_position(edge->core);
    log_position of_fanout = fanout_link_position(edge->fanout);
    return log_position_before(of_core, of_fanout) ? of_fanout : of_core;
}

static void on_interest(void *context) {
    edge_t *edge = context;
    fanout_link_interest_changed(edge->fanout, newest_position(edge));
}

static size_t count_listeners(void *context) {
    return audience_everybody_count(clients_audience(((edge_t *)context)->clients));
}

static watch_lists_t *lists_of(void *context) {
    return audience_lists(clients_audience(((edge_t *)context)->clients));
}

static size_t count_lists(void *context) {
    return watch_lists_count(lists_of(context));
}

static size_t find_unsaid(void *context, char *user_ids[], bool are_watched[], size_t most) {
    return watch_lists_unsaid(lists_of(context), user_ids, are_watched, most);
}

static void on_said(void *context, size_t count) {
    watch_lists_said(lists_of(context), count);
}

static void on_unsaid(void *context) {
    watch_lists_unsay(lists_of(context));
}

static void on_watched_told(void *context, const watch_change *change) {
    audience_tell_lists(clients_audience(((edge_t *)context)->clients), change);
}

static uint32_t forms_in_use(void *context) {
    return audience_wire_forms(clients_audience(((edge_t *)context)->clients));
}

static void on_told(void *context, const watch_change *change, const Zp__Update *given) {
    update_frames_tell(clients_audience(((edge_t *)context)->clients), change, given);
}

static void on_settled(void *context) {
    edge_t *edge = context;
    audience_settle_lists(clients_audience(edge->clients), fanout_link_view(edge->fanout));
}

static void on_snapshot_wanted(void *context, edge_client *client) {
    snapshots_begin(((edge_t *)context)->snapshots, client);
}

static void on_snapshot_drained(void *context, edge_client *client) {
    snapshots_drained(((edge_t *)context)->snapshots, client);
}

static void on_snapshot_void(void *context, edge_client *client) {
    snapshots_end(((edge_t *)context)->snapshots, client);
}

static void on_kick(void *context, str_view user_id, uint64_t connection) {
    clients_kick(((edge_t *)context)->clients, user_id, connection);
}

static void on_online(void *context, uint64_t request_id, const Zp__OnlineReply *reply) {
    edge_t *edge = context;
    if (edge->snapshots) { /* not while stopping */
        snapshots_page(edge->snapshots, request_id, reply);
    }
}

static void on_statuses(void *context, uint64_t request_id, const Zp__StatusReply *reply) {
    edge_t *edge = context;
    if (edge->snapshots) {
        snapshots_statuses(edge->snapshots, request_id, reply);
    }
}

static void on_rosters_held(void *context) {
    roster_refresh_look(((edge_t *)context)->rosters);
}

static void on_rosters(void *context, const Zp__RostersReply *reply) {
    edge_t *edge = context;
    if (edge->rosters) { /* not while stopping */
        roster_refresh_answer(edge->rosters, reply);
    }
}

static void on_list_grown(void *context, edge_client *client) {
    clients_list_grown(((edge_t *)context)->clients, client);
}

static bool change_group(void *context, const char *user_id, str_view group_id, bool joins,
                         uint64_t *ret_request_id) {
    return core_link_change_group(((edge_t *)context)->core, user_id, group_id, joins, ret_request_id);
}

static void on_group_changed(void *context, uint64_t request_id, Zp__GroupResult result) {
    edge_t *edge = context;
    if (edge->rosters) { /* not while stopping */
        clients_group_changed(edge->clients, request_id, result);
    }
}

static bool wire_presence(edge_t *edge) {
    static const core_link_hooks hooks = {.kick = on_kick,
                                          .online = on_online,
                                          .statuses = on_statuses,
                                          .rosters = on_rosters,
                                          .group_changed = on_group_changed};
    static const fanout_link_watchers watchers = {.count = count_lists,
                                                  .find_unsaid = find_unsaid,
                                                  .said = on_said,
                                                  .unsay = on_unsaid,
                                                  .tell = on_watched_told};
    static const fanout_link_hooks listeners = {.listeners_count = count_listeners,
                                                .by_name = &watchers,
                                                .wire_forms = forms_in_use,
                                                .tell = on_told,
                                                .settled = on_settled,
                                                .interests = METRIC_EDGE_INTERESTS};
    process_t *process = &edge->process;
    audience_t *audience = clients_audience(edge->clients);
    return core_link_new(&edge->core, process, clients_sessions(edge->clients), &hooks, edge) == ZP_OK &&
           fanout_link_new(&edge->fanout, process, &listeners, edge) == ZP_OK &&
           snapshots_new(&edge->snapshots, process, audience, edge->core, edge->fanout) == ZP_OK &&
           roster_refresh_new(&edge->rosters, process, audience_lists(audience), edge->core, on_list_grown,
                              edge) == ZP_OK;
}

static bool wire(edge_t *edge) {
    static const clients_hooks hooks = {.changed = on_changed,
                                        .alive = on_alive,
                                        .is_congested = is_congested,
                                        .interest = on_interest,
                                        .snapshot_wanted = on_snapshot_wanted,
                                        .snapshot_drained = on_snapshot_drained,
                                        .snapshot_void = on_snapshot_void,
                                        .rosters_held = on_rosters_held,
                                        .change_group = change_group};
    process_t *process = &edge->process;
    if (clients_new(&edge->clients, process, &hooks, edge) != ZP_OK) {
        return false;
    }
    if (config_bool(process->config, SETTING_PRESENCE_ENABLED) && !wire_presence(edge)) {
        return false;
    }
    if (ws_server_new(&edge->server, &process->loop, process->config, process->metrics, clients_events(),
                      edge->clients) != ZP_OK) {
        return false;
    }
    process->address = ws_server_address(edge->server);
    return true;
}

/* ---- readiness ---- */

static size_t readiness(void *context, const char *reasons[ADMIN_REASONS_MAX]) {
    edge_t *edge = context;
    metrics_t *metrics = edge->process.metrics;
    size_t count = 0;
    metrics_set(metrics, METRIC_EDGE_SOCKETS, (int64_t)ws_server_sockets_count(edge->server));
    metrics_set(metrics, METRIC_EDGE_USERS, (int64_t)sessions_users_count(clients_sessions(edge->clients)));
    const audience_t *audience = clients_audience(edge->clients);
    const watch_lists_t *lists = audience_lists(audience);
    metrics_set(metrics, METRIC_EDGE_WATCHERS,
                (int64_t)(audience_everybody_count(audience) + watch_lists_count(lists)));
    metrics_set(metrics, METRIC_EDGE_WATCHES, (int64_t)watch_lists_watches_count(lists));
    metrics_set(metrics, METRIC_EDGE_ROSTERS, (int64_t)watch_lists_rosters_count(lists));
    metrics_set(metrics, METRIC_EDGE_WATCHED_USERS, (int64_t)watch_lists_users_count(lists));
    if (edge->process.draining) {
        reasons[count++] = "stopping";
    }
    if (edge->core) {
        metrics_set(metrics, METRIC_EDGE_SNAPSHOTS_WAITING, (int64_t)snapshots_count(edge->snapshots));
        metrics_set(metrics, METRIC_EDGE_STATEMENTS_WAITING, (int64_t)core_link_waiting_count(edge->core));
        const char *troubles[] = {core_link_trouble(edge->core), fanout_link_trouble(edge->fanout)};
        for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++) {
            if (troubles[i]) {
                reasons[count++] = troubles[i];
            }
        }
    }
    return count;
}

/* ---- stopping: LEAVE, then send everybody away, then wait for the sockets to close ---- */

static void look_whether_empty(uv_timer_t *timer) {
    edge_t *edge = timer->data;
    if (ws_server_sockets_count(edge->server) == 0) {
        uv_timer_stop(timer);
        process_drained(&edge->process);
    }
}

static void send_clients_away(void *context) {
    edge_t *edge = context;
    clients_send_away(edge->clients);
    uv_timer_start(&edge->drain_timer, look_whether_empty, 0, DRAIN_LOOK_MS);
}

static void drain(void *context) {
    edge_t *edge = context;
    ws_server_quiesce(edge->server);
    clients_fall_silent(edge->clients);
    if (edge->core) {
        core_link_leave(edge->core, send_clients_away, edge);
    } else {
        send_clients_away(edge);
    }
}

static bool is_usable(const config_t *config) {
    address_list proxies;
    bool has_proxies = trusted_proxies_load(&proxies, config) == ZP_OK;
    return authentication_is_usable(config) && has_proxies;
}

int main(int argc, char **argv) {
    static edge_t edge = {.process.is_usable = is_usable};
    int exit_code = 1;
    if (!process_start(&edge.process, EDGE, argc, argv, &exit_code)) {
        return exit_code;
    }
    uv_timer_init(&edge.process.loop, &edge.drain_timer);
    edge.drain_timer.data = &edge;

    bool started = wire(&edge) && process_serve_admin(&edge.process, readiness, &edge);
    if (started) {
        process_run(&edge.process, drain, &edge);
        if (edge.core) {
            core_link_tell_end(edge.core);
        }
    }

    ws_server_destroy(&edge.server);
    roster_refresh_destroy(&edge.rosters);
    snapshots_destroy(&edge.snapshots);
    fanout_link_destroy(&edge.fanout);
    core_link_destroy(&edge.core);
    clients_destroy(&edge.clients);
    exit_code = process_stop(&edge.process);
    return started ? exit_code : 1;
}
