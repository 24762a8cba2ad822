#include "services/http-api/account_ask.h"
#include "common/base/random.h"
#include "services/http-api/asking.h"
#include "services/http-api/core_questions.h"
#include <stdlib.h>

/* A question under way. */
typedef struct account_question {
    http_request_t *request;
    account_answer_fn *answer;
    bool has_session;
    account_session session;
} account_question;

bool account_is_enabled(const account_api *api, http_request_t *request) {
    bool is_enabled = config_bool(api->process->config, SETTING_PRESENCE_ENABLED);
    if (!is_enabled) {
        http_request_refuse(request, API_DISABLED, NULL);
    }
    return is_enabled;
}

bool account_take_body(const account_api *api, http_request_t *request, unsigned reads, bool may_be_empty,
                       account_body *ret_body) {
    const config_t *config = api->process->config;
    const account_limits limits = {
        .display_name_max_bytes = (size_t)config_integer(config, SETTING_DISPLAY_NAME_MAX),
        .metadata_max_bytes = (size_t)config_integer(config, SETTING_METADATA_MAX),
    };
    const char *details = NULL;
    api_error error =
        account_body_parse(http_request_body(request), reads, may_be_empty, &limits, ret_body, &details);
    if (error == API_FIELD_TOO_LARGE) {
        metrics_add(api->process->metrics, METRIC_HTTP_FIELDS_TOO_LARGE, 1);
    }
    if (error != API_OK) {
        http_request_refuse(request, error, details);
    }
    return error == API_OK;
}

char *account_path_user(http_request_t *request, size_t segment) {
    str_view user = http_request_segment(request, segment);
    if (asking_is_user(user)) {
        return (char *)user.ptr; /* protobuf-c's structs borrow, and know no const */
    }
    http_request_refuse(request, API_INVALID_USER, NULL);
    return NULL;
}

account_view account_view_of(const Zp__AccountReply *reply, size_t index) {
    const Zp__Account *account = reply->accounts[index];
    return (account_view){
        .username = account->username,
        .display_name = account->display_name,
        .device_type = account->device_type,
        .metadata = account->metadata,
        .created_at_ms = account->created_at_ms,
        .last_seen_ms = account->last_seen_ms,
        .total_sessions = account->total_sessions,
        .status = (presence_status)account->status,
        .since_ms = account->since_ms,
        .presence_last_seen_ms = account->presence_last_seen_ms,
        .presence_known = reply->presence_known,
        .is_online = account->is_online,
        .is_favorite = account->is_favorite,
        .added_at_ms = account->added_at_ms,
    };
}

void account_add_one(text_buffer *body, const char *key, account_shape shape, const Zp__AccountReply *reply) {
    if (reply->n_accounts == 1) {
        account_view account = account_view_of(reply, 0);
        json_add_key(body, key);
        account_json_add(body, shape, &account);
    }
}

/* -- asking -- */

static api_error refusal_of(Zp__AccountResult result) {
    switch (result) {
    case ZP__ACCOUNT_RESULT__RESULT_DONE:
    case ZP__ACCOUNT_RESULT__RESULT_CREATED:
        return API_OK;
    case ZP__ACCOUNT_RESULT__RESULT_NO_USER:
        return API_USER_UNKNOWN;
    case ZP__ACCOUNT_RESULT__RESULT_NOBODY:
        return API_NOBODY;
    case ZP__ACCOUNT_RESULT__RESULT_NO_CONTACT:
        return API_CONTACT_UNKNOWN;
    case ZP__ACCOUNT_RESULT__RESULT_NO_SESSION:
        return API_SESSION_UNKNOWN;
    case ZP__ACCOUNT_RESULT__RESULT_CONTACTS_FULL:
        return API_TOO_MANY_CONTACTS;
    case ZP__ACCOUNT_RESULT__RESULT_ACCOUNTS_FULL:
        return API_TOO_MANY_ACCOUNTS;
    case ZP__ACCOUNT_RESULT__RESULT_UNKNOWN: /* not valid */
    case _ZP__ACCOUNT_RESULT_IS_INT_SIZE:
        break;
    }
    return API_UNAVAILABLE;
}

static void answer_with(const account_question *question, const Zp__AccountReply *reply) {
    text_buffer body = {0};
    tv_json_begin(&body);
    question->answer(&body, reply, question->has_session ? &question->session : NULL);
    tv_json_end(&body);
    http_request_answer(question->request, MHD_HTTP_OK, "application/json", &body);
}

static api_error why_none(const Zp__AccountReply *reply, const char **ret_details) {
    api_error error = asking_refusal(reply ? &reply->outcome : NULL, ret_details);
    return error == API_OK ? refusal_of(reply->result) : error;
}

static void on_answer(void *context, const Zp__CoreToApi *answer) {
    account_question *question = context;
    const Zp__AccountReply *reply = answer ? answer->account_reply : NULL;
    const char *details = NULL;
    api_error error = why_none(reply, &details);
    if (error == API_OK) {
        answer_with(question, reply);
    } else {
        http_request_refuse(question->request, error, details);
    }
    free(question);
}

void account_ask(const account_api *api, http_request_t *request, Zp__AccountQuery *query, bool writes,
                 account_answer_fn *answer, const account_session *session) {
    static_assert(RANDOM_HEX_BYTES == VALID_NONCE_BYTES + 1, "a nonce is one random text");
    char nonce[RANDOM_HEX_BYTES];
    account_question *question = malloc(sizeof *question);
    if (!question) {
        http_request_refuse(request, API_NO_MEMORY, NULL);
        return;
    }
    *question = (account_question){.request = request, .answer = answer, .has_session = session != NULL};
    if (session) {
        question->session = *session;
    }
    if (writes) {
        query->nonce = (char *)random_hex(nonce);
    }
    if (ask_account(api->cores, query, on_answer, question) != ZP_OK) {
        http_request_refuse(request, API_UNAVAILABLE, "too many questions are under way");
        free(question);
    } else {
        http_request_wait(request);
    }
}
