#include "services/expiry-watcher/core_link.h"
#include "common/bus/bus_pack.h"
#include "common/bus/peer_set.h"
#include "common/log/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CORE_LINK_TAG "watcher-core/1"

struct core_link {
    const process_t *process;
    core_link_events events;
    void *context;
    peer_set_t *cores;
    const peer_t *ticked; /* the core that the last tick went to, while it lives */
    Zp__Position seen;    /* the highest that any core named: our beats carry it back */
    bus_buffer buffer;
};

static void note_position(core_link_t *link, const Zp__Position *position) {
    if (position && (position->epoch > link->seen.epoch ||
                     (position->epoch == link->seen.epoch && position->seq > link->seen.seq))) {
        link->seen.epoch = position->epoch;
        link->seen.seq = position->seq;
    }
}

static void on_message(void *context, peer_t *peer, str_view payload) {
    core_link_t *link = context;
    Zp__CoreToWatcher *message = zp__core_to_watcher__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    if (!message || !core_to_watcher_valid(message)) {
        metrics_add(link->process->metrics, METRIC_BUS_INVALID, 1);
        log_debug("core.invalid", "endpoint=%s", peer_endpoint(peer));
    } else if (message->body_case == ZP__CORE_TO_WATCHER__BODY_TICK_REPLY) {
        link->events.on_tick_reply(link->context, message->tick_reply);
    } else {
        note_position(link, message->beat_reply->position);
    }
    zp__core_to_watcher__free_unpacked(message, NULL);
}

static str_view pack(core_link_t *link, Zp__WatcherToCore *message) {
    return bus_pack(&link->buffer, &message->base);
}

static void on_beat(void *context, peer_t *peer, str_view *ret_payload) {
    (void)peer;
    core_link_t *link = context;
    Zp__ProcessInfo info;
    process_info(link->process, &info);
    Zp__Beat beat = ZP__BEAT__INIT;
    beat.process = &info;
    beat.seen = &link->seen;
    beat.last = link->process->served;
    Zp__WatcherToCore message = ZP__WATCHER_TO_CORE__INIT;
    message.body_case = ZP__WATCHER_TO_CORE__BODY_BEAT;
    message.beat = &beat;
    *ret_payload = pack(link, &message);
}

static void on_liveness(void *context, peer_t *peer, bool live) {
    core_link_t *link = context;
    if (!live && link->ticked == peer) {
        link->ticked = NULL;
        link->events.on_tick_lost(link->context);
    }
}

/* Spreads watchers, and one watcher's turns, over the cores. */
static peer_t *choose(core_link_t *link, uint64_t turn) {
    char key[VALID_NAME_MAX_BYTES + 32];
    snprintf(key, sizeof key, "%s/%" PRIu64, config_process_name(link->process->config), turn);
    return peer_set_choose(link->cores, str_view_of(key));
}

zp_error core_link_tick(core_link_t *link, uint64_t request_id, uint64_t turn) {
    peer_t *core = choose(link, turn);
    if (!core) {
        return ZP_UNAVAILABLE;
    }
    Zp__Tick tick = ZP__TICK__INIT;
    tick.request_id = request_id;
    Zp__WatcherToCore message = ZP__WATCHER_TO_CORE__INIT;
    message.body_case = ZP__WATCHER_TO_CORE__BODY_TICK;
    message.tick = &tick;
    zp_error error = peer_send(core, pack(link, &message));
    if (error == ZP_OK) {
        link->ticked = core;
    }
    return error;
}

zp_error core_link_hint(core_link_t *link, char **user_ids, size_t user_ids_count) {
    peer_t *core = choose(link, 0);
    if (!core) {
        return ZP_UNAVAILABLE;
    }
    Zp__Hint hint = ZP__HINT__INIT;
    hint.user_ids = user_ids;
    hint.n_user_ids = user_ids_count;
    Zp__WatcherToCore message = ZP__WATCHER_TO_CORE__INIT;
    message.body_case = ZP__WATCHER_TO_CORE__BODY_HINT;
    message.hint = &hint;
    return peer_send(core, pack(link, &message));
}

size_t core_link_live_count(const core_link_t *link) {
    return peer_set_live_count(link->cores);
}

void core_link_tell_end(core_link_t *link) {
    peer_set_beat_now(link->cores);
}

zp_error core_link_new(core_link_t **ret_link, const process_t *process, const core_link_events *events,
                       void *context) {
    core_link_t *link = calloc(1, sizeof *link);
    if (!link) {
        return ZP_NO_MEMORY;
    }
    link->process = process;
    link->events = *events;
    link->context = context;
    zp__position__init(&link->seen);
    const peer_set_events of_cores = {on_message, on_beat, on_liveness};
    zp_error error =
        peer_set_new(&link->cores, &process->bus, config_text(process->config, SETTING_CORE_ENDPOINTS),
                     CORE_LINK_TAG, &of_cores, link);
    if (error != ZP_OK) {
        free(link);
        return error;
    }
    *ret_link = link;
    return ZP_OK;
}

void core_link_destroy(core_link_t **self) {
    core_link_t *link = *self;
    if (!link) {
        return;
    }
    *self = NULL;
    peer_set_destroy(&link->cores);
    bus_buffer_free(&link->buffer);
    free(link);
}
