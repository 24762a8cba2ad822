/* endpoint_bag - a few distinct endpoints, in the order in which they were added. Owns: its texts. Pure. */
#ifndef ZP_BUS_ENDPOINT_BAG_H
#define ZP_BUS_ENDPOINT_BAG_H

#include "common/base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* Zeroed: empty. */
typedef struct endpoint_bag {
    char **texts;
    size_t count;
} endpoint_bag;

/* One that is there already is ZP_OK. ZP_FULL: it would be one more than `most`. ZP_NO_MEMORY. The bag stays
 * as it was on both. */
ZP_MUST_CHECK zp_error endpoint_bag_add(endpoint_bag *bag, const char *text, size_t most);
bool endpoint_bag_has(const endpoint_bag *bag, const char *text);
void endpoint_bag_free(endpoint_bag *bag);

#endif
