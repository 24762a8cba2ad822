/* script_table - the Lua scripts of scripts/, as they were at build time: lib.lua and what else it names
 * followed by the script itself. Owns: static texts. To add a script: a row here and its name in
 * CMakeLists.txt, in the same order.
 */
#ifndef ZP_PRESENCE_CORE_SCRIPT_TABLE_H
#define ZP_PRESENCE_CORE_SCRIPT_TABLE_H

#include <stddef.h>

typedef enum script_id {
    SCRIPT_BEAT,
    SCRIPT_ENDED,
    SCRIPT_JOIN,
    SCRIPT_STATEMENTS,
    SCRIPT_TOUCHES,
    SCRIPT_ANNOUNCED,
    SCRIPT_LEAVE,
    SCRIPT_TICK,
    SCRIPT_EXAMINE,
    SCRIPT_EPOCH,
    SCRIPT_REPLAY,
    SCRIPT_SNAPSHOT,
    SCRIPT_SERVICES,
    SCRIPT_LOGINS,
    SCRIPT_EXPLAIN,
    SCRIPT_HEARTBEAT,
    SCRIPT_DIRECTORY,
    SCRIPT_ACCOUNT_READ,
    SCRIPT_ACCOUNT_WRITE,
    SCRIPT_ACCOUNT_SESSION,
    SCRIPT_ACCOUNT_SESSION_END,
    SCRIPT_ACCOUNT_ACTIVE,
    SCRIPT_ACCOUNT_CONTACTS,
    SCRIPT_ACCOUNT_CONTACT,
    SCRIPT_GROUP,
    SCRIPT_ROSTERS,
    SCRIPTS_COUNT
} script_id;

typedef struct script_source {
    const char *name;
    const char *text; /* NUL-terminated */
    size_t text_bytes;
} script_source;

extern const script_source script_table[SCRIPTS_COUNT];

#endif
