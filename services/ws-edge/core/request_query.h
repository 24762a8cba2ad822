/* request_query - the target of a request: its path, and the few keys of its query that mean something here.
 * Owns: nothing; values are decoded in place (URL_QUERY: as the guide's server reads them). Threads: none. */
#ifndef ZP_WS_EDGE_REQUEST_QUERY_H
#define ZP_WS_EDGE_REQUEST_QUERY_H

#include "common/base/str_view.h"
#include <stdbool.h>

typedef struct request_query {
    str_view path;
    str_view token, device; /* the first of each key that is not empty */
    bool wire_array, statuses_full, snapshot;
} request_query;

/* `target`: origin-form, or absolute-form as proxies may send it (RFC 7230 5.3). False: it is neither, holds
 * bytes that no target may hold, or %HH that are none in a value that is read. */
bool request_query_parse(char *target, size_t len_bytes, request_query *ret_query);

#endif
