#include "common/http/http_loop.h"
#include "common/base/str_view.h"
#include "common/http/listen_socket.h"
#include "common/log/log.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONNECTION_MEMORY_BYTES = 32768 };

struct http_loop {
    struct MHD_Daemon *daemon;
    uv_poll_t poll;
    uv_timer_t timer;
    int open_handles; /* the struct is freed when the last of its handles is closed */
    char address[LISTEN_ADDRESS_BYTES];
};

static void on_timer(uv_timer_t *timer);

static unsigned connections_count(const http_loop_t *http) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}

static void run(http_loop_t *http) {
    unsigned before_count = connections_count(http);
    MHD_run(http->daemon);
    if (connections_count(http) < before_count) {
        /* At its limit it takes its listening socket off epoll, and puts it back at the beginning of the run
         * that follows a close (libmicrohttpd 0.9.75): without one it would stay deaf. */
        MHD_run(http->daemon);
    }
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
    if (MHD_get_timeout(http->daemon, &timeout_ms) == MHD_YES) {
        uv_timer_start(&http->timer, on_timer, timeout_ms, 0);
    } else {
        uv_timer_stop(&http->timer);
    }
}

static void on_timer(uv_timer_t *timer) {
    run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    run(poll->data);
}

/* What libmicrohttpd has to say is about single clients: a stranger must not fill the log with it. */
static void on_library_log(void *context, const char *format, va_list arguments) {
    (void)context;
    if (!log_enabled(LOG_LEVEL_DEBUG)) {
        return;
    }
    char text[512];
    vsnprintf(text, sizeof text, format, arguments);
    char shown[1024];
    log_debug("http.library", "text=%s", str_view_escape(str_view_of(text), shown, sizeof shown));
}

/* Paths and queries stay as the client wrote them: decoded, a slash or a NUL in a user id would pass for
 * structure. */
static size_t leave_encoded(void *context, struct MHD_Connection *connection, char *text) {
    (void)context;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start_daemon(int listen_fd, const http_loop_options *options) {
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, options->on_request,
        options->context, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET,
        listen_fd, MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
        /* None of its own for an address: behind a gateway every client has the same one. */
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, 0U, MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        options->connection_memory_bytes ? options->connection_memory_bytes : CONNECTION_MEMORY_BYTES,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_NOTIFY_COMPLETED, options->on_completed, options->context, MHD_OPTION_NOTIFY_CONNECTION,
        options->on_connection, options->connection_context, MHD_OPTION_END);
}

static void on_closed(uv_handle_t *handle) {
    http_loop_t *http = handle->data;
    http->open_handles--;
    if (http->open_handles == 0) {
        free(http);
    }
}

static zp_error attach(http_loop_t *http, uv_loop_t *loop) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info || uv_poll_init(loop, &http->poll, info->epoll_fd) != 0) {
        return ZP_SYSTEM;
    }
    uv_timer_init(loop, &http->timer);
    http->poll.data = http;
    http->timer.data = http;
    http->open_handles = 2;
    if (uv_poll_start(&http->poll, UV_READABLE, on_poll) != 0) {
        return ZP_SYSTEM;
    }
    run(http); /* arms the timer */
    return ZP_OK;
}

zp_error http_loop_new(http_loop_t **ret_http, uv_loop_t *loop, const http_loop_options *options) {
    http_loop_t *http = calloc(1, sizeof *http);
    if (!http) {
        return ZP_NO_MEMORY;
    }
    int fd = -1;
    char reason[LISTEN_REASON_BYTES];
    zp_error error = listen_socket_open(&fd, options->listen, &(listen_options){0}, http->address, reason);
    if (error != ZP_OK) {
        char shown[256];
        log_error("http.cannot_listen", "address=%s reason=\"%s\"",
                  str_view_escape(str_view_of(options->listen), shown, sizeof shown), reason);
        free(http);
        return ZP_SYSTEM;
    }
    http->daemon = start_daemon(fd, options);
    if (!http->daemon) {
        log_error("http.cannot_start", "address=%s", http->address);
        close(fd);
        free(http);
        return ZP_SYSTEM;
    }
    if (attach(http, loop) != ZP_OK) {
        log_error("http.cannot_start", "address=%s", http->address);
        http_loop_destroy(&http);
        return ZP_SYSTEM;
    }
    *ret_http = http;
    return ZP_OK;
}

void http_loop_wake(http_loop_t *http) {
    uv_timer_start(&http->timer, on_timer, 0, 0);
}

/* Who has been let in by the kernel is still answered: closed with him in it, the backlog would be reset. */
void http_loop_quiesce(http_loop_t *http) {
    (void)MHD_run(http->daemon);
    MHD_socket fd = MHD_quiesce_daemon(http->daemon);
    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }
}

void http_loop_destroy(http_loop_t **ref_http) {
    http_loop_t *http = *ref_http;
    *ref_http = NULL;
    if (!http) {
        return;
    }
    if (http->open_handles == 0) {
        MHD_stop_daemon(http->daemon);
        free(http);
        return;
    }
    /* The descriptor leaves the loop before the daemon closes it. */
    uv_poll_stop(&http->poll);
    uv_timer_stop(&http->timer);
    MHD_stop_daemon(http->daemon);
    uv_close((uv_handle_t *)&http->poll, on_closed);
    uv_close((uv_handle_t *)&http->timer, on_closed);
}

const char *http_loop_address(const http_loop_t *http) {
    return http->address;
}
