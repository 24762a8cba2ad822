/* arena - memory for the parts of one message, given back all at once.
 * A message from outside can claim many more parts than it has bytes; the arena bounds what it gets.
 * Owns: one block; pages that were never used cost nothing. Threads: none. */
#ifndef ZP_PRESENCE_CORE_ARENA_H
#define ZP_PRESENCE_CORE_ARENA_H

#include "common/base/error.h"
#include <stddef.h>

typedef struct arena {
    char *block;
    size_t size_bytes, used_bytes;
} arena_t;

ZP_MUST_CHECK zp_error arena_init(arena_t *arena, size_t size_bytes);
void arena_free(arena_t *arena);
/* Aligned for any type; NULL: it does not fit. */
void *arena_take(arena_t *arena, size_t bytes);
/* Everything that was taken is void. */
void arena_reset(arena_t *arena);

#endif
