/* heartbeat_link - heartbeats on their way to Redis: what comes within HEARTBEAT_DELAY_MS leaves together,
 * and each is acknowledged. Of one user, a heartbeat waits until the one before is acknowledged, so that
 * Redis hears them in the order in which this process did. What Redis has taken is remembered, and announced
 * again when it has lost its data (announcer.h). Owns: what waits, and what is under way. Borrows: process,
 * messages, heard. Threads: the loop's. */
#ifndef ZP_HTTP_API_HEARTBEAT_LINK_H
#define ZP_HTTP_API_HEARTBEAT_LINK_H

#include "services/http-api/core/heard_sources.h"
#include "services/http-api/heartbeat_messages.h"

typedef struct heartbeat_link heartbeat_link_t;

typedef struct heartbeat {
    const char *user_id, *socket_id;
    presence_status status;
} heartbeat_t;

/* Once for each heartbeat, never from within the saying, at the latest HTTP_DEADLINE_MS after it: `taken`,
 * Redis has it; else nothing is known of it. */
typedef void heartbeat_done_fn(void *context, bool taken);

/* `most`: heartbeats that wait or are under way. */
ZP_MUST_CHECK zp_error heartbeat_link_new(heartbeat_link_t **ret_link, const process_t *process,
                                          heartbeat_messages_t *messages, heard_sources_t *heard,
                                          size_t most);
/* Ends what waits; sends nothing more. Before the core link goes. */
void heartbeat_link_close(heartbeat_link_t *link);
/* After the core link has gone. */
void heartbeat_link_destroy(heartbeat_link_t **link);

/* Copies what it is given. ZP_FULL, ZP_NO_MEMORY: `on_done` is not called. */
ZP_MUST_CHECK zp_error heartbeat_link_say(heartbeat_link_t *link, const heartbeat_t *heartbeat,
                                          heartbeat_done_fn *on_done, void *context);

#endif
