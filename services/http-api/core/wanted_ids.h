/* wanted_ids - a fixed set of user ids that is asked "is this one of yours?" for every change: by 64-bit
 * hash, which costs no more than the bytes of the id and a few steps. Owns: the ids. Threads: none. */
#ifndef ZP_HTTP_API_WANTED_IDS_H
#define ZP_HTTP_API_WANTED_IDS_H

#include "common/base/str_view.h"
#include <stdint.h>

/* Zeroed: everybody. */
typedef struct wanted_ids {
    struct wanted_id {
        uint64_t hash;
        char *id; /* NUL-terminated */
    } * sorted;
    size_t count;
} wanted_ids;

/* Takes the texts over, also where it fails. False: memory is out. `ids` has no duplicates. */
bool wanted_ids_take(wanted_ids *wanted, char **ids, size_t count);
void wanted_ids_free(wanted_ids *wanted);

static inline bool wanted_ids_are_all(const wanted_ids *wanted) {
    return wanted->sorted == NULL;
}

uint64_t wanted_ids_hash(str_view user_id);

/* Its place, 0 to count - 1; -1 where it is not one of them. `hash` is its wanted_ids_hash. */
long wanted_ids_find(const wanted_ids *wanted, str_view user_id, uint64_t hash);

#endif
