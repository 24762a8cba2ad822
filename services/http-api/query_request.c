#include "services/http-api/query_request.h"
#include <stdio.h>

typedef struct ids_visit {
    query_ids *ids;
    size_t ids_max;
    api_error error;
} ids_visit;

static void visit(void *context, str_view name, str_view encoded) {
    ids_visit *each = context;
    bool is_list = str_view_equal(name, str_view_of("userIds"));
    if (each->error == API_OK && (is_list || str_view_equal(name, str_view_of("userId")))) {
        each->error = query_ids_add(each->ids, encoded, is_list, each->ids_max);
    }
}

api_error query_request_ids(const http_request_t *request, size_t ids_max, query_ids *ret_ids) {
    ids_visit each = {ret_ids, ids_max, API_OK};
    http_request_each_query(request, visit, &each);
    return each.error == API_OK ? query_ids_finish(ret_ids) : each.error;
}

void query_request_refuse_ids(http_request_t *request, api_error error, size_t ids_max) {
    char details[64];
    (void)snprintf(details, sizeof details, "at most %zu", ids_max);
    http_request_refuse(request, error, error == API_TOO_MANY_IDS ? details : NULL);
}

api_error query_request_statuses(http_request_t *request, bool *ret_full) {
    str_view statuses;
    if (!http_request_query(request, "statuses", &statuses)) {
        return API_MALFORMED_TARGET;
    }
    *ret_full = str_view_equal(statuses, str_view_of("full"));
    bool known = !statuses.ptr || *ret_full || str_view_equal(statuses, str_view_of("basic"));
    return known ? API_OK : API_INVALID_STATUSES;
}
