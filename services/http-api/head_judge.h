/* head_judge - whether a request is served at all, by its head: is it one, and short enough (400, 414, 431);
 * not one too many of its client (429); is there such a route (404, 405); its body not announced to be too
 * large (413); may its client call it (401, 403). Owns: what is remembered of clients, the keys. Borrows:
 * process, routes. Threads: the loop's. */
#ifndef ZP_HTTP_API_HEAD_JUDGE_H
#define ZP_HTTP_API_HEAD_JUDGE_H

#include "common/runtime/process.h"
#include "services/http-api/core/route_path.h"
#include "services/http-api/http_route.h"

typedef struct head_judge head_judge_t;

typedef struct head_verdict {
    const http_route *route;   /* NULL: none fits path and method */
    const http_route *of_path; /* the first route of that path; NULL: no such path */
    str_view segments[ROUTE_SEGMENTS_MAX];
    bool preflight;
    bool has_body; /* one is announced */
    api_error refusal;
    http_identity identity; /* where it is not refused */
} head_verdict;

/* ZP_INVALID: a setting cannot be used (logged). */
ZP_MUST_CHECK zp_error head_judge_new(head_judge_t **ret_judge, const process_t *process,
                                      const http_route *routes, size_t routes_count);
void head_judge_destroy(head_judge_t **judge);

/* Whether the settings that it reads can be used: else one line in the log says why not. */
ZP_MUST_CHECK bool head_judge_is_usable(const config_t *config);

/* Counts as one request of its client: once for each. */
void head_judge_judge(head_judge_t *judge, struct MHD_Connection *connection, const char *method,
                      const char *path, head_verdict *ret_verdict);

/* Whether the client of this request might call one of another area: what a page shows may depend on it. */
bool head_judge_may(const head_judge_t *judge, struct MHD_Connection *connection, route_area area);

#endif
