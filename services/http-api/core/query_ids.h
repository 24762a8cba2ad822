/* query_ids - the user ids of a query string: userIds=a,b (commas separate, however they are encoded) and
 * userId=a (one id, commas and all), each any number of times. Owns: the ids. Threads: none. */
#ifndef ZP_HTTP_API_QUERY_IDS_H
#define ZP_HTTP_API_QUERY_IDS_H

#include "common/base/error.h"
#include "services/http-api/core/api_error.h"
#include <stddef.h>

/* Zeroed: none. */
typedef struct query_ids {
    char **user_ids; /* NUL-terminated clean UTF-8, 1..128 bytes */
    size_t count, capacity;
    bool named; /* one of the two came, if only without a value */
} query_ids;

/* One value, as it stands in the query (percent-encoded). Not API_OK: what was added before stays; free it.
 */
ZP_MUST_CHECK api_error query_ids_add(query_ids *ids, str_view encoded, bool separated, size_t ids_max);
/* All are in: keeps each once, in the order first asked. */
ZP_MUST_CHECK api_error query_ids_finish(query_ids *ids);
void query_ids_free(query_ids *ids);

#endif
