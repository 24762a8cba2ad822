#include "services/http-api/http_request.h"
#include "common/base/clock.h"
#include "common/base/url_decode.h"
#include "common/log/log.h"
#include "services/http-api/core/tv_json.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    /* An answer can only be given once a body has been read: one that was not announced is read on, and
     * thrown away, up to so many times BODY_MAX. */
    DISCARDED_BODIES = 4,
    EXTRA_HEADERS_MAX = 12,
    DECODED_MAX = 16, /* segments and query values that one handler may take */
    FIRST_BODY_BYTES = 4096,
    PATH_SHOWN_BYTES = 256,
};

struct http_request {
    http_request_parts parts;
    request_state state;
    head_verdict verdict;
    uint64_t began_at_ms;        /* monotonic */
    bool of_tv;                  /* its path is the overview's: refusals are in that envelope */
    char what[PATH_SHOWN_BYTES]; /* method and path, for the log */
    char *body;
    size_t body_bytes, body_capacity, received_bytes;
    str_view segments[ROUTE_SEGMENTS_MAX];
    char *decoded[DECODED_MAX];
    size_t decoded_count;
    const char *extra_headers[EXTRA_HEADERS_MAX][2];
    size_t extra_headers_count;
    unsigned http_status;
    struct MHD_Response *response; /* NULL once answered: memory was out */
};

http_request_t *http_request_new(const http_request_parts *parts, const char *method, const char *path) {
    http_request_t *request = calloc(1, sizeof *request);
    if (request) {
        request->parts = *parts;
        request->began_at_ms = clock_monotonic_ms();
        request->of_tv = tv_json_is_path(path);
        if (log_enabled(LOG_LEVEL_DEBUG)) {
            size_t method_bytes = strcspn(method, " ");
            str_view_escape(str_view_make(method, method_bytes), request->what, 16);
            size_t used = strlen(request->what);
            request->what[used++] = ' ';
            str_view_escape(str_view_of(path), request->what + used, sizeof request->what - used);
        }
    }
    return request;
}

void http_request_free(http_request_t *request) {
    if (request) {
        if (request->response) {
            MHD_destroy_response(request->response);
        }
        for (size_t i = 0; i < request->decoded_count; i++) {
            free(request->decoded[i]);
        }
        free(request->body);
        free(request);
    }
}

static void change_state(http_request_t *request, request_state state) {
    bool resumes = request->state == REQUEST_WAITING && state == REQUEST_ANSWERED;
    request->state = state;
    if (state == REQUEST_WAITING) {
        MHD_suspend_connection(request->parts.connection);
    } else if (resumes) {
        MHD_resume_connection(request->parts.connection);
        http_loop_wake(request->parts.http);
    }
}

head_verdict *http_request_verdict(http_request_t *request) {
    return &request->verdict;
}

const http_identity *http_request_identity(const http_request_t *request) {
    return &request->verdict.identity;
}

bool http_request_may(const http_request_t *request, route_area area) {
    return head_judge_may(request->parts.judge, request->parts.connection, area);
}

request_state http_request_state(const http_request_t *request) {
    return request->state;
}

static size_t body_max(const http_request_t *request) {
    return (size_t)config_integer(request->parts.process->config, SETTING_BODY_MAX);
}

bool http_request_body_is_too_large(const http_request_t *request) {
    return request->received_bytes > body_max(request);
}

static bool keep_body(http_request_t *request, str_view piece) {
    size_t needed = request->body_bytes + piece.len;
    if (needed > request->body_capacity) {
        size_t capacity = request->body_capacity ? request->body_capacity : FIRST_BODY_BYTES;
        while (capacity < needed) {
            capacity *= 2;
        }
        char *body = realloc(request->body, capacity);
        if (!body) {
            return false;
        }
        request->body = body;
        request->body_capacity = capacity;
    }
    memcpy(request->body + request->body_bytes, piece.ptr, piece.len);
    request->body_bytes = needed;
    return true;
}

bool http_request_take_body(http_request_t *request, str_view piece) {
    uint64_t patience_ms = config_ms(request->parts.process->config, SETTING_HTTP_TIMEOUT);
    request->received_bytes += piece.len;
    if (request->received_bytes > DISCARDED_BODIES * body_max(request) ||
        clock_monotonic_ms() - request->began_at_ms > patience_ms) {
        metrics_add(request->parts.process->metrics, METRIC_HTTP_CUT, 1);
        return false;
    }
    return http_request_body_is_too_large(request) || keep_body(request, piece);
}

str_view http_request_body(const http_request_t *request) {
    return str_view_make(request->body, request->body_bytes);
}

/* A copy that lives as long as the request. */
static bool keep_decoded(http_request_t *request, str_view text, url_part part, str_view *ret_value) {
    assert(request->decoded_count < DECODED_MAX);
    char *copy = str_view_dup(text);
    str_view value;
    if (!copy || !url_decode(copy, text.len, part, &value)) {
        free(copy);
        return false;
    }
    copy[value.len] = '\0';
    request->decoded[request->decoded_count++] = copy;
    *ret_value = value;
    return true;
}

bool http_request_take_segments(http_request_t *request, const str_view segments[ROUTE_SEGMENTS_MAX]) {
    for (size_t i = 0; i < ROUTE_SEGMENTS_MAX && segments[i].len > 0; i++) {
        if (!keep_decoded(request, segments[i], URL_PATH, &request->segments[i])) {
            return false;
        }
    }
    return true;
}

str_view http_request_segment(const http_request_t *request, size_t index) {
    assert(index < ROUTE_SEGMENTS_MAX);
    return request->segments[index];
}

bool http_request_query(http_request_t *request, const char *name, str_view *ret_value) {
    const char *value = MHD_lookup_connection_value(request->parts.connection, MHD_GET_ARGUMENT_KIND, name);
    if (!value) {
        *ret_value = (str_view){0};
        return true;
    }
    return keep_decoded(request, str_view_of(value), URL_QUERY, ret_value);
}

typedef struct query_visit {
    void (*visit)(void *context, str_view name, str_view encoded);
    void *context;
} query_visit;

static enum MHD_Result visit_query(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    (void)kind;
    const query_visit *visit = context;
    visit->visit(visit->context, str_view_of(name), str_view_of(value ? value : ""));
    return MHD_YES;
}

void http_request_each_query(const http_request_t *request,
                             void (*visit)(void *context, str_view name, str_view encoded), void *context) {
    query_visit each = {visit, context};
    MHD_get_connection_values(request->parts.connection, MHD_GET_ARGUMENT_KIND, visit_query, &each);
}

const char *http_request_header(const http_request_t *request, const char *name) {
    return MHD_lookup_connection_value(request->parts.connection, MHD_HEADER_KIND, name);
}

const http_request_parts *http_request_parts_of(const http_request_t *request) {
    return &request->parts;
}

void http_request_wait(http_request_t *request) {
    assert(request->state == REQUEST_READING);
    change_state(request, REQUEST_WAITING);
}

void http_request_add_header(http_request_t *request, const char *name, const char *value) {
    assert(request->extra_headers_count < EXTRA_HEADERS_MAX);
    request->extra_headers[request->extra_headers_count][0] = name;
    request->extra_headers[request->extra_headers_count++][1] = value;
}

static void count_answer(const http_request_t *request) {
    metrics_t *metrics = request->parts.process->metrics;
    if (request->http_status >= 500) {
        metrics_add(metrics, METRIC_HTTP_ANSWERS_5XX, 1);
    } else if (request->http_status >= 400) {
        metrics_add(metrics, METRIC_HTTP_ANSWERS_4XX, 1);
    } else {
        metrics_add(metrics, METRIC_HTTP_ANSWERS_2XX, 1);
    }
    log_debug("http.answered", "request=\"%s\" status=%u ms=%" PRIu64, request->what, request->http_status,
              clock_monotonic_ms() - request->began_at_ms);
}

/* Takes `bytes` (heap, or NULL with len_bytes 0). */
static struct MHD_Response *make_response(char *bytes, size_t len_bytes) {
    struct MHD_Response *response = MHD_create_response_from_buffer(
        len_bytes, bytes, bytes ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!response) {
        free(bytes);
    }
    return response;
}

static bool add_headers(const http_request_t *request, struct MHD_Response *response) {
    enum MHD_Result added = MHD_YES;
    for (size_t i = 0; i < request->extra_headers_count && added == MHD_YES; i++) {
        added = MHD_add_response_header(response, request->extra_headers[i][0], request->extra_headers[i][1]);
    }
    if (request->parts.process->draining && added == MHD_YES) {
        added = MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    return added == MHD_YES;
}

/* Takes `response`; NULL: memory was out. */
static void answer(http_request_t *request, unsigned http_status, struct MHD_Response *response) {
    assert(request->state == REQUEST_READING || request->state == REQUEST_WAITING);
    if (response && !add_headers(request, response)) {
        MHD_destroy_response(response);
        response = NULL;
    }
    request->http_status = http_status;
    request->response = response;
    count_answer(request);
    change_state(request, REQUEST_ANSWERED);
}

void http_request_answer_with(http_request_t *request, unsigned http_status, const char *content_type,
                              struct MHD_Response *response) {
    http_request_add_header(request, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
    http_request_add_header(request, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    http_request_add_header(request, "X-Content-Type-Options", "nosniff");
    answer(request, http_status, response);
}

void http_request_answer(http_request_t *request, unsigned http_status, const char *content_type,
                         text_buffer *body) {
    size_t len_bytes = 0;
    char *bytes = text_take(body, &len_bytes);
    http_request_answer_with(request, http_status, content_type,
                             bytes ? make_response(bytes, len_bytes) : NULL);
}

void http_request_answer_empty(http_request_t *request, unsigned http_status) {
    answer(request, http_status, make_response(NULL, 0));
}

static void count_refusal(const http_request_t *request, unsigned http_status) {
    static const struct {
        unsigned http_status;
        metric_id metric;
    } rows[] = {
        {400, METRIC_HTTP_REFUSED_400}, {401, METRIC_HTTP_REFUSED_401}, {403, METRIC_HTTP_REFUSED_403},
        {404, METRIC_HTTP_REFUSED_404}, {405, METRIC_HTTP_REFUSED_405}, {413, METRIC_HTTP_REFUSED_413},
        {414, METRIC_HTTP_REFUSED_414}, {429, METRIC_HTTP_REFUSED_429}, {431, METRIC_HTTP_REFUSED_431},
        {500, METRIC_HTTP_REFUSED_500}, {503, METRIC_HTTP_REFUSED_503}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].http_status == http_status) {
            metrics_add(request->parts.process->metrics, rows[i].metric, 1);
        }
    }
}

void http_request_refuse(http_request_t *request, api_error error, const char *details) {
    text_buffer body = {0};
    if (request->of_tv) {
        tv_json_add_refusal(&body, error, details);
    } else {
        api_error_add_body(&body, error, details);
    }
    count_refusal(request, api_error_http_status(error));
    http_request_answer(request, api_error_http_status(error), "application/json", &body);
}

enum MHD_Result http_request_send(http_request_t *request) {
    assert(request->state == REQUEST_ANSWERED);
    change_state(request, REQUEST_SENDING);
    if (!request->response) {
        return MHD_NO;
    }
    return MHD_queue_response(request->parts.connection, request->http_status, request->response);
}
