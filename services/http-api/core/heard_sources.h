/* heard_sources - which HTTP clients this process has heard of, for their sake should Redis lose its data:
 * they are announced again then, with their age. Owns: a table of at most `most`; beyond it the longest
 * unheard is forgotten. Threads: none. Time: service time, which stands where nobody listens; it begins anew
 * with an epoch, so what has passed of it is added up here (heard_sources_note_clock). Cost: O(1) a
 * heartbeat. */
#ifndef ZP_HTTP_API_HEARD_SOURCES_H
#define ZP_HTTP_API_HEARD_SOURCES_H

#include "common/presence/status.h"
#include <stdint.h>

typedef struct heard_sources heard_sources_t;

typedef struct heard_source {
    const char *user_id, *socket_id;
    presence_status status; /* offline: it has gone, which others who heard it before may not know */
    uint64_t heard_at_ms;   /* unix ms, Redis time */
    uint64_t first_heard_ms;
    uint64_t silence_ms; /* service time since then */
} heard_source;

/* NULL: memory is out. */
heard_sources_t *heard_sources_new(size_t most, uint64_t ttl_ms);
void heard_sources_destroy(heard_sources_t **heard);

/* The service clock, as anybody told it. What comes late, or of an older epoch, changes nothing. */
void heard_sources_note_clock(heard_sources_t *heard, uint64_t epoch, uint64_t clock_ms);

/* A heartbeat that Redis has taken at `heard_at_ms`. Forgets who has been silent for ttl_ms. Where memory is
 * out it is not noted. */
void heard_sources_note(heard_sources_t *heard, const char *user_id, const char *socket_id,
                        presence_status status, uint64_t heard_at_ms);

size_t heard_sources_count(const heard_sources_t *heard);

/* Goes through all who are heard, from the longest unheard on: rewind, then take until it fills fewer than
 * `most`. What is noted meanwhile comes at the end. Texts live until the next call of heard_sources_note. */
void heard_sources_rewind(heard_sources_t *heard);
size_t heard_sources_take(heard_sources_t *heard, heard_source *sources, size_t most);

#endif
