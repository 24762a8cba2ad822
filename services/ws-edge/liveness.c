#include "services/ws-edge/liveness.h"

#include "common/base/hash.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "common/runtime/pulse.h"
#include "services/ws-edge/ws_server.h"

#include <stddef.h>
#include <stdlib.h>

enum {
    WHEEL_SLOTS = 1024,
    TICK_MIN_MS = 5,
    TICK_MAX_MS = 250,
    TICK_RARE_MAX_MS = 400, /* where PINGs are so rare that this is TICKS_PER_RARE_PING-th of it */
    TICKS_PER_PING = 20,
    TICKS_PER_RARE_PING = 300,
    LATE_TICKS_MAX = 4,
    LATE_MAX_MS = 1000, /* of silence that nobody listened to, counted all the same */
};

struct liveness {
    process_t *process;
    timer_wheel_t *wheel;
    pulse_t pulse;
    uint64_t ttl_ms, ping_ms, tick_ms;
    uint64_t listened_ms, ticked_at_ms;
    liveness_expired_fn *expired;
    void *context;
};

static edge_client *client_of(timer_wheel_entry *entry) {
    return (edge_client *)((char *)entry - offsetof(edge_client, timer));
}

static void set_timer(liveness_t *liveness, edge_client *client) {
    uint64_t end_ms = client->last_life_ms + liveness->ttl_ms;
    timer_wheel_set(liveness->wheel, &client->timer,
                    client->next_ping_ms < end_ms ? client->next_ping_ms : end_ms);
}

static void on_due(void *context, timer_wheel_entry *entry) {
    liveness_t *liveness = context;
    edge_client *client = client_of(entry);
    uint64_t now_ms = liveness->listened_ms;
    if (now_ms - client->last_life_ms >= liveness->ttl_ms && !FAULT(NO_LIVENESS)) {
        metrics_add(liveness->process->metrics, METRIC_EDGE_PONG_TIMEOUTS, 1);
        liveness->expired(liveness->context, client);
        return;
    }
    if (now_ms >= client->next_ping_ms) {
        ws_socket_ping(client->socket);
        metrics_add(liveness->process->metrics, METRIC_EDGE_PINGS, 1);
        client->next_ping_ms = now_ms + liveness->ping_ms;
    }
    set_timer(liveness, client);
}

uint64_t liveness_now(const liveness_t *liveness) {
    uint64_t passed_ms = uv_now(&liveness->process->loop) - liveness->ticked_at_ms;
    uint64_t most_ms = liveness->tick_ms * LATE_TICKS_MAX;
    most_ms = most_ms < LATE_MAX_MS ? most_ms : LATE_MAX_MS;
    return liveness->listened_ms + (passed_ms < most_ms ? passed_ms : most_ms);
}

static void on_tick(uv_timer_t *timer) {
    liveness_t *liveness = timer->data;
    liveness->listened_ms = liveness_now(liveness);
    liveness->ticked_at_ms = uv_now(timer->loop);
    timer_wheel_advance(liveness->wheel, liveness->listened_ms, on_due, liveness);
}

static uint64_t between(uint64_t least, uint64_t value, uint64_t most) {
    return value < least ? least : value > most ? most : value;
}

static uint64_t choose_tick_ms(uint64_t ping_ms) {
    uint64_t most_ms = between(TICK_MAX_MS, ping_ms / TICKS_PER_RARE_PING, TICK_RARE_MAX_MS);
    return between(TICK_MIN_MS, ping_ms / TICKS_PER_PING, most_ms);
}

zp_error liveness_new(liveness_t **ret_liveness, process_t *process, liveness_expired_fn *expired,
                      void *context) {
    liveness_t *liveness = calloc(1, sizeof *liveness);
    if (!liveness) {
        return ZP_NO_MEMORY;
    }
    liveness->process = process;
    liveness->expired = expired;
    liveness->context = context;
    liveness->ttl_ms = config_ms(process->config, SETTING_PRESENCE_TTL);
    liveness->ping_ms = config_ms(process->config, SETTING_PING_INTERVAL);
    if (liveness->ping_ms > liveness->ttl_ms / 3) {
        liveness->ping_ms = liveness->ttl_ms / 3;
        log_warn("edge.ping.overruled",
                 "PING_INTERVAL is more than a third of PRESENCE_TTL: PINGs go out every %llu ms",
                 (unsigned long long)liveness->ping_ms);
    }
    liveness->tick_ms = choose_tick_ms(liveness->ping_ms);
    liveness->ticked_at_ms = liveness->listened_ms = uv_now(&process->loop);
    liveness->wheel = timer_wheel_new(liveness->tick_ms, WHEEL_SLOTS, liveness->listened_ms);
    if (!liveness->wheel || uv_timer_init(&process->loop, &liveness->pulse.timer) != 0) {
        timer_wheel_destroy(&liveness->wheel);
        free(liveness);
        return ZP_NO_MEMORY;
    }
    liveness->pulse.timer.data = liveness;
    pulse_start(&liveness->pulse, on_tick, liveness->tick_ms, PULSE_BEAT);
    *ret_liveness = liveness;
    return ZP_OK;
}

static void on_timer_closed(uv_handle_t *timer) {
    free(timer->data);
}

void liveness_destroy(liveness_t **liveness) {
    if (*liveness) {
        timer_wheel_destroy(&(*liveness)->wheel);
        uv_close((uv_handle_t *)&(*liveness)->pulse.timer, on_timer_closed);
        *liveness = NULL;
    }
}

void liveness_watch(liveness_t *liveness, edge_client *client) {
    /* The first PING comes after a part of the interval that differs from socket to socket. */
    uint64_t spread =
        hash_bytes(str_view_make(&client->number, sizeof client->number), 0) % (liveness->ping_ms / 2 + 1);
    client->next_ping_ms = client->last_life_ms + liveness->ping_ms - spread;
    set_timer(liveness, client);
}

void liveness_forget(liveness_t *liveness, edge_client *client) {
    timer_wheel_cancel(liveness->wheel, &client->timer);
}
