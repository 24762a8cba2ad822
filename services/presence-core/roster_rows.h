/* roster_rows - lists of users as rosters.lua answers them, made into a RostersReply. An id in a list that
 * the bus would refuse is left out: somebody's hand was in Redis, and the receiver would refuse the whole
 * message for it. Owns: the rosters of the last answer that was read; their users' ids point into the reply.
 * Threads: any. */
#ifndef ZP_PRESENCE_CORE_ROSTER_ROWS_H
#define ZP_PRESENCE_CORE_ROSTER_ROWS_H

#include "proto/edge_core.pb-c.h"
#include "proto/valid.h"
#include "services/presence-core/core/arguments.h"
#include <hiredis/hiredis.h>

enum {
    ROSTER_PARTS = 3,         /* seq, more, rosters: as rosters.lua answers */
    ROSTER_ASKED_COLUMNS = 3, /* kind, id, version: as it is asked */
    ROSTER_COLUMNS = 3,       /* index, version, users: as each is answered */
};

/* Zeroed: empty. */
typedef struct roster_list {
    Zp__Roster rosters[VALID_ROSTERS_MAX];
    Zp__Roster *pointers[VALID_ROSTERS_MAX];
    char ids[VALID_ROSTERS_MAX][VALID_USER_ID_MAX_BYTES + 1];
    size_t count;
    char *users[VALID_ROSTER_USERS_MAX]; /* of all of them: rosters.lua is asked for no more */
    size_t users_count;
} roster_list;

/* Adds to a call of rosters.lua what it asks of each roster. */
void roster_rows_ask(arguments_t *arguments, const Zp__RostersQuery *query);

/* Fills `body` with what the answer, of at least ROSTER_PARTS, says of the rosters asked: in `arguments` from
 * `asked_at` on. False: it is no answer to these. */
bool roster_rows_read(roster_list *list, const redisReply *reply, const arguments_t *arguments,
                      size_t asked_at, Zp__RostersReply *body);

#endif
