/* routes - every endpoint: method, path, whether pages of other origins may call it, handler, area, and whose
 * it is that is written (http_route.h). To add one: a row, a handler, its path in openapi.json, its refusals
 * in core/api_error.h. */
#include "services/http-api/account_contacts.h"
#include "services/http-api/account_profile.h"
#include "services/http-api/account_sessions.h"
#include "services/http-api/api.h"
#include "services/http-api/can_call.h"
#include "services/http-api/explain_query.h"
#include "services/http-api/online_page.h"
#include "services/http-api/online_users.h"
#include "services/http-api/openapi.h"
#include "services/http-api/presence_stats.h"
#include "services/http-api/presence_stream.h"
#include "services/http-api/presence_update.h"
#include "services/http-api/status_query.h"
#include "services/http-api/system_pages.h"

static void handle_status(void *context, http_request_t *request) {
    api_t *api = context;
    status_query_handle(&api->process, api->cores, request);
}

static void handle_status_get(void *context, http_request_t *request) {
    api_t *api = context;
    status_query_handle_get(&api->process, api->cores, request);
}

static void handle_online(void *context, http_request_t *request) {
    api_t *api = context;
    online_page_handle(&api->process, api->cores, request);
}

static void handle_stats(void *context, http_request_t *request) {
    presence_stats_handle(((api_t *)context)->watch, request);
}

static void handle_stream(void *context, http_request_t *request) {
    api_t *api = context;
    presence_stream_handle(&api->process, api->streams, request);
}

static void handle_explain(void *context, http_request_t *request) {
    explain_query_handle(((api_t *)context)->cores, request);
}

static void handle_presence(void *context, http_request_t *request) {
    api_t *api = context;
    presence_update_handle(&api->process, api->heartbeats, request);
}

static void handle_online_users(void *context, http_request_t *request) {
    api_t *api = context;
    online_users_handle(&api->process, api->cores, request);
}

static void handle_can_call(void *context, http_request_t *request) {
    api_t *api = context;
    can_call_handle(&api->process, api->cores, request);
}

static void handle_health(void *context, http_request_t *request) {
    system_pages_health(((api_t *)context)->watch, request);
}

static void handle_front(void *context, http_request_t *request) {
    system_pages_front(((api_t *)context)->watch, request);
}

static void handle_metrics(void *context, http_request_t *request) {
    system_pages_metrics(&((api_t *)context)->process, request);
}

/* The accounts' handlers (account_*.h) see this part of the api. X(handler) */
#define ACCOUNT_HANDLERS(X)                                                                                  \
    X(account_register)                                                                                      \
    X(account_profile_get)                                                                                   \
    X(account_profile_put)                                                                                   \
    X(account_active)                                                                                        \
    X(account_session_start)                                                                                 \
    X(account_session_end)                                                                                   \
    X(account_contacts_get)                                                                                  \
    X(account_contacts_post)                                                                                 \
    X(account_contact_get)                                                                                   \
    X(account_contact_post)                                                                                  \
    X(account_contact_patch)                                                                                 \
    X(account_contact_delete)

#define X(handler)                                                                                           \
    static void handle_##handler(void *context, http_request_t *request) {                                   \
        const api_t *api = context;                                                                          \
        handler(&(account_api){&api->process, api->cores}, request);                                         \
    }
ACCOUNT_HANDLERS(X)
#undef X

static void handle_metrics_all(void *context, http_request_t *request) {
    metrics_all_handle(((api_t *)context)->metrics_all, request);
}

static void handle_ops_health(void *context, http_request_t *request) {
    system_pages_ops_health(((api_t *)context)->watch, request);
}

static void handle_services(void *context, http_request_t *request) {
    system_pages_services(((api_t *)context)->watch, request);
}

static void handle_openapi(void *context, http_request_t *request) {
    (void)context;
    openapi_handle(request);
}

/* Of two that fit the first counts: a profile of "contacts" is one, and the contacts of a user "profile" are
 * at /api/users/%70rofile/contacts. */
const http_route api_routes[] = {
    {"POST", "/api/presence/status", true, handle_status, AREA_READ, OWNER_UNKNOWN},
    {"GET", "/api/presence/status", true, handle_status_get, AREA_READ, OWNER_UNKNOWN},
    {"GET", "/api/presence/online", true, handle_online, AREA_READ, OWNER_UNKNOWN},
    {"GET", "/api/presence/stats", true, handle_stats, AREA_READ, OWNER_UNKNOWN},
    {"GET", "/api/presence/stream", true, handle_stream, AREA_READ, OWNER_UNKNOWN},
    {"GET", "/api/presence/explain/*", false, handle_explain, AREA_OPS, OWNER_UNKNOWN},
    {"POST", "/api/calls/presence", true, handle_presence, AREA_WRITE, OWNER_IN_BODY},
    {"GET", "/api/calls/online-users", true, handle_online_users, AREA_READ, OWNER_UNKNOWN},
    {"GET", "/api/calls/can-call", true, handle_can_call, AREA_READ, OWNER_UNKNOWN},
    {"POST", "/api/users/register", true, handle_account_register, AREA_WRITE, OWNER_IN_BODY},
    {"GET", "/api/users/profile/*", true, handle_account_profile_get, AREA_READ, OWNER_UNKNOWN},
    {"PUT", "/api/users/profile/*", true, handle_account_profile_put, AREA_WRITE, OWNER_IN_PATH},
    {"POST", "/api/users/session/start", true, handle_account_session_start, AREA_WRITE, OWNER_IN_BODY},
    {"POST", "/api/users/session/end", true, handle_account_session_end, AREA_WRITE, OWNER_SECRET},
    {"GET", "/api/users/active", true, handle_account_active, AREA_READ, OWNER_UNKNOWN},
    {"GET", "/api/users/*/contacts", true, handle_account_contacts_get, AREA_READ, OWNER_UNKNOWN},
    {"POST", "/api/users/*/contacts", true, handle_account_contacts_post, AREA_WRITE, OWNER_IN_PATH},
    {"GET", "/api/users/*/contacts/*", true, handle_account_contact_get, AREA_READ, OWNER_UNKNOWN},
    {"POST", "/api/users/*/contacts/*", true, handle_account_contact_post, AREA_WRITE, OWNER_IN_PATH},
    {"PATCH", "/api/users/*/contacts/*", true, handle_account_contact_patch, AREA_WRITE, OWNER_IN_PATH},
    {"DELETE", "/api/users/*/contacts/*", true, handle_account_contact_delete, AREA_WRITE, OWNER_IN_PATH},
    {"GET", "/api/ops/health", false, handle_ops_health, AREA_OPS, OWNER_UNKNOWN},
    {"GET", "/api/ops/services", false, handle_services, AREA_OPS, OWNER_UNKNOWN},
    {"GET", "/api/openapi.json", true, handle_openapi, AREA_OPEN, OWNER_UNKNOWN},
    {"GET", "/health", false, handle_health, AREA_OPEN, OWNER_UNKNOWN},
    {"GET", "/metrics", false, handle_metrics, AREA_OPS, OWNER_UNKNOWN},
    {"GET", "/metrics/all", false, handle_metrics_all, AREA_OPS, OWNER_UNKNOWN},
    {"GET", "/", false, handle_front, AREA_OPEN, OWNER_UNKNOWN},
};

const size_t api_routes_count = sizeof api_routes / sizeof *api_routes;
