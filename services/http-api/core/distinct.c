#include "services/http-api/core/distinct.h"
#include <stdlib.h>
#include <string.h>

/* Sorts places in the list, not the texts: equal ones by the order in which they stand there. */
static int compare_places(const void *a, const void *b) {
    char *const *left = *(char *const *const *)a, *const *right = *(char *const *const *)b;
    int order = strcmp(*left, *right);
    return order != 0 ? order : (left > right) - (left < right);
}

bool distinct_keep_first(char **texts, size_t *count) {
    char ***places = calloc(*count + 1, sizeof *places);
    if (!places) {
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        places[i] = &texts[i];
    }
    qsort(places, *count, sizeof *places, compare_places);
    const char *before = NULL;
    for (size_t i = 0; i < *count; i++) {
        char *text = *places[i];
        if (before && strcmp(before, text) == 0) {
            *places[i] = NULL;
        }
        before = text;
    }
    free(places);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (texts[i]) {
            texts[kept++] = texts[i];
        }
    }
    *count = kept;
    return true;
}
