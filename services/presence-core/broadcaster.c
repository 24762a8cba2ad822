#include "services/presence-core/broadcaster.h"
#include "common/bus/bus_pack.h"
#include "common/log/log.h"
#include "common/presence/status.h"
#include "common/runtime/fault.h"
#include "services/presence-core/transitions.h"
#include <stdlib.h>

#define TAG "core-fanout/1"

enum { ESCAPED_BYTES = STR_VIEW_ESCAPED_BYTES(128) };

struct broadcaster {
    bus_context bus;
    bus_socket_t *socket;
    bus_buffer buffer;
    transitions_t transitions;
};

zp_error broadcaster_new(broadcaster_t **ret_broadcaster, const bus_context *bus) {
    broadcaster_t *broadcaster = calloc(1, sizeof *broadcaster);
    if (!broadcaster) {
        return ZP_NO_MEMORY;
    }
    broadcaster->bus = *bus;
    zp_error error = bus_socket_new(&broadcaster->socket, bus, BUS_PUB, CORE,
                                    config_text(bus->config, SETTING_CORE_PUB_LISTEN), NULL, broadcaster);
    if (error) {
        free(broadcaster);
        return error;
    }
    *ret_broadcaster = broadcaster;
    return ZP_OK;
}

void broadcaster_destroy(broadcaster_t **self) {
    broadcaster_t *broadcaster = *self;
    if (!broadcaster) {
        return;
    }
    *self = NULL;
    bus_socket_destroy(&broadcaster->socket);
    bus_buffer_free(&broadcaster->buffer);
    free(broadcaster);
}

/* A PUB takes everything; what could not be sent is counted by the socket and repaired by number. */
static void publish(broadcaster_t *broadcaster, const Zp__CoreBroadcast *message) {
    (void)!bus_socket_send(broadcaster->socket, (str_view){0}, TAG,
                           bus_pack(&broadcaster->buffer, &message->base));
}

static metric_id metric_of(Zp__Status to) {
    switch (to) {
    case ZP__STATUS__STATUS_ONLINE:
        return METRIC_CORE_TRANSITIONS_ONLINE;
    case ZP__STATUS__STATUS_AWAY:
        return METRIC_CORE_TRANSITIONS_AWAY;
    case ZP__STATUS__STATUS_BUSY:
        return METRIC_CORE_TRANSITIONS_BUSY;
    case ZP__STATUS__STATUS_OFFLINE:
    case ZP__STATUS__STATUS_INVISIBLE: /* is never shown */
    case _ZP__STATUS_IS_INT_SIZE:
        break;
    }
    return METRIC_CORE_TRANSITIONS_OFFLINE;
}

/* The words are the guide's ("Monitor Server Logs"): what changed in its terms, online and offline. */
static void note(broadcaster_t *broadcaster, const Zp__Transition *transition) {
    metrics_add(broadcaster->bus.metrics, metric_of(transition->to), 1);
    presence_status from = status_basic((presence_status)transition->from);
    presence_status to = status_basic((presence_status)transition->to);
    if (from != to && log_enabled(LOG_LEVEL_DEBUG)) {
        char user[ESCAPED_BYTES];
        log_debug("core.transition", "User %s marked as %s",
                  str_view_escape(str_view_of(transition->user_id), user, sizeof user), status_name(to));
    }
}

void broadcaster_transitions(broadcaster_t *broadcaster, uint64_t epoch, const redisReply *records) {
    if (records->type == REDIS_REPLY_ARRAY && records->elements == 0) {
        return;
    }
    if (transitions_read(&broadcaster->transitions, epoch, records) != ZP_OK) {
        log_error("core.records_invalid", "from=script");
        return;
    }
    for (size_t i = 0; i < broadcaster->transitions.message.n_transitions; i++) {
        note(broadcaster, &broadcaster->transitions.items[i]);
    }
    if (FAULT(DROP_PUB)) {
        return;
    }
    Zp__CoreBroadcast message = ZP__CORE_BROADCAST__INIT;
    message.body_case = ZP__CORE_BROADCAST__BODY_TRANSITIONS;
    message.transitions = &broadcaster->transitions.message;
    publish(broadcaster, &message);
}

void broadcaster_beacon(broadcaster_t *broadcaster, log_position position, bool rebuilding) {
    Zp__Position wire_position = ZP__POSITION__INIT;
    wire_position.epoch = position.epoch;
    wire_position.seq = position.seq;
    Zp__Beacon beacon = ZP__BEACON__INIT;
    beacon.position = &wire_position;
    beacon.rebuilding = rebuilding;
    Zp__CoreBroadcast message = ZP__CORE_BROADCAST__INIT;
    message.body_case = ZP__CORE_BROADCAST__BODY_BEACON;
    message.beacon = &beacon;
    publish(broadcaster, &message);
}
