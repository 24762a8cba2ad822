#include "services/http-api/http_server.h"
#include "common/base/origin_list.h"
#include "services/http-api/core/route_owner.h"
#include "services/http-api/head_judge.h"
#include "services/http-api/slow_heads.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ALLOWED_BYTES = 64,
    /* What libmicrohttpd needs of a connection's memory besides the head: one that is a little too large is
     * to be refused here, in JSON. */
    CONNECTION_SPARE_BYTES = 24576,
};

struct http_server {
    const process_t *process;
    const http_route *routes;
    size_t routes_count;
    char (*allowed)[ALLOWED_BYTES]; /* of each route's path */
    void *context;
    head_judge_t *judge;
    slow_heads_t *slow_heads;
    http_loop_t *http;
    size_t requests_count; /* under way */
    void (*on_idle)(void *context);
    void *idle_context;
};

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The methods of a path, as Allow and Access-Control-Allow-Methods name them. */
static const char *allowed_methods(const http_server_t *server, const http_route *of_path) {
    return server->allowed[of_path - server->routes];
}

static void add_method(char allowed[ALLOWED_BYTES], const char *method) {
    size_t used = strlen(allowed);
    (void)snprintf(allowed + used, ALLOWED_BYTES - used, "%s%s", used > 0 ? ", " : "", method);
}

static void list_methods(const http_server_t *server, const http_route *of_path,
                         char allowed[ALLOWED_BYTES]) {
    for (size_t i = 0; i < server->routes_count; i++) {
        const http_route *route = &server->routes[i];
        if (strcmp(route->path, of_path->path) == 0) {
            add_method(allowed, route->method);
            if (strcmp(route->method, MHD_HTTP_METHOD_GET) == 0) {
                add_method(allowed, MHD_HTTP_METHOD_HEAD);
            }
        }
    }
    if (of_path->other_origins) {
        add_method(allowed, MHD_HTTP_METHOD_OPTIONS);
    }
}

/* The list's own text cannot be given back as the header: a matching origin is found in the request, and
 * lives as long as that does. */
static void add_cors_headers(const http_server_t *server, http_request_t *request,
                             struct MHD_Connection *connection) {
    const char *origins = config_text(server->process->config, SETTING_CORS_ORIGINS);
    if (origin_list_has_all(origins)) {
        http_request_add_header(request, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        return;
    }
    http_request_add_header(request, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ORIGIN);
    const char *origin = header(connection, MHD_HTTP_HEADER_ORIGIN);
    if (origin && origin_list_has(origins, str_view_of(origin))) {
        http_request_add_header(request, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

static void answer_preflight(const http_server_t *server, http_request_t *request,
                             const http_route *of_path) {
    http_request_add_header(request, "Access-Control-Allow-Methods", allowed_methods(server, of_path));
    http_request_add_header(request, "Access-Control-Allow-Headers",
                            "Content-Type, Authorization, X-API-Key, Last-Event-ID");
    http_request_add_header(request, "Access-Control-Max-Age", "600");
    http_request_answer_empty(request, MHD_HTTP_NO_CONTENT);
}

static void refuse(const http_server_t *server, http_request_t *request, const head_verdict *verdict) {
    if (verdict->refusal == API_METHOD_NOT_ALLOWED) {
        http_request_add_header(request, MHD_HTTP_HEADER_ALLOW, allowed_methods(server, verdict->of_path));
    } else if (api_error_http_status(verdict->refusal) == MHD_HTTP_UNAUTHORIZED) {
        http_request_add_header(request, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                http_auth_challenge(verdict->refusal));
    } else if (verdict->refusal == API_RATE_LIMITED) {
        /* A bucket that is empty has the next one within 1/rate: a second is enough for any. */
        http_request_add_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    }
    http_request_refuse(request, verdict->refusal, NULL);
}

static bool writes_their_own(const http_request_t *request, const head_verdict *verdict) {
    const char *user_id = verdict->identity.user_id;
    if (verdict->route->area != AREA_WRITE || verdict->identity.may_write_for_others) {
        return true;
    }
    switch (verdict->route->owner) {
    case OWNER_IN_BODY:
        return body_names_user(http_request_body(request), user_id);
    case OWNER_IN_PATH:
        return str_view_equal(http_request_segment(request, 0), str_view_of(user_id));
    case OWNER_SECRET:
        return true;
    case OWNER_UNKNOWN:
        break;
    }
    return false;
}

static void handle(http_server_t *server, http_request_t *request, struct MHD_Connection *connection) {
    const head_verdict *verdict = http_request_verdict(request);
    if (verdict->of_path && verdict->of_path->other_origins) {
        add_cors_headers(server, request, connection);
    }
    if (verdict->refusal != API_OK) {
        refuse(server, request, verdict);
    } else if (http_request_body_is_too_large(request)) {
        http_request_refuse(request, API_BODY_TOO_LARGE, NULL);
    } else if (verdict->preflight) {
        answer_preflight(server, request, verdict->of_path);
    } else if (!http_request_take_segments(request, verdict->segments)) {
        http_request_refuse(request, API_MALFORMED_TARGET, NULL);
    } else if (!writes_their_own(request, verdict)) {
        http_request_refuse(request, API_NOT_YOURS, NULL);
    } else {
        verdict->route->handle(server->context, request);
    }
}

/* What is answered before the body is read: libmicrohttpd then closes the connection instead of reading it.
 */
static bool is_answered_at_once(const head_verdict *verdict) {
    return verdict->refusal == API_MALFORMED_HEAD || (verdict->refusal != API_OK && verdict->has_body);
}

/* The first call for a request: its head. */
static enum MHD_Result on_head(http_server_t *server, struct MHD_Connection *connection, const char *method,
                               const char *path, void **ret_request) {
    const http_request_parts parts = {server->process, server->http, connection, server->judge};
    http_request_t *request = http_request_new(&parts, method, path);
    if (!request) {
        return MHD_NO;
    }
    server->requests_count++;
    slow_heads_begin(connection);
    *ret_request = request;
    head_judge_judge(server->judge, connection, method, path, http_request_verdict(request));
    if (is_answered_at_once(http_request_verdict(request))) {
        handle(server, request, connection);
        return http_request_send(request);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **request_ref) {
    (void)version;
    http_server_t *server = context;
    if (!*request_ref) {
        return on_head(server, connection, method, path, request_ref);
    }
    http_request_t *request = *request_ref;
    if (*body_bytes > 0) {
        bool go_on = http_request_take_body(request, str_view_make(body, *body_bytes));
        *body_bytes = 0;
        return go_on ? MHD_YES : MHD_NO;
    }
    if (http_request_state(request) == REQUEST_READING) {
        handle(server, request, connection);
    }
    return http_request_state(request) == REQUEST_ANSWERED ? http_request_send(request) : MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_ref,
                         enum MHD_RequestTerminationCode code) {
    http_server_t *server = context;
    if (!*request_ref) {
        return;
    }
    slow_heads_done(connection);
    if (code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED) {
        metrics_add(server->process->metrics, METRIC_HTTP_TIMED_OUT, 1);
    }
    http_request_free(*request_ref);
    *request_ref = NULL;
    if (--server->requests_count == 0 && server->on_idle) {
        server->on_idle(server->idle_context);
        server->on_idle = NULL;
    }
}

bool http_server_is_usable(const config_t *config) {
    return head_judge_is_usable(config);
}

/* Everything but the listening: what it owns is freed by http_server_destroy. */
static zp_error prepare(http_server_t *server) {
    server->allowed = calloc(server->routes_count, sizeof *server->allowed);
    if (!server->allowed) {
        return ZP_NO_MEMORY;
    }
    for (size_t i = 0; i < server->routes_count; i++) {
        list_methods(server, &server->routes[i], server->allowed[i]);
    }
    zp_error error = slow_heads_new(&server->slow_heads, server->process->bus.loop, server->process->metrics,
                                    config_ms(server->process->config, SETTING_HTTP_TIMEOUT));
    if (error != ZP_OK) {
        return error;
    }
    return head_judge_new(&server->judge, server->process, server->routes, server->routes_count);
}

zp_error http_server_new(http_server_t **ret_server, const process_t *process, const http_route *routes,
                         size_t routes_count, void *context) {
    http_server_t *server = calloc(1, sizeof *server);
    if (!server) {
        return ZP_NO_MEMORY;
    }
    *server = (http_server_t){
        .process = process, .routes = routes, .routes_count = routes_count, .context = context};
    zp_error error = prepare(server);
    if (error != ZP_OK) {
        http_server_destroy(&server);
        return error;
    }
    const config_t *config = process->config;
    const http_loop_options options = {
        .listen = config_text(config, SETTING_HTTP_LISTEN),
        .connections_max = (unsigned)config_integer(config, SETTING_HTTP_CONNECTIONS_MAX),
        .connection_memory_bytes =
            (size_t)config_integer(config, SETTING_HTTP_HEAD_MAX) + CONNECTION_SPARE_BYTES,
        .idle_timeout_s = (unsigned)config_integer(config, SETTING_HTTP_TIMEOUT),
        .on_request = on_request,
        .on_completed = on_completed,
        .context = server,
        .on_connection = slow_heads_on_connection,
        .connection_context = server->slow_heads,
    };
    error = http_loop_new(&server->http, process->bus.loop, &options);
    if (error != ZP_OK) {
        http_server_destroy(&server);
        return error;
    }
    *ret_server = server;
    return ZP_OK;
}

void http_server_destroy(http_server_t **self) {
    http_server_t *server = *self;
    if (!server) {
        return;
    }
    *self = NULL;
    server->on_idle = NULL;
    http_loop_destroy(&server->http);
    head_judge_destroy(&server->judge);
    slow_heads_destroy(&server->slow_heads);
    free(server->allowed);
    free(server);
}

const char *http_server_address(const http_server_t *server) {
    return http_loop_address(server->http);
}

void http_server_drain(http_server_t *server, void (*on_idle)(void *context), void *context) {
    http_loop_quiesce(server->http);
    if (server->requests_count == 0) {
        on_idle(context);
        return;
    }
    server->on_idle = on_idle;
    server->idle_context = context;
}
