/* http_server - HTTP on libmicrohttpd up to a route: checks of the head (head_judge.h), the body under its
 * limit, whose it is that is written, CORS preflights. What is refused before a route is reached: as
 * head_judge says; a path that cannot be decoded (400); a body over BODY_MAX (413); another user's (403). A
 * body that is not complete within HTTP_TIMEOUT, or runs far over its limit unannounced, ends the connection;
 * so does silence for HTTP_TIMEOUT. Owns: the http_loop, requests. Borrows: process, routes. Threads: the
 * loop's. */
#ifndef ZP_HTTP_API_HTTP_SERVER_H
#define ZP_HTTP_API_HTTP_SERVER_H

#include "common/base/error.h"
#include "common/runtime/process.h"
#include "services/http-api/http_request.h"

typedef struct http_server http_server_t;

/* Whether the settings that it reads can be used: else one line in the log says why not. */
ZP_MUST_CHECK bool http_server_is_usable(const config_t *config);

/* Listens on HTTP_LISTEN. `routes` lives as long as the server. ZP_SYSTEM: cannot; ZP_INVALID: a setting
 * (logged). */
ZP_MUST_CHECK zp_error http_server_new(http_server_t **ret_server, const process_t *process,
                                       const http_route *routes, size_t routes_count, void *context);
/* No request may be waiting. */
void http_server_destroy(http_server_t **server);

const char *http_server_address(const http_server_t *server); /* host:port */

/* Takes no new connections; calls `on_idle` once, as soon as no request is under way: that may be at once. */
void http_server_drain(http_server_t *server, void (*on_idle)(void *context), void *context);

#endif
