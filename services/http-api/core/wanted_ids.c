#include "services/http-api/core/wanted_ids.h"
#include "common/base/hash.h"
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const struct wanted_id *left = a, *right = b;
    return (left->hash > right->hash) - (left->hash < right->hash);
}

uint64_t wanted_ids_hash(str_view user_id) {
    return hash_bytes(user_id, 0);
}

bool wanted_ids_take(wanted_ids *wanted, char **ids, size_t count) {
    struct wanted_id *sorted = calloc(count + 1, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        if (sorted) {
            sorted[i] = (struct wanted_id){wanted_ids_hash(str_view_of(ids[i])), ids[i]};
        } else {
            free(ids[i]);
        }
    }
    if (!sorted) {
        return false;
    }
    qsort(sorted, count, sizeof *sorted, compare);
    *wanted = (wanted_ids){sorted, count};
    return true;
}

void wanted_ids_free(wanted_ids *wanted) {
    for (size_t i = 0; i < wanted->count; i++) {
        free(wanted->sorted[i].id);
    }
    free(wanted->sorted);
    *wanted = (wanted_ids){0};
}

long wanted_ids_find(const wanted_ids *wanted, str_view user_id, uint64_t hash) {
    size_t low = 0, high = wanted->count;
    while (low < high) { /* the first that is not below */
        size_t middle = low + (high - low) / 2;
        if (wanted->sorted[middle].hash < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < wanted->count && wanted->sorted[low].hash == hash; low++) {
        if (str_view_equal(str_view_of(wanted->sorted[low].id), user_id)) {
            return (long)low;
        }
    }
    return -1;
}
