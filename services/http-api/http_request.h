/* http_request - one request, from its head to its answer.
 * Lives from its head until its answer is sent, or its connection is gone; one that waits for its answer
 * stays whatever its client does (libmicrohttpd does not look at a suspended connection). Threads: the
 * loop's. */
#ifndef ZP_HTTP_API_HTTP_REQUEST_H
#define ZP_HTTP_API_HTTP_REQUEST_H

#include "common/base/str_view.h"
#include "common/http/http_loop.h"
#include "common/runtime/process.h"
#include "services/http-api/core/api_error.h"
#include "services/http-api/head_judge.h"
#include <stdbool.h>
#include <stdint.h>

/* -- For handlers -- */

str_view http_request_body(const http_request_t *request);

/* What the `*` of that index stands for in the route's path, decoded; any bytes. NUL-terminated behind its
 * end. */
str_view http_request_segment(const http_request_t *request, size_t index);

/* The first value of that name in the query, decoded, likewise; an empty view with ptr NULL where there is
 * none. False: it cannot be decoded, or memory is out. */
bool http_request_query(http_request_t *request, const char *name, str_view *ret_value);

/* Every value of the query, as the client wrote it (percent-encoded), in order. */
void http_request_each_query(const http_request_t *request,
                             void (*visit)(void *context, str_view name, str_view encoded), void *context);

/* NULL where there is none. Lives as long as the request. */
const char *http_request_header(const http_request_t *request, const char *name);

/* Who asks. Whoever answers for longer than at once ends it when expires_at_unix_ms has come. */
const http_identity *http_request_identity(const http_request_t *request);

/* Whether they might also call a route of `area`: for a page that shows more to some. */
bool http_request_may(const http_request_t *request, route_area area);

/* The answer comes later. The connection is suspended, and holds nobody up. */
void http_request_wait(http_request_t *request);

/* Before the answer: one more header. Both texts are static, or live as long as the process. */
void http_request_add_header(http_request_t *request, const char *name, const char *value);

/* One of these, once. `body` is emptied; where memory is out the connection is closed instead. */
void http_request_answer(http_request_t *request, unsigned http_status, const char *content_type,
                         text_buffer *body);
/* In the envelope of the path's API: core/api_error.h, or core/tv_json.h. */
void http_request_refuse(http_request_t *request, api_error error, const char *details);
void http_request_answer_empty(http_request_t *request, unsigned http_status);

/* -- For http_server and http_stream -- */

typedef enum request_state {
    REQUEST_READING,  /* head and body come in */
    REQUEST_WAITING,  /* suspended: the handler answers later */
    REQUEST_ANSWERED, /* the response is there, libmicrohttpd has not taken it yet */
    REQUEST_SENDING,
} request_state;

typedef struct http_request_parts {
    const process_t *process;
    http_loop_t *http;
    struct MHD_Connection *connection;
    const head_judge_t *judge;
} http_request_parts;

const http_request_parts *http_request_parts_of(const http_request_t *request);

/* As http_request_answer, with a response of the caller's, which it takes; NULL: memory is out. */
void http_request_answer_with(http_request_t *request, unsigned http_status, const char *content_type,
                              struct MHD_Response *response);

/* NULL: memory is out. */
http_request_t *http_request_new(const http_request_parts *parts, const char *method, const char *path);
void http_request_free(http_request_t *request);
/* What its head came to: filled by http_server. */
head_verdict *http_request_verdict(http_request_t *request);
request_state http_request_state(const http_request_t *request);

/* Decodes and keeps what the `*` of the route stand for. False: they cannot be decoded, or memory is out. */
bool http_request_take_segments(http_request_t *request, const str_view segments[ROUTE_SEGMENTS_MAX]);

/* A piece of the body; over BODY_MAX it is counted and thrown away. False: too much, or too slow: end it. */
bool http_request_take_body(http_request_t *request, str_view piece);
bool http_request_body_is_too_large(const http_request_t *request);

/* Hands the response to libmicrohttpd. MHD_NO: it cannot be; the connection is closed. */
enum MHD_Result http_request_send(http_request_t *request);

#endif
