/* announcer - after Redis has lost its data: says again which HTTP clients this process has heard within
 * HTTP_PRESENCE_TTL, a piece at a time, until a core has taken the last one. The rebuilding waits for that
 * (presence-core/scripts/epoch.lua).
 * Owns: its timer. Borrows: process, core link, messages, heard. Threads: the loop's. */
#ifndef ZP_HTTP_API_ANNOUNCER_H
#define ZP_HTTP_API_ANNOUNCER_H

#include "services/http-api/core/heard_sources.h"
#include "services/http-api/heartbeat_messages.h"

typedef struct announcer announcer_t;

ZP_MUST_CHECK zp_error announcer_new(announcer_t **ret_announcer, const process_t *process,
                                     core_link_t *cores, heartbeat_messages_t *messages,
                                     heard_sources_t *heard);
/* Sends nothing more. Before the core link goes. */
void announcer_close(announcer_t *announcer);
/* After the core link has gone. */
void announcer_destroy(announcer_t **announcer);

#endif
