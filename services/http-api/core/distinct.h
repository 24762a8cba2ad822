/* distinct - a list of texts, each kept once. Owns: nothing. Threads: none. */
#ifndef ZP_HTTP_API_DISTINCT_H
#define ZP_HTTP_API_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>

/* Keeps the first of equal ones, in their order. Sorting bounds the time whatever a client thinks up. False:
 * memory is out, and the list is as it was. */
bool distinct_keep_first(char **texts, size_t *count);

#endif
