/* core_messages - packs what an edge says into the messages of proto/edge_core.proto.
 * Owns: its buffers, which are used again. Threads: the loop's. */
#ifndef ZP_WS_EDGE_CORE_MESSAGES_H
#define ZP_WS_EDGE_CORE_MESSAGES_H

#include "common/bus/bus_pack.h"
#include "common/presence/watch_view.h"
#include "common/runtime/process.h"
#include "services/ws-edge/core/lease.h"
#include "services/ws-edge/core/rosters.h"
#include "services/ws-edge/core_requests.h"

typedef struct core_messages {
    const process_t *process;
    bus_buffer packed;
    struct connection_slot *slots; /* connections of the message being packed */
    size_t slots_room;
} core_messages_t;

void core_messages_free(core_messages_t *messages);

/* Each is good until the next. Empty where memory is out: such a message is refused when sent, and comes
 * again. */
str_view core_messages_beat(core_messages_t *messages, const lease_t *lease, log_position seen,
                            uint64_t now_ms);
str_view core_messages_join(core_messages_t *messages, const core_request *request, const lease_t *lease);
str_view core_messages_statements(core_messages_t *messages, const core_request *request,
                                  const lease_t *lease, uint64_t floor, uint64_t void_after_ms,
                                  uint64_t now_ms);
str_view core_messages_touches(core_messages_t *messages, const core_request *request, const lease_t *lease,
                               uint64_t now_ms);
str_view core_messages_announced(core_messages_t *messages, const core_request *request,
                                 const lease_t *lease);
str_view core_messages_leave(core_messages_t *messages, const core_request *request, const lease_t *lease);
str_view core_messages_online(core_messages_t *messages, const core_request *request, const char *after,
                              uint32_t most, bool devices);
str_view core_messages_statuses(core_messages_t *messages, const core_request *request, char *const *user_ids,
                                size_t count);
str_view core_messages_rosters(core_messages_t *messages, const core_request *request,
                               const roster_t *const rosters[], size_t count);
str_view core_messages_group(core_messages_t *messages, const core_request *request, const char *user_id,
                             str_view group_id, bool joins, uint64_t void_after_ms);

#endif
