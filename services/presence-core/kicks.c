#include "services/presence-core/kicks.h"
#include "common/log/log.h"
#include "proto/edge_core.pb-c.h"
#include "proto/valid.h"
#include "proto/valid_fields.h"
#include "services/presence-core/core/edge_identities.h"
#include "services/presence-core/reply.h"
#include <stdlib.h>

struct kicks {
    bus_context bus;
    edge_identities identities;
    /* Of the message at hand. */
    Zp__Kick items[VALID_KICKS_MAX];
    Zp__Kick *pointers[VALID_KICKS_MAX];
    char *connection_ids[VALID_KICKS_MAX * VALID_CONNECTIONS_MAX];
};

zp_error kicks_new(kicks_t **ret_kicks, const bus_context *bus) {
    *ret_kicks = NULL;
    if (strcmp(config_text(bus->config, SETTING_DUPLICATE_LOGIN), "kick") != 0) {
        return ZP_OK;
    }
    kicks_t *kicks = calloc(1, sizeof *kicks);
    if (!kicks) {
        return ZP_NO_MEMORY;
    }
    kicks->bus = *bus;
    *ret_kicks = kicks;
    return ZP_OK;
}

void kicks_destroy(kicks_t **kicks) {
    free(*kicks);
    *kicks = NULL;
}

void kicks_note_edge(kicks_t *kicks, str_view identity, str_view incarnation) {
    edge_identities_note(&kicks->identities, incarnation, identity, uv_now(kicks->bus.loop));
}

/* Cuts '<id> <id> ...' in place; more than a message may carry are left for the next time. */
static size_t cut_ids(const redisReply *text, char **ids) {
    size_t count = 0;
    char *rest = NULL;
    for (char *id = strtok_r(text->str, " ", &rest); id && count < VALID_CONNECTIONS_MAX;
         id = strtok_r(NULL, " ", &rest)) {
        if (valid_name(id)) {
            ids[count++] = id;
        }
    }
    return count;
}

/* What the edge would refuse the whole message for is left out: somebody's hand was in Redis. */
static bool is_user(const redisReply *user, const redisReply *ids) {
    return user->type == REDIS_REPLY_STRING && strlen(user->str) == user->len && valid_user_id(user->str) &&
           ids->type == REDIS_REPLY_STRING;
}

void kicks_tell(kicks_t *kicks, router_t *router, str_view identity, str_view incarnation,
                const redisReply *users) {
    Zp__CoreToEdge envelope = ZP__CORE_TO_EDGE__INIT;
    Zp__Kicks message = ZP__KICKS__INIT;
    size_t ids_used = 0;
    for (size_t i = 0; i + 1 < users->elements && message.n_kicks < VALID_KICKS_MAX; i += 2) {
        Zp__Kick *kick = &kicks->items[message.n_kicks];
        if (!is_user(users->element[i], users->element[i + 1])) {
            continue;
        }
        zp__kick__init(kick);
        kick->user_id = users->element[i]->str;
        kick->connection_ids = kicks->connection_ids + ids_used;
        kick->n_connection_ids = cut_ids(users->element[i + 1], kick->connection_ids);
        if (kick->n_connection_ids > 0) {
            ids_used += kick->n_connection_ids;
            kicks->pointers[message.n_kicks++] = kick;
        }
    }
    if (message.n_kicks == 0) {
        return;
    }
    message.incarnation = (char *)incarnation.ptr; /* protobuf-c wants `char *` where it only reads */
    message.kicks = kicks->pointers;
    envelope.body_case = ZP__CORE_TO_EDGE__BODY_KICKS;
    envelope.kicks = &message;
    metrics_add(kicks->bus.metrics, METRIC_CORE_KICKS, (int64_t)message.n_kicks);
    log_debug("core.kicks", "incarnation=%s users=%zu", message.incarnation, message.n_kicks);
    router_tell(router, identity, ARROW_EDGE, &envelope.base);
}

void kicks_tell_all(kicks_t *kicks, router_t *router, const redisReply *groups) {
    for (size_t i = 0; i + 1 < groups->elements; i += 2) {
        str_view incarnation = reply_text(groups->element[i]);
        str_view identity = edge_identities_find(&kicks->identities, incarnation);
        if (identity.len > 0) {
            kicks_tell(kicks, router, identity, incarnation, groups->element[i + 1]);
        }
    }
}
