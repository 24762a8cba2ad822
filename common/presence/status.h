/* status - the statuses of a user, their names and letters, and what a client of the guide sees of them.
 * The rule which of several connections' statuses is shown is not here:
 * services/presence-core/scripts/lib.lua. */
#ifndef ZP_PRESENCE_STATUS_H
#define ZP_PRESENCE_STATUS_H

#include "common/base/str_view.h"
#include <stdbool.h>

/* X(id, wire value as in proto Status, name, letter in Redis) */
#define PRESENCE_STATUSES(X)                                                                                 \
    X(STATUS_OFFLINE, 0, "offline", 'f')                                                                     \
    X(STATUS_ONLINE, 1, "online", 'o')                                                                       \
    X(STATUS_AWAY, 2, "away", 'a')                                                                           \
    X(STATUS_BUSY, 3, "busy", 'b')                                                                           \
    X(STATUS_INVISIBLE, 4, "invisible", 'i')

typedef enum presence_status {
#define X(id, value, name, letter) id = value,
    PRESENCE_STATUSES(X)
#undef X
} presence_status;

/* `value` as it came from a peer. False: no such status. */
bool status_is_known(int value);

const char *status_name(presence_status status);
char status_letter(presence_status status);

/* False: no such name / letter; *ret_status untouched. */
bool status_from_name(str_view name, presence_status *ret_status);
bool status_from_letter(char letter, presence_status *ret_status);

/* What a `basic` client sees (CONTRACT A): away and busy show as online, invisible as offline. */
presence_status status_basic(presence_status status);

#endif
