/* heartbeat_messages - numbers what this process says of HTTP clients, so that a message is carried out once
 * however often and late it comes (proto: Heartbeats). Owns: which numbers are under way. Borrows: core link.
 * Threads: the loop's. */
#ifndef ZP_HTTP_API_HEARTBEAT_MESSAGES_H
#define ZP_HTTP_API_HEARTBEAT_MESSAGES_H

#include "services/http-api/core_link.h"

typedef struct heartbeat_messages heartbeat_messages_t;

enum { HEARTBEAT_MESSAGES_MAX = 64 }; /* under way at once */

/* `reply` NULL: not acknowledged. Its outcome is looked at already: another than OK is not acknowledged
 * either. */
typedef void heartbeats_heard_fn(void *context, const Zp__HeartbeatsReply *reply);

ZP_MUST_CHECK zp_error heartbeat_messages_new(heartbeat_messages_t **ret_messages, core_link_t *cores);
/* After the core link, which calls back until then. */
void heartbeat_messages_destroy(heartbeat_messages_t **messages);

bool heartbeat_messages_is_full(const heartbeat_messages_t *messages);

/* At most VALID_HEARTBEATS_MAX, borrowed until it returns. Not ZP_OK: `on_heard` is not called. */
ZP_MUST_CHECK zp_error heartbeat_messages_send(heartbeat_messages_t *messages, Zp__Heartbeat **heartbeats,
                                               size_t count, bool complete, heartbeats_heard_fn *on_heard,
                                               void *context);

#endif
