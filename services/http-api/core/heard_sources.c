#include "services/http-api/core/heard_sources.h"
#include "common/base/hash_table.h"
#include <stdlib.h>

typedef struct source {
    UT_hash_handle hh;
    struct source *older, *newer;
    uint64_t heard_at_ms, first_heard_ms;
    uint64_t listened_ms; /* the sum of service time when it was heard */
    presence_status status;
    const char *socket_id; /* behind the user id, in `key` */
    char key[];            /* "<user id>\0<socket id>\0" */
} source_t;

struct heard_sources {
    size_t most;
    uint64_t ttl_ms;
    source_t *by_key;
    source_t *oldest, *newest;
    source_t *next; /* to be taken */
    uint64_t listened_ms;
    uint64_t epoch, clock_ms; /* the newest that was told */
};

heard_sources_t *heard_sources_new(size_t most, uint64_t ttl_ms) {
    heard_sources_t *heard = calloc(1, sizeof *heard);
    if (heard) {
        heard->most = most;
        heard->ttl_ms = ttl_ms;
    }
    return heard;
}

static void unlink_source(heard_sources_t *heard, source_t *source) {
    if (heard->next == source) {
        heard->next = source->newer;
    }
    *(source->older ? &source->older->newer : &heard->oldest) = source->newer;
    *(source->newer ? &source->newer->older : &heard->newest) = source->older;
}

static void append(heard_sources_t *heard, source_t *source) {
    source->older = heard->newest;
    source->newer = NULL;
    *(heard->newest ? &heard->newest->newer : &heard->oldest) = source;
    heard->newest = source;
}

static void forget(heard_sources_t *heard, source_t *source) {
    unlink_source(heard, source);
    HASH_DEL(heard->by_key, source);
    free(source);
}

void heard_sources_destroy(heard_sources_t **self) {
    heard_sources_t *heard = *self;
    if (!heard) {
        return;
    }
    *self = NULL;
    while (heard->oldest) {
        forget(heard, heard->oldest);
    }
    free(heard);
}

void heard_sources_note_clock(heard_sources_t *heard, uint64_t epoch, uint64_t clock_ms) {
    if (epoch < heard->epoch || (epoch == heard->epoch && clock_ms <= heard->clock_ms)) {
        return;
    }
    if (epoch == heard->epoch) {
        heard->listened_ms += clock_ms - heard->clock_ms;
    }
    heard->epoch = epoch;
    heard->clock_ms = clock_ms;
}

static uint64_t silence_of(const heard_sources_t *heard, const source_t *source) {
    return heard->listened_ms - source->listened_ms;
}

static void forget_the_silent(heard_sources_t *heard) {
    while (heard->oldest && silence_of(heard, heard->oldest) >= heard->ttl_ms) {
        forget(heard, heard->oldest);
    }
}

/* NULL: memory is out. */
static source_t *add(heard_sources_t *heard, const char *user_id, const char *socket_id) {
    size_t user_bytes = strlen(user_id) + 1, socket_bytes = strlen(socket_id) + 1;
    source_t *source = calloc(1, sizeof *source + user_bytes + socket_bytes);
    if (!source) {
        return NULL;
    }
    memcpy(source->key, user_id, user_bytes);
    memcpy(source->key + user_bytes, socket_id, socket_bytes);
    source->socket_id = source->key + user_bytes;
    HASH_ADD_KEYPTR(hh, heard->by_key, source->key, user_bytes + socket_bytes, source);
    if (!source->hh.tbl) {
        free(source);
        return NULL;
    }
    return source;
}

static source_t *find(heard_sources_t *heard, const char *user_id, const char *socket_id) {
    char key[512];
    size_t user_bytes = strlen(user_id) + 1, socket_bytes = strlen(socket_id) + 1;
    if (user_bytes + socket_bytes > sizeof key) {
        return NULL;
    }
    memcpy(key, user_id, user_bytes);
    memcpy(key + user_bytes, socket_id, socket_bytes);
    source_t *found = NULL;
    HASH_FIND(hh, heard->by_key, key, user_bytes + socket_bytes, found);
    return found;
}

void heard_sources_note(heard_sources_t *heard, const char *user_id, const char *socket_id,
                        presence_status status, uint64_t heard_at_ms) {
    forget_the_silent(heard);
    source_t *source = find(heard, user_id, socket_id);
    if (source) {
        unlink_source(heard, source);
    } else {
        if (heard_sources_count(heard) >= heard->most) {
            forget(heard, heard->oldest);
        }
        source = add(heard, user_id, socket_id);
        if (!source) {
            return;
        }
        source->first_heard_ms = heard_at_ms;
    }
    source->status = status;
    source->heard_at_ms = heard_at_ms;
    source->listened_ms = heard->listened_ms;
    append(heard, source);
}

size_t heard_sources_count(const heard_sources_t *heard) {
    return HASH_COUNT(heard->by_key);
}

void heard_sources_rewind(heard_sources_t *heard) {
    forget_the_silent(heard);
    heard->next = heard->oldest;
}

size_t heard_sources_take(heard_sources_t *heard, heard_source *sources, size_t most) {
    size_t count = 0;
    for (; heard->next && count < most; heard->next = heard->next->newer) {
        const source_t *source = heard->next;
        sources[count++] = (heard_source){
            .user_id = source->key,
            .socket_id = source->socket_id,
            .status = source->status,
            .heard_at_ms = source->heard_at_ms,
            .first_heard_ms = source->first_heard_ms,
            .silence_ms = silence_of(heard, source),
        };
    }
    return count;
}
