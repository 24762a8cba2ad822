/* bulk_query - what POST /api/presence/status asks, and how it is answered (CONTRACT B, VoicePing guide "POST
 * /api/presence/status").
 * Owns: the parsed ids. Threads: none. Uses jansson, which does no I/O here, to read the body. */
#ifndef ZP_HTTP_API_BULK_QUERY_H
#define ZP_HTTP_API_BULK_QUERY_H

#include "common/base/error.h"
#include "common/presence/status.h"
#include "services/http-api/core/api_error.h"
#include <stddef.h>
#include <stdint.h>

enum { BULK_USER_ID_MAX_BYTES = 128 };

typedef struct bulk_query {
    char **user_ids; /* NUL-terminated clean UTF-8, 1..128 bytes, each once, in the order first asked */
    size_t user_ids_count;
    struct json_t *json; /* what the ids point into */
    char *integers;      /* likewise: ids that came as integers, in decimal */
} bulk_query;

/* Reads {"userIds": [...]}: strings and integers, at most `ids_max` (duplicates counted). Other keys are
 * ignored. Not API_OK: nothing is kept. */
ZP_MUST_CHECK api_error bulk_query_parse(str_view body, size_t ids_max, bulk_query *ret_query);
void bulk_query_free(bulk_query *query);

/* The answer, an object keyed by user id: begin, then each user once, then end. */
void bulk_answer_begin(text_buffer *out);
/* `last_seen_ms` is unix ms, 0 for never. The status is shown as basic clients know it: online or offline. */
void bulk_answer_add(text_buffer *out, str_view user_id, presence_status status, uint64_t last_seen_ms);
void bulk_answer_end(text_buffer *out);

#endif
