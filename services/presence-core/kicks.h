/* kicks - tells edges which connections have to go, because their users have logged in again
 * (DUPLICATE_LOGIN=kick). What is to be told is decided by scripts/logins.lua and kept in Redis; an edge
 * hears it at once if it beats to this core, and again with every answer to its beats until its statements no
 * longer name those connections. Owns: by which identity each edge is reached. Borrows: the router, metrics.
 * Threads: the loop's. */
#ifndef ZP_PRESENCE_CORE_KICKS_H
#define ZP_PRESENCE_CORE_KICKS_H

#include "services/presence-core/router.h"
#include <hiredis/hiredis.h>

typedef struct kicks kicks_t;

/* *ret_kicks is NULL where DUPLICATE_LOGIN=allow. */
ZP_MUST_CHECK zp_error kicks_new(kicks_t **ret_kicks, const bus_context *bus);
void kicks_destroy(kicks_t **kicks);

/* The edge that holds `incarnation` has beaten by this identity. */
void kicks_note_edge(kicks_t *kicks, str_view identity, str_view incarnation);

/* Tells the edge at `identity`. `users` as beat.lua answers them: {user, '<id> <id> ...', ...}. */
void kicks_tell(kicks_t *kicks, router_t *router, str_view identity, str_view incarnation,
                const redisReply *users);

/* Tells whoever of them beats here. `groups` as logins.lua answers them: {incarnation, users, ...}. */
void kicks_tell_all(kicks_t *kicks, router_t *router, const redisReply *groups);

#endif
