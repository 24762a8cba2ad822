#include "services/http-api/slow_heads.h"
#include "common/base/ring.h"
#include <stdlib.h>
#include <sys/socket.h>

enum { LOOKS_PER_PATIENCE = 4 };

typedef struct record {
    ring link; /* in `reading` while its head is waited for, the one waited for longest first */
    slow_heads_t *heads;
    int fd;
    uint64_t since_ms;
} record;

struct slow_heads {
    uv_loop_t *loop;
    metrics_t *metrics;
    uint64_t patience_ms;
    uv_timer_t timer;
    ring reading;
};

static void wait_for_head(record *of) {
    of->since_ms = uv_now(of->heads->loop);
    ring_append(&of->heads->reading, &of->link);
}

static void leave_list(record *of) {
    if (ring_is_in_list(&of->link)) {
        ring_remove(&of->link);
    }
}

static void on_timer(uv_timer_t *timer) {
    slow_heads_t *heads = timer->data;
    uint64_t now_ms = uv_now(heads->loop);
    while (!ring_is_empty(&heads->reading)) {
        record *longest = RING_OWNER(heads->reading.next, record, link);
        if (now_ms - longest->since_ms < heads->patience_ms) {
            return;
        }
        /* libmicrohttpd reads the end of it, and closes. */
        (void)shutdown(longest->fd, SHUT_RDWR);
        metrics_add(heads->metrics, METRIC_HTTP_SLOW_HEADS, 1);
        leave_list(longest);
    }
}

static record *record_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

void slow_heads_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                              enum MHD_ConnectionNotificationCode code) {
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_context) {
            leave_list(*socket_context);
            free(*socket_context);
            *socket_context = NULL;
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    record *made = info ? calloc(1, sizeof *made) : NULL;
    if (made) { /* else it is not held to it: nobody is refused because memory is out */
        made->heads = context;
        made->fd = info->connect_fd;
        wait_for_head(made);
        *socket_context = made;
    }
}

void slow_heads_begin(struct MHD_Connection *connection) {
    record *of = record_of(connection);
    if (of) {
        leave_list(of);
    }
}

void slow_heads_done(struct MHD_Connection *connection) {
    record *of = record_of(connection);
    if (of) {
        leave_list(of);
        wait_for_head(of);
    }
}

zp_error slow_heads_new(slow_heads_t **ret_heads, uv_loop_t *loop, metrics_t *metrics, uint64_t patience_ms) {
    slow_heads_t *heads = calloc(1, sizeof *heads);
    if (!heads) {
        return ZP_NO_MEMORY;
    }
    heads->loop = loop;
    heads->metrics = metrics;
    heads->patience_ms = patience_ms;
    ring_init(&heads->reading);
    uv_timer_init(loop, &heads->timer);
    heads->timer.data = heads;
    uint64_t look_ms = patience_ms / LOOKS_PER_PATIENCE;
    uv_timer_start(&heads->timer, on_timer, look_ms, look_ms);
    *ret_heads = heads;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void slow_heads_destroy(slow_heads_t **self) {
    slow_heads_t *heads = *self;
    if (heads) {
        *self = NULL;
        uv_close((uv_handle_t *)&heads->timer, on_closed);
    }
}
