/* http_route - one endpoint: method, path, who may call it, and what answers. */
#ifndef ZP_HTTP_API_HTTP_ROUTE_H
#define ZP_HTTP_API_HTTP_ROUTE_H

#include "services/http-api/http_auth.h"
#include <stdbool.h>

typedef struct http_request http_request_t;

/* Answers `request` before it returns, or calls http_request_wait and sees to it that it is answered later.
 */
typedef void http_handler_fn(void *context, http_request_t *request);

/* Whose it is that is written: what a token without one of OPS_ROLES is held to, in AREA_WRITE. */
typedef enum route_owner {
    OWNER_UNKNOWN, /* nobody's in particular: only OPS_ROLES may */
    OWNER_IN_BODY, /* of the user whom the body's "username" names */
    OWNER_IN_PATH, /* of the user for whom the path's first `*` stands */
    OWNER_SECRET,  /* of whoever knows what the body names: a session's token */
} route_owner;

typedef struct http_route {
    const char *method; /* GET is HEAD too */
    const char *path;   /* a pattern (core/route_path.h); of two that fit, the first counts */
    bool other_origins; /* pages of CORS_ORIGINS may call it: CORS headers and preflights */
    http_handler_fn *handle;
    route_area area;
    route_owner owner; /* of AREA_WRITE */
} http_route;

#endif
