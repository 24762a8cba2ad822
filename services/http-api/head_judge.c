#include "services/http-api/head_judge.h"
#include "common/base/clock.h"
#include "common/http/trusted_proxies.h"
#include "common/limits/address_limits.h"
#include "common/limits/client_address.h"
#include "common/log/log.h"
#include <stdlib.h>

struct head_judge {
    const process_t *process;
    const http_route *routes;
    size_t routes_count;
    http_auth_t *auth;
    address_limits_t *clients;
    address_list proxies;
};

static size_t size_setting(const head_judge_t *judge, setting_id id) {
    return (size_t)config_integer(judge->process->config, id);
}

/* -- the headers, looked at once -- */

typedef struct head_survey {
    unsigned length_headers, credentials[2];
    bool malformed;
    forwarded_lines forwarded;
    const char *content_length;
    size_t bytes;
} head_survey;

static enum MHD_Result survey_header(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value) {
    (void)kind;
    static const char token_bytes[] = "!#$%&'*+-.^_`|~0123456789"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    head_survey *survey = context;
    str_view header_name = str_view_of(name);
    const char *text = value ? value : "";
    survey->bytes += header_name.len + strlen(text) + sizeof ": \r\n" - 1;
    if (header_name.len == 0 || strspn(name, token_bytes) != header_name.len) {
        survey->malformed = true;
    } else if (str_view_equal_ignoring_case(header_name, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
        survey->length_headers++;
        survey->content_length = text;
    } else if (str_view_equal_ignoring_case(header_name, MHD_HTTP_HEADER_TRANSFER_ENCODING)) {
        survey->length_headers++;
        survey->malformed |= !str_view_equal_ignoring_case(str_view_trim(str_view_of(text)), "chunked");
    } else if (str_view_equal_ignoring_case(header_name, MHD_HTTP_HEADER_AUTHORIZATION)) {
        survey->malformed |= survey->credentials[0]++ > 0; /* of two, which one counts? */
    } else if (str_view_equal_ignoring_case(header_name, "X-API-Key")) {
        survey->malformed |= survey->credentials[1]++ > 0;
    } else if (str_view_equal_ignoring_case(header_name, "X-Forwarded-For")) {
        forwarded_lines_add(&survey->forwarded, str_view_of(text));
    }
    return MHD_YES;
}

static enum MHD_Result survey_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                       const char *value) {
    (void)kind;
    *(size_t *)context += strlen(name) + (value ? strlen(value) + 1 : 0) + 1;
    return MHD_YES;
}

/* Requests of which two readers may see two ends are how requests are smuggled past a gateway (RFC 9112, 5.1
 * and 6.3): libmicrohttpd lets them through. */
static bool is_malformed(const head_survey *survey) {
    return survey->malformed || survey->length_headers > 1;
}

static bool announces_too_much(const head_judge_t *judge, const head_survey *survey) {
    return survey->content_length &&
           strtoull(survey->content_length, NULL, 10) >
               (unsigned long long)config_integer(judge->process->config, SETTING_BODY_MAX);
}

/* -- clients -- */

static client_network client_of(const head_judge_t *judge, struct MHD_Connection *connection,
                                const head_survey *survey) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    ip_address peer;
    if (!info || !info->client_addr || !ip_address_of(info->client_addr, &peer)) {
        return 0;
    }
    ip_address client = client_address_find(&judge->proxies, peer, &survey->forwarded);
    return client_network_of_ip(&client);
}

static bool takes_one_more(head_judge_t *judge, struct MHD_Connection *connection,
                           const head_survey *survey) {
    bool taken =
        address_limits_take(judge->clients, client_of(judge, connection, survey), clock_monotonic_ms());
    metrics_set(judge->process->metrics, METRIC_HTTP_CLIENTS_FORGOTTEN,
                (int64_t)address_limits_forgotten_count(judge->clients));
    return taken;
}

/* -- routes -- */

static const http_route *find_route(const head_judge_t *judge, const char *method, const char *path,
                                    str_view segments[ROUTE_SEGMENTS_MAX]) {
    const char *wanted = method && strcmp(method, MHD_HTTP_METHOD_HEAD) == 0 ? MHD_HTTP_METHOD_GET : method;
    for (size_t i = 0; i < judge->routes_count; i++) {
        const http_route *route = &judge->routes[i];
        if ((!wanted || strcmp(route->method, wanted) == 0) &&
            route_path_matches(route->path, path, segments)) {
            return route;
        }
    }
    return NULL;
}

static void find_routes(const head_judge_t *judge, const char *method, const char *path,
                        head_verdict *verdict) {
    verdict->of_path = find_route(judge, NULL, path, verdict->segments);
    verdict->route = find_route(judge, method, path, verdict->segments);
    verdict->preflight =
        verdict->of_path && verdict->of_path->other_origins && strcmp(method, MHD_HTTP_METHOD_OPTIONS) == 0;
}

static size_t target_bytes(struct MHD_Connection *connection, const char *path) {
    size_t bytes = strlen(path);
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, survey_argument, &bytes);
    return bytes;
}

/* What costs least comes first; who floods pays for nothing else. */
static api_error refusal_of(head_judge_t *judge, struct MHD_Connection *connection, const char *path,
                            const head_survey *survey, head_verdict *verdict) {
    size_t of_target = target_bytes(connection, path);
    if (is_malformed(survey)) {
        return API_MALFORMED_HEAD;
    }
    if (!takes_one_more(judge, connection, survey)) {
        return API_RATE_LIMITED;
    }
    if (of_target > size_setting(judge, SETTING_HTTP_TARGET_MAX)) {
        return API_TARGET_TOO_LONG;
    }
    if (of_target + survey->bytes > size_setting(judge, SETTING_HTTP_HEAD_MAX)) {
        return API_HEAD_TOO_LARGE;
    }
    if (!verdict->of_path) {
        return API_NOT_FOUND;
    }
    if (verdict->preflight) {
        return API_OK;
    }
    if (!verdict->route) {
        return API_METHOD_NOT_ALLOWED;
    }
    if (announces_too_much(judge, survey)) {
        return API_BODY_TOO_LARGE;
    }
    return http_auth_check(judge->auth, connection, verdict->route->area, &verdict->identity);
}

void head_judge_judge(head_judge_t *judge, struct MHD_Connection *connection, const char *method,
                      const char *path, head_verdict *ret_verdict) {
    head_survey survey = {0};
    *ret_verdict = (head_verdict){0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, survey_header, &survey);
    ret_verdict->has_body =
        survey.length_headers > 0 && !(survey.content_length && strcmp(survey.content_length, "0") == 0);
    find_routes(judge, method, path, ret_verdict);
    ret_verdict->refusal = refusal_of(judge, connection, path, &survey, ret_verdict);
}

bool head_judge_may(const head_judge_t *judge, struct MHD_Connection *connection, route_area area) {
    http_identity identity;
    return http_auth_check(judge->auth, connection, area, &identity) == API_OK;
}

/* -- -- */

bool head_judge_is_usable(const config_t *config) {
    address_list proxies;
    bool has_proxies = trusted_proxies_load(&proxies, config) == ZP_OK;
    return http_auth_is_usable(config) && has_proxies;
}

zp_error head_judge_new(head_judge_t **ret_judge, const process_t *process, const http_route *routes,
                        size_t routes_count) {
    const config_t *config = process->config;
    head_judge_t *judge = calloc(1, sizeof *judge);
    if (!judge) {
        return ZP_NO_MEMORY;
    }
    judge->process = process;
    judge->routes = routes;
    judge->routes_count = routes_count;
    judge->clients = address_limits_new((uint32_t)config_integer(config, SETTING_HTTP_REQUESTS_PER_CLIENT), 0,
                                        (size_t)config_integer(config, SETTING_ADDRESSES_MAX));
    zp_error error = judge->clients ? http_auth_new(&judge->auth, config) : ZP_NO_MEMORY;
    if (error == ZP_OK) {
        error = trusted_proxies_load(&judge->proxies, config);
    }
    if (error != ZP_OK) {
        head_judge_destroy(&judge);
        return error;
    }
    *ret_judge = judge;
    return ZP_OK;
}

void head_judge_destroy(head_judge_t **self) {
    head_judge_t *judge = *self;
    if (judge) {
        *self = NULL;
        address_limits_destroy(&judge->clients);
        http_auth_destroy(&judge->auth);
        free(judge);
    }
}
