#include "services/http-api/can_call.h"
#include "services/http-api/asking.h"
#include "services/http-api/core/online_list.h"
#include "services/http-api/core/tv_json.h"
#include "services/http-api/core_questions.h"

static void answer_with(http_request_t *request, bool allowed, const char *reason) {
    text_buffer body = {0};
    tv_json_begin(&body);
    text_add_format(&body, ",\"allowed\":%s,\"reason\":\"%s\"}", allowed ? "true" : "false", reason);
    http_request_answer(request, MHD_HTTP_OK, "application/json", &body);
}

static void on_answer(void *context, const Zp__CoreToApi *message) {
    http_request_t *request = context;
    const char *details = NULL;
    api_error refusal = asking_refusal(message ? &message->directory_reply->outcome : NULL, &details);
    if (refusal == API_OK && message->directory_reply->n_users != 1) {
        refusal = API_UNAVAILABLE;
    }
    if (refusal != API_OK) {
        http_request_refuse(request, refusal, details);
        return;
    }
    const Zp__DirectoryUser *callee = message->directory_reply->users[0];
    presence_status status = (presence_status)callee->status;
    bool allowed = online_list_is_online(status, callee->fresh);
    answer_with(request, allowed, status == STATUS_ONLINE && !allowed ? "stale" : status_name(status));
}

void can_call_handle(const process_t *process, core_link_t *cores, http_request_t *request) {
    str_view caller, callee;
    if (!config_bool(process->config, SETTING_PRESENCE_ENABLED)) {
        http_request_refuse(request, API_DISABLED, NULL);
    } else if (!http_request_query(request, "caller", &caller) ||
               !http_request_query(request, "callee", &callee)) {
        http_request_refuse(request, API_MALFORMED_TARGET, NULL);
    } else if (caller.len == 0 || callee.len == 0) {
        http_request_refuse(request, API_USERNAME_MISSING, "caller and callee");
    } else if (!asking_is_user(caller) || !asking_is_user(callee)) {
        http_request_refuse(request, API_INVALID_USER, NULL);
    } else if (str_view_equal(caller, callee)) {
        answer_with(request, false, "self");
    } else {
        Zp__DirectoryQuery query = ZP__DIRECTORY_QUERY__INIT;
        query.scope = ZP__DIRECTORY_SCOPE__DIRECTORY_ONE;
        query.after = (char *)callee.ptr; /* protobuf-c's structs borrow, and know no const */
        query.most = 1;
        if (ask_directory(cores, &query, on_answer, request) != ZP_OK) {
            http_request_refuse(request, API_UNAVAILABLE, "too many questions are under way");
        } else {
            http_request_wait(request);
        }
    }
}
