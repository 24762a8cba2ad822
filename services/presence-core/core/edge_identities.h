/* edge_identities - by which ROUTER identity the edge that holds an incarnation can be told something: the
 * one that its last beat came by. Owns: a table of EDGE_IDENTITIES_MAX; when it is full, the one silent for
 * longest makes room. Threads: none. Time: monotonic ms, passed in. Cost: O(table). */
#ifndef ZP_PRESENCE_CORE_EDGE_IDENTITIES_H
#define ZP_PRESENCE_CORE_EDGE_IDENTITIES_H

#include "common/base/str_view.h"
#include <stdint.h>

enum {
    EDGE_IDENTITIES_MAX = 1000,
    EDGE_IDENTITY_BYTES = 255,   /* ZeroMQ's limit */
    EDGE_INCARNATION_BYTES = 17, /* 16 hex digits and NUL */
};

/* Zeroed: nobody. */
typedef struct edge_identities {
    struct edge_identity {
        char incarnation[EDGE_INCARNATION_BYTES];
        uint8_t identity_bytes;
        char identity[EDGE_IDENTITY_BYTES];
        uint64_t at_ms;
    } list[EDGE_IDENTITIES_MAX];
    size_t count;
} edge_identities;

/* `incarnation` fits EDGE_INCARNATION_BYTES and `identity` fits EDGE_IDENTITY_BYTES; others are passed over.
 */
void edge_identities_note(edge_identities *identities, str_view incarnation, str_view identity,
                          uint64_t now_ms);

/* Empty: it has not beaten here, or long ago. Good until the next note. */
str_view edge_identities_find(const edge_identities *identities, str_view incarnation);

#endif
