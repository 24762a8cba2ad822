#include "common/admin/admin_endpoint.h"
#include "common/base/str_view.h"
#include "common/http/http_loop.h"
#include "common/runtime/fault.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 32, IDLE_TIMEOUT_S = 15 };

struct admin_endpoint {
    http_loop_t *http;
    const config_t *config;
    metrics_t *metrics;
    admin_readiness_fn *readiness;
    void *context;
};

static const char json_type[] = "application/json";

/* Takes `body` (heap). */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              const char *allow, char *body) {
    if (!body) {
        return MHD_NO; /* out of memory: the connection is closed */
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(body);
        return MHD_NO;
    }
    enum MHD_Result result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (result == MHD_YES && allow) {
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    }
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, status, response);
    }
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_json(struct MHD_Connection *connection, unsigned status, const char *allow,
                                   const char *json) {
    return answer(connection, status, json_type, allow, str_view_dup(str_view_of(json)));
}

static void print_json_string(FILE *out, const char *text) {
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            fprintf(out, "\\%c", *text);
        } else if ((unsigned char)*text < 0x20) {
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*text);
        } else {
            fputc(*text, out);
        }
    }
    fputc('"', out);
}

/* {"ready": ..., "name": ..., "pid": ..., "reasons": [...]}, NULL where memory is out. */
static char *dup_verdict(const char *process_name, const char *reasons[], size_t reasons_count) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return NULL;
    }
    fprintf(out, "{\"ready\": %s, \"name\": ", reasons_count == 0 ? "true" : "false");
    print_json_string(out, process_name);
    fprintf(out, ", \"pid\": %d, \"reasons\": [", (int)getpid());
    for (size_t i = 0; i < reasons_count; i++) {
        fputs(i == 0 ? "" : ", ", out);
        print_json_string(out, reasons[i]);
    }
    fputs("]}\n", out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

static enum MHD_Result answer_ready(const admin_endpoint_t *admin, struct MHD_Connection *connection) {
    const char *reasons[ADMIN_REASONS_MAX];
    size_t count = admin->readiness(admin->context, reasons);
    return answer(connection, count == 0 ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, json_type, NULL,
                  dup_verdict(config_process_name(admin->config), reasons, count));
}

static enum MHD_Result answer_metrics(const admin_endpoint_t *admin, struct MHD_Connection *connection) {
    const char *reasons[ADMIN_REASONS_MAX];
    (void)admin->readiness(admin->context, reasons); /* sets the gauges */
    return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", NULL,
                  metrics_dup_text(admin->metrics, config_process_name(admin->config)));
}

#ifdef ZPRESENCE_FAULTS
static enum MHD_Result answer_fault(struct MHD_Connection *connection, const char *name) {
    const char *times_text = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "times");
    char *end = NULL;
    errno = 0;
    long times = times_text ? strtol(times_text, &end, 10) : 1;
    if (times_text && (errno != 0 || end == times_text || *end != '\0')) {
        return answer_json(connection, MHD_HTTP_BAD_REQUEST, NULL,
                           "{\"error\": \"times must be a number\"}\n");
    }
    if (!fault_arm(str_view_of(name), times)) {
        return answer_json(connection, MHD_HTTP_NOT_FOUND, NULL, "{\"error\": \"no such fault point\"}\n");
    }
    char text[128];
    snprintf(text, sizeof text, "{\"armed\": \"%.40s\", \"times\": %ld}\n", name,
             times); /* one of our names */
    return answer(connection, MHD_HTTP_OK, json_type, NULL, str_view_dup(str_view_of(text)));
}
#endif

static enum MHD_Result answer_request(const admin_endpoint_t *admin, struct MHD_Connection *connection,
                                      const char *path, const char *method) {
#ifdef ZPRESENCE_FAULTS
    static const char faults[] = "/faults/";
    if (strcmp(path, "/faults") == 0 && strcmp(method, MHD_HTTP_METHOD_GET) == 0) {
        return answer(connection, MHD_HTTP_OK, json_type, NULL, fault_dup_report());
    }
    if (strncmp(path, faults, sizeof faults - 1) == 0) {
        return strcmp(method, MHD_HTTP_METHOD_POST) == 0
                   ? answer_fault(connection, path + sizeof faults - 1)
                   : answer_json(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "POST",
                                 "{\"error\": \"method not allowed\"}\n");
    }
#endif
    bool health = strcmp(path, "/healthz") == 0;
    bool ready = strcmp(path, "/readyz") == 0;
    if (!health && !ready && strcmp(path, "/metrics") != 0) {
        return answer_json(connection, MHD_HTTP_NOT_FOUND, NULL, "{\"error\": \"not found\"}\n");
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return answer_json(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET, HEAD",
                           "{\"error\": \"method not allowed\"}\n");
    }
    if (health) {
        return answer_json(connection, MHD_HTTP_OK, NULL, "{\"healthy\": true}\n");
    }
    return ready ? answer_ready(admin, connection) : answer_metrics(admin, connection);
}

/* libmicrohttpd calls it once with the head, then with each piece of the body, then without any: the answer's
 * turn. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *body, size_t *body_len,
                                  void **request) {
    static char head_seen;
    (void)version;
    (void)body;
    if (!*request) {
        *request = &head_seen;
        return MHD_YES;
    }
    if (*body_len > 0) {
        *body_len = 0; /* no request here has a body that means anything */
        return MHD_YES;
    }
    return answer_request(context, connection, path, method);
}

zp_error admin_endpoint_new(admin_endpoint_t **ret_admin, uv_loop_t *loop, const config_t *config,
                            metrics_t *metrics, admin_readiness_fn *readiness, void *context) {
    admin_endpoint_t *admin = calloc(1, sizeof *admin);
    if (!admin) {
        return ZP_NO_MEMORY;
    }
    *admin = (admin_endpoint_t){NULL, config, metrics, readiness, context};
    const http_loop_options options = {
        .listen = config_text(config, SETTING_ADMIN_LISTEN),
        .connections_max = CONNECTIONS_MAX,
        .idle_timeout_s = IDLE_TIMEOUT_S,
        .on_request = on_request,
        .context = admin,
    };
    zp_error error = http_loop_new(&admin->http, loop, &options);
    if (error != ZP_OK) {
        free(admin);
        return error;
    }
    *ret_admin = admin;
    return ZP_OK;
}

void admin_endpoint_destroy(admin_endpoint_t **admin) {
    if (!*admin) {
        return;
    }
    http_loop_destroy(&(*admin)->http);
    free(*admin);
    *admin = NULL;
}

const char *admin_endpoint_address(const admin_endpoint_t *admin) {
    return http_loop_address(admin->http);
}
