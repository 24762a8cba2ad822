#include "common/bus/endpoint_bag.h"
#include <stdlib.h>
#include <string.h>

void endpoint_bag_free(endpoint_bag *bag) {
    for (size_t i = 0; i < bag->count; i++) {
        free(bag->texts[i]);
    }
    free(bag->texts);
    *bag = (endpoint_bag){0};
}

bool endpoint_bag_has(const endpoint_bag *bag, const char *text) {
    for (size_t i = 0; i < bag->count; i++) {
        if (strcmp(bag->texts[i], text) == 0) {
            return true;
        }
    }
    return false;
}

zp_error endpoint_bag_add(endpoint_bag *bag, const char *text, size_t most) {
    if (endpoint_bag_has(bag, text)) {
        return ZP_OK;
    }
    if (bag->count == most) {
        return ZP_FULL;
    }
    char *copy = strdup(text);
    char **texts = copy ? realloc(bag->texts, (bag->count + 1) * sizeof *texts) : NULL;
    if (!texts) {
        free(copy);
        return ZP_NO_MEMORY;
    }
    texts[bag->count] = copy;
    *bag = (endpoint_bag){texts, bag->count + 1};
    return ZP_OK;
}
