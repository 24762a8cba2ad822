#include "services/http-api/status_query.h"
#include "services/http-api/core/bulk_query.h"
#include "services/http-api/core_questions.h"
#include "services/http-api/query_request.h"
#include <stdlib.h>

static_assert((int)BULK_USER_ID_MAX_BYTES == (int)VALID_USER_ID_MAX_BYTES,
              "the bus takes what a client may ask");

/* A question under way. */
typedef struct status_query {
    http_request_t *request;
    core_link_t *cores;
    size_t user_ids_count;
} status_query;

static const char *why_not(Zp__Outcome outcome) {
    switch (outcome) {
    case ZP__OUTCOME__OUTCOME_UNAVAILABLE:
        return "presence-core cannot reach Redis";
    case ZP__OUTCOME__OUTCOME_REBUILDING:
        return "presence is being rebuilt after a loss of data";
    case ZP__OUTCOME__OUTCOME_OK:
        return "presence-core answered for other users than were asked";
    case ZP__OUTCOME__OUTCOME_UNKNOWN:
    case ZP__OUTCOME__OUTCOME_FENCED:
    case ZP__OUTCOME__OUTCOME_TRIMMED:
    case ZP__OUTCOME__OUTCOME_INVALID:
    case _ZP__OUTCOME_IS_INT_SIZE:
        break;
    }
    return "presence-core refused the query";
}

static void answer_with(http_request_t *request, const Zp__StatusReply *reply) {
    text_buffer body = {0};
    bulk_answer_begin(&body);
    for (size_t i = 0; i < reply->n_users; i++) {
        const Zp__UserState *user = reply->users[i];
        bulk_answer_add(&body, str_view_of(user->user_id), (presence_status)user->status, user->last_seen_ms);
    }
    bulk_answer_end(&body);
    http_request_answer(request, MHD_HTTP_OK, "application/json", &body);
}

static void on_answer(void *context, const Zp__CoreToApi *answer) {
    status_query *query = context;
    if (!answer) {
        http_request_refuse(query->request, API_FETCH_FAILED,
                            core_link_live_count(query->cores) == 0 ? "no presence-core answers"
                                                                    : "presence-core did not answer in time");
    } else if (answer->status_reply->outcome == ZP__OUTCOME__OUTCOME_OK &&
               answer->status_reply->n_users == query->user_ids_count) {
        answer_with(query->request, answer->status_reply);
    } else {
        http_request_refuse(query->request, API_FETCH_FAILED, why_not(answer->status_reply->outcome));
    }
    free(query);
}

/* `user_ids` are borrowed. */
static void ask(core_link_t *cores, http_request_t *request, char **user_ids, size_t user_ids_count) {
    status_query *query = malloc(sizeof *query);
    if (!query) {
        http_request_refuse(request, API_NO_MEMORY, NULL);
        return;
    }
    *query = (status_query){request, cores, user_ids_count};
    if (ask_status(cores, user_ids, user_ids_count, on_answer, query) != ZP_OK) {
        http_request_refuse(request, API_FETCH_FAILED, "too many queries are under way");
        free(query);
        return;
    }
    http_request_wait(request);
}

static void answer_for(const process_t *process, core_link_t *cores, http_request_t *request, char **user_ids,
                       size_t user_ids_count) {
    metrics_add(process->metrics, METRIC_HTTP_IDS_ASKED, (int64_t)user_ids_count);
    if (user_ids_count == 0) {
        answer_with(request, &(Zp__StatusReply)ZP__STATUS_REPLY__INIT);
    } else {
        ask(cores, request, user_ids, user_ids_count);
    }
}

void status_query_handle(const process_t *process, core_link_t *cores, http_request_t *request) {
    if (!config_bool(process->config, SETTING_PRESENCE_ENABLED)) {
        http_request_refuse(request, API_DISABLED, NULL);
        return;
    }
    size_t ids_max = (size_t)config_integer(process->config, SETTING_BULK_MAX_IDS);
    bulk_query parsed;
    api_error error = bulk_query_parse(http_request_body(request), ids_max, &parsed);
    if (error != API_OK) {
        query_request_refuse_ids(request, error, ids_max);
        return;
    }
    answer_for(process, cores, request, parsed.user_ids, parsed.user_ids_count);
    bulk_query_free(&parsed);
}

void status_query_handle_get(const process_t *process, core_link_t *cores, http_request_t *request) {
    if (!config_bool(process->config, SETTING_PRESENCE_ENABLED)) {
        http_request_refuse(request, API_DISABLED, NULL);
        return;
    }
    size_t ids_max = (size_t)config_integer(process->config, SETTING_BULK_MAX_IDS);
    query_ids ids = {0};
    api_error error = query_request_ids(request, ids_max, &ids);
    if (error == API_OK && !ids.named) {
        error = API_IDS_MISSING;
    }
    if (error == API_OK) {
        answer_for(process, cores, request, ids.user_ids, ids.count);
    } else {
        query_request_refuse_ids(request, error, ids_max);
    }
    query_ids_free(&ids);
}
