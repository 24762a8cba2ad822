#include "services/presence-core/core/arena.h"
#include <stdlib.h>

static const size_t ALIGNMENT_BYTES = _Alignof(max_align_t);

zp_error arena_init(arena_t *arena, size_t size_bytes) {
    arena->block = malloc(size_bytes);
    if (!arena->block) {
        return ZP_NO_MEMORY;
    }
    arena->size_bytes = size_bytes;
    arena->used_bytes = 0;
    return ZP_OK;
}

void arena_free(arena_t *arena) {
    free(arena->block);
    *arena = (arena_t){0};
}

void *arena_take(arena_t *arena, size_t bytes) {
    if (bytes > arena->size_bytes) {
        return NULL;
    }
    size_t rounded_bytes = (bytes + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
    if (rounded_bytes > arena->size_bytes - arena->used_bytes) {
        return NULL;
    }
    void *taken = arena->block + arena->used_bytes;
    arena->used_bytes += rounded_bytes;
    return taken;
}

void arena_reset(arena_t *arena) {
    arena->used_bytes = 0;
}
