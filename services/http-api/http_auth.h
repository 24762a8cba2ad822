/* http_auth - who asks, and whether they may: each route is of an area, each area is open, for bearers of a
 * token (the same as at the edges) or for holders of an API key (HTTP_AUTH_READ, _WRITE, _OPS).
 *
 *     area        off         jwt                                     apikey
 *     AREA_READ   everybody   any good token                          a key with read
 *     AREA_WRITE  everybody   a good token, for its own user;         a key with write, for any user
 *                             for any user with one of OPS_ROLES
 *     AREA_OPS    everybody   a good token with one of OPS_ROLES      a key with ops
 *     AREA_OPEN   everybody, always
 *
 * A token comes as `Authorization: Bearer`, or, as an EventSource can set no header, as `?token=` of a GET in
 * AREA_READ; a key as `X-API-Key` or `Authorization: Bearer`. Neither is ever logged. Owns: the token key,
 * hashes of API keys. Borrows: config. Threads: the loop's. */
#ifndef ZP_HTTP_API_HTTP_AUTH_H
#define ZP_HTTP_API_HTTP_AUTH_H

#include "common/auth/token.h"
#include "common/config/config.h"
#include "services/http-api/core/api_error.h"
#include <microhttpd.h>
#include <stdbool.h>

/* The most guarded first: it is what a route is that says nothing. */
typedef enum route_area { AREA_OPS, AREA_WRITE, AREA_READ, AREA_OPEN, AREAS_COUNT } route_area;

typedef struct http_identity {
    char user_id[USER_ID_MAX_BYTES + 1]; /* empty: no token was needed, or a key was */
    bool may_write_for_others;
    uint64_t expires_at_unix_ms; /* from then on they are nobody: 0: never. For whoever answers for longer */
} http_identity;

typedef struct http_auth http_auth_t;

/* ZP_INVALID: a key cannot be used (one line in the log says why). */
ZP_MUST_CHECK zp_error http_auth_new(http_auth_t **ret_auth, const config_t *config);
/* Whether it can be made: the same line in the log where it cannot. */
ZP_MUST_CHECK bool http_auth_is_usable(const config_t *config);
void http_auth_destroy(http_auth_t **auth);

/* API_OK, and who it is; else a refusal of 401 or 403. */
ZP_MUST_CHECK api_error http_auth_check(const http_auth_t *auth, struct MHD_Connection *connection,
                                        route_area area, http_identity *ret_identity);

/* What `WWW-Authenticate` says to who is refused so, with 401. */
const char *http_auth_challenge(api_error refusal);

#endif
