#include "services/http-api/http_stream.h"
#include <stdlib.h>
#include <sys/socket.h>

/* One event, or many small ones; libmicrohttpd keeps a buffer of this size for each stream. */
enum { BLOCK_BYTES = 2048 };

/* What the kernel keeps for a client that does not read, which would else grow to megabytes before anybody
 * notices. */
enum { KERNEL_BYTES = 65536 };

struct http_stream {
    http_stream_source source;
    void *context;
    http_loop_t *http;
    struct MHD_Connection *connection;
    bool suspended, cut;
};

static int socket_of(const http_stream_t *stream) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(stream->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static ssize_t on_read(void *context, uint64_t position, char *out, size_t most) {
    (void)position;
    http_stream_t *stream = context;
    if (stream->cut) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t len = stream->source.read(stream->context, out, most);
    if (len > 0) {
        return (ssize_t)len;
    }
    if (stream->source.has_ended(stream->context)) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    stream->suspended = true;
    MHD_suspend_connection(stream->connection);
    return 0;
}

static void on_freed(void *context) {
    http_stream_t *stream = context;
    stream->source.on_gone(stream->context);
    free(stream);
}

bool http_stream_begin(http_request_t *request, const char *content_type, const http_stream_source *source,
                       void *context, http_stream_t **ret_stream) {
    const http_request_parts *parts = http_request_parts_of(request);
    http_stream_t *stream = malloc(sizeof *stream);
    struct MHD_Response *response =
        stream ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, stream, on_freed)
               : NULL;
    if (!response) {
        free(stream);
        http_request_refuse(request, API_NO_MEMORY, NULL);
        return false;
    }
    *stream = (http_stream_t){*source, context, parts->http, parts->connection, false, false};
    *ret_stream = stream;
    int kernel_bytes = KERNEL_BYTES;
    (void)setsockopt(socket_of(stream), SOL_SOCKET, SO_SNDBUF, &kernel_bytes, sizeof kernel_bytes);
    http_request_answer_with(request, MHD_HTTP_OK, content_type, response);
    return true;
}

void http_stream_wake(http_stream_t *stream) {
    if (stream->suspended) {
        stream->suspended = false;
        MHD_resume_connection(stream->connection);
        http_loop_wake(stream->http);
    }
}

void http_stream_cut(http_stream_t *stream) {
    if (stream->cut) {
        return;
    }
    stream->cut = true;
    /* One that waits for its client to read is not asked for more: it has to find its socket closed. */
    (void)shutdown(socket_of(stream), SHUT_RDWR);
    http_stream_wake(stream);
}
