/* update - what a server's message says of presence: our MessagePack maps (proto/WIRE.md), and the event of
 * the Socket.IO peer. Only what a measurement needs, in as few steps as it takes. Pure. Owns: nothing; texts
 * are views into the message. Threads: none. */
#ifndef ZP_BENCH_UPDATE_H
#define ZP_BENCH_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEEN_STATUSES(X)                                                                                     \
    X(SEEN_ONLINE, "online")                                                                                 \
    X(SEEN_AWAY, "away")                                                                                     \
    X(SEEN_BUSY, "busy")                                                                                     \
    X(SEEN_OFFLINE, "offline")

typedef enum seen_status {
#define X(id, name) id,
    SEEN_STATUSES(X)
#undef X
        SEEN_STATUSES_COUNT
} seen_status;

extern const char *const seen_status_names[SEEN_STATUSES_COUNT];

enum { UPDATE_MESSAGE = 31, SNAPSHOT_MESSAGE = 32, ERROR_MESSAGE = 35 };

typedef struct update {
    uint64_t type;              /* messageType; 0: none was found */
    uint64_t user;              /* of a 31: the digits that its fromId ends with */
    seen_status status;         /* of a 31; SEEN_STATUSES_COUNT: another, or none */
    int64_t reconnect_after_ms; /* of a 35; -1: not told */
} update;

/* False: not a map as WIRE.md has it. Of types other than 31 and 35 only the type is read. */
bool update_read_map(const uint8_t *bytes, size_t len_bytes, update *ret_update);

/* The same of the text `42["presence",{…}]`. */
bool update_read_event(const char *text, size_t len_bytes, update *ret_update);

/* The status of that name; SEEN_STATUSES_COUNT: none. */
seen_status seen_status_of(const char *name, size_t len_bytes);

#endif
