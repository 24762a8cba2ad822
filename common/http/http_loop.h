/* http_loop - a libmicrohttpd daemon driven by a libuv loop (FACTS: libmicrohttpd): epoll descriptor in a
 * uv_poll, MHD_run, a timer from MHD_get_timeout. Used by the admin endpoint of every process and by
 * http-api. Handlers get paths and queries as they came, percent-encoded (common/base/url_decode.h). Owns:
 * the daemon and its handles. Threads: the loop's. */
#ifndef ZP_HTTP_HTTP_LOOP_H
#define ZP_HTTP_HTTP_LOOP_H

#include "common/base/error.h"
#include <microhttpd.h>
#include <stddef.h>
#include <uv.h>

typedef struct http_loop http_loop_t;

typedef struct http_loop_options {
    const char *listen; /* host:port; port 0: any */
    unsigned connections_max;
    unsigned idle_timeout_s;
    size_t connection_memory_bytes; /* for its head and the answer's; 0: the library's default */
    MHD_AccessHandlerCallback on_request;
    MHD_RequestCompletedCallback on_completed; /* may be NULL */
    void *context;
    MHD_NotifyConnectionCallback on_connection; /* may be NULL */
    void *connection_context;
} http_loop_options;

/* ZP_SYSTEM: cannot listen there (logged with the reason). */
ZP_MUST_CHECK zp_error http_loop_new(http_loop_t **ret_http, uv_loop_t *loop,
                                     const http_loop_options *options);

/* After MHD_resume_connection outside of a callback: lets the daemon look at it in this turn of the loop. */
void http_loop_wake(http_loop_t *http);

/* Stops listening; requests under way go on. */
void http_loop_quiesce(http_loop_t *http);

/* Every suspended connection must have been resumed. */
void http_loop_destroy(http_loop_t **http);

/* host:port where it really listens. */
const char *http_loop_address(const http_loop_t *http);

#endif
