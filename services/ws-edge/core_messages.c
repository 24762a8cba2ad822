#include "services/ws-edge/core_messages.h"

#include "proto/edge_core.pb-c.h"
#include "proto/valid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct connection_slot {
    Zp__Connection connection;
    Zp__Connection *pointer;
    char id[17];
};

void core_messages_free(core_messages_t *messages) {
    bus_buffer_free(&messages->packed);
    free(messages->slots);
}

static str_view pack(core_messages_t *messages, const Zp__EdgeToCore *envelope) {
    return bus_pack(&messages->packed, &envelope->base);
}

/* protobuf-c wants `char *` where it only reads. */
static char *text(const char *borrowed) {
    return (char *)borrowed;
}

str_view core_messages_beat(core_messages_t *messages, const lease_t *lease, log_position seen,
                            uint64_t now_ms) {
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__Beat beat = ZP__BEAT__INIT;
    Zp__ProcessInfo info = ZP__PROCESS_INFO__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    process_info(messages->process, &info);
    position.epoch = seen.epoch;
    position.seq = seen.seq;
    beat.process = &info;
    beat.seen = &position;
    beat.last = messages->process->served;
    if (lease->state == LEASE_HELD && !beat.last) {
        beat.incarnation = text(lease->incarnation);
        beat.number = now_ms;
    }
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_BEAT;
    envelope.beat = &beat;
    return pack(messages, &envelope);
}

str_view core_messages_join(core_messages_t *messages, const core_request *request, const lease_t *lease) {
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__Join join = ZP__JOIN__INIT;
    join.request_id = request->id;
    join.incarnation = text(lease->incarnation);
    join.replaces = text(lease->replaces);
    join.edge = text(config_process_name(messages->process->config));
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_JOIN;
    envelope.join = &join;
    return pack(messages, &envelope);
}

static bool make_slots(core_messages_t *messages, const user_batch *batch) {
    size_t needed = 0;
    for (size_t i = 0; i < batch->count; i++) {
        needed += batch->users[i]->clients_count;
    }
    if (needed > messages->slots_room) {
        struct connection_slot *slots = realloc(messages->slots, needed * sizeof *slots);
        if (!slots) {
            return false;
        }
        messages->slots = slots;
        messages->slots_room = needed;
    }
    return true;
}

static void fill_slot(struct connection_slot *slot, const edge_client *client) {
    zp__connection__init(&slot->connection);
    snprintf(slot->id, sizeof slot->id, "%" PRIx64, client->number);
    slot->connection.connection_id = slot->id;
    slot->connection.device = text(client->device);
    slot->connection.status = (Zp__Status)client->status;
    slot->connection.opened_at_ms = client->opened_at_unix_ms;
}

/* Fills `statement` with the truth about `user`; its connections take `pointers`. */
static void fill_statement(Zp__Statement *statement, const edge_user *user, uint64_t number, uint64_t now_ms,
                           struct connection_slot *slots, Zp__Connection **pointers) {
    zp__statement__init(statement);
    statement->user_id = text(user->id);
    statement->number = number;
    statement->reason = text(user->statement->reason);
    statement->role = text(edge_user_role(user));
    statement->activity_age_ms = now_ms - user->last_life_ms;
    statement->connections = pointers;
    for (const edge_client *client = user->clients; client; client = client->next_of_user) {
        size_t i = statement->n_connections++;
        fill_slot(&slots[i], client);
        pointers[i] = &slots[i].connection;
    }
}

str_view core_messages_statements(core_messages_t *messages, const core_request *request,
                                  const lease_t *lease, uint64_t floor, uint64_t void_after_ms,
                                  uint64_t now_ms) {
    const user_batch *batch = &request->batch;
    if (!make_slots(messages, batch)) {
        return str_view_make(NULL, 0);
    }
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__Statements statements = ZP__STATEMENTS__INIT;
    Zp__Statement items[USER_BATCH_MAX];
    Zp__Statement *item_pointers[USER_BATCH_MAX];
    Zp__Connection *connection_pointers[USER_BATCH_MAX * CONNECTIONS_PER_USER_MAX];
    size_t slots_used = 0;
    for (size_t i = 0; i < batch->count; i++) {
        fill_statement(&items[i], batch->users[i], batch->numbers[i], now_ms, messages->slots + slots_used,
                       connection_pointers + slots_used);
        slots_used += items[i].n_connections;
        item_pointers[i] = &items[i];
    }
    statements.request_id = request->id;
    statements.incarnation = text(lease->incarnation);
    statements.replaces = text(lease->replaces);
    statements.edge = text(config_process_name(messages->process->config));
    statements.floor = floor;
    statements.void_after_ms = void_after_ms;
    statements.n_statements = batch->count;
    statements.statements = item_pointers;
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_STATEMENTS;
    envelope.statements = &statements;
    return pack(messages, &envelope);
}

str_view core_messages_touches(core_messages_t *messages, const core_request *request, const lease_t *lease,
                               uint64_t now_ms) {
    const user_batch *batch = &request->batch;
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__Touches touches = ZP__TOUCHES__INIT;
    Zp__Touch items[USER_BATCH_MAX];
    Zp__Touch *item_pointers[USER_BATCH_MAX];
    for (size_t i = 0; i < batch->count; i++) {
        zp__touch__init(&items[i]);
        items[i].user_id = batch->users[i]->id;
        items[i].age_ms = now_ms - batch->users[i]->last_life_ms;
        item_pointers[i] = &items[i];
    }
    touches.request_id = request->id;
    touches.incarnation = text(lease->incarnation);
    touches.n_touches = batch->count;
    touches.touches = item_pointers;
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_TOUCHES;
    envelope.touches = &touches;
    return pack(messages, &envelope);
}

str_view core_messages_announced(core_messages_t *messages, const core_request *request,
                                 const lease_t *lease) {
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__Announced announced = ZP__ANNOUNCED__INIT;
    announced.request_id = request->id;
    announced.incarnation = text(lease->incarnation);
    announced.replaces = text(lease->replaces);
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_ANNOUNCED;
    envelope.announced = &announced;
    return pack(messages, &envelope);
}

str_view core_messages_leave(core_messages_t *messages, const core_request *request, const lease_t *lease) {
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__Leave leave = ZP__LEAVE__INIT;
    leave.request_id = request->id;
    leave.incarnation = text(lease->incarnation);
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_LEAVE;
    envelope.leave = &leave;
    return pack(messages, &envelope);
}

str_view core_messages_online(core_messages_t *messages, const core_request *request, const char *after,
                              uint32_t most, bool devices) {
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__OnlineQuery query = ZP__ONLINE_QUERY__INIT;
    query.request_id = request->id;
    query.after = text(after);
    query.most = most;
    query.devices = devices;
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY;
    envelope.online_query = &query;
    return pack(messages, &envelope);
}

str_view core_messages_statuses(core_messages_t *messages, const core_request *request, char *const *user_ids,
                                size_t count) {
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__StatusQuery query = ZP__STATUS_QUERY__INIT;
    query.request_id = request->id;
    query.user_ids = (char **)user_ids;
    query.n_user_ids = count;
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_STATUS_QUERY;
    envelope.status_query = &query;
    return pack(messages, &envelope);
}

str_view core_messages_rosters(core_messages_t *messages, const core_request *request,
                               const roster_t *const rosters[], size_t count) {
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__RostersQuery query = ZP__ROSTERS_QUERY__INIT;
    Zp__Roster items[ROSTERS_ASKED_MAX];
    Zp__Roster *item_pointers[ROSTERS_ASKED_MAX];
    for (size_t i = 0; i < count; i++) {
        zp__roster__init(&items[i]);
        items[i].kind =
            rosters[i]->kind == ROSTER_GROUP ? ZP__ROSTER__KIND__KIND_GROUP : ZP__ROSTER__KIND__KIND_CONTACTS;
        items[i].id = text(roster_id(rosters[i]));
        items[i].version = rosters[i]->version;
        item_pointers[i] = &items[i];
    }
    query.request_id = request->id;
    query.rosters = item_pointers;
    query.n_rosters = count;
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_ROSTERS_QUERY;
    envelope.rosters_query = &query;
    return pack(messages, &envelope);
}

str_view core_messages_group(core_messages_t *messages, const core_request *request, const char *user_id,
                             str_view group_id, bool joins, uint64_t void_after_ms) {
    char group[VALID_USER_ID_MAX_BYTES + 1];
    Zp__EdgeToCore envelope = ZP__EDGE_TO_CORE__INIT;
    Zp__GroupChange change = ZP__GROUP_CHANGE__INIT;
    (void)snprintf(group, sizeof group, "%.*s", (int)group_id.len, group_id.ptr);
    change.request_id = request->id;
    change.user_id = text(user_id);
    change.group_id = group;
    change.joins = joins;
    change.void_after_ms = void_after_ms;
    envelope.body_case = ZP__EDGE_TO_CORE__BODY_GROUP_CHANGE;
    envelope.group_change = &change;
    return pack(messages, &envelope);
}
