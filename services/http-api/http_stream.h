/* http_stream - an answer that goes on: its body is read from a source as the client takes it, chunked, until
 * the source ends it. While there is nothing to read the connection is suspended and costs nothing;
 * libmicrohttpd then does not notice that its client leaves, so a source has to say something now and then. A
 * client that stops reading is closed after HTTP_TIMEOUT. Owns: itself, until on_gone. Threads: the loop's.
 */
#ifndef ZP_HTTP_API_HTTP_STREAM_H
#define ZP_HTTP_API_HTTP_STREAM_H

#include "services/http-api/http_request.h"

typedef struct http_stream http_stream_t;

typedef struct http_stream_source {
    /* Up to `most` bytes; 0: nothing now, or nothing more. It may wake and cut no stream. */
    size_t (*read)(void *context, char *out, size_t most);
    bool (*has_ended)(void *context); /* nothing more will come; asked where nothing was read */
    void (*on_gone)(void *context);   /* the last call: the stream is no more, whoever ended it */
} http_stream_source;

/* Answers `request` with it. False: memory is out, the request is refused, on_gone is not called. Else
 * *ret_stream is set first; on_gone may come from within. */
bool http_stream_begin(http_request_t *request, const char *content_type, const http_stream_source *source,
                       void *context, http_stream_t **ret_stream);

/* There is something to read, or it has ended. */
void http_stream_wake(http_stream_t *stream);

/* Ends the connection, whatever it still has to read; on_gone follows later. */
void http_stream_cut(http_stream_t *stream);

#endif
