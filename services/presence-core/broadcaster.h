/* broadcaster - tells every fanout what has happened: the PUB of this core.
 * Lossy by nature: what is lost is repaired by number (DESIGN section 4.2), so nothing here is an error.
 * Owns: the PUB. Borrows: bus context. Threads: the loop's. */
#ifndef ZP_PRESENCE_CORE_BROADCASTER_H
#define ZP_PRESENCE_CORE_BROADCASTER_H

#include "common/bus/bus_socket.h"
#include "common/presence/log_position.h"
#include <hiredis/hiredis.h>

typedef struct broadcaster broadcaster_t;

/* Binds CORE_PUB_LISTEN. ZP_SYSTEM: cannot (logged). */
ZP_MUST_CHECK zp_error broadcaster_new(broadcaster_t **ret_broadcaster, const bus_context *bus);
void broadcaster_destroy(broadcaster_t **broadcaster);

/* The records of one script call, an array that may be empty; its texts are cut in place. */
void broadcaster_transitions(broadcaster_t *broadcaster, uint64_t epoch, const redisReply *records);
void broadcaster_beacon(broadcaster_t *broadcaster, log_position position, bool rebuilding);

#endif
