/* late_ack - for the fault "delay-ack": an acknowledgement of statements that is sent late, after its edge
 * has sent them again. Its request is under way until then. Owns: what waits. Threads: the loop's. */
#ifndef ZP_PRESENCE_CORE_LATE_ACK_H
#define ZP_PRESENCE_CORE_LATE_ACK_H

#include "services/presence-core/requests.h"

typedef void late_ack_fn(request_t *request, Zp__Outcome outcome, Zp__Position *position);

/* Calls `ack` later; false: memory is out, and it is called by nobody. */
ZP_MUST_CHECK bool late_ack_keep(request_t *request, Zp__Outcome outcome, const Zp__Position *position,
                                 late_ack_fn *ack);

#endif
