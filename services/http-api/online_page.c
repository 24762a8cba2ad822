#include "services/http-api/online_page.h"
#include "services/http-api/asking.h"
#include "services/http-api/core/list_cursor.h"
#include "services/http-api/core/online_json.h"
#include "services/http-api/core/whole_number.h"
#include "services/http-api/core_questions.h"
#include "services/http-api/query_request.h"
#include <stdlib.h>

enum { LIMIT_DEFAULT = 100 };

typedef struct online_page {
    http_request_t *request;
    bool full;
} online_page;

static void answer_with(const online_page *list, const Zp__OnlineReply *page) {
    text_buffer body = {0};
    str_view last = {0};
    online_json_begin(&body);
    for (size_t i = 0; i < page->n_users; i++) {
        const Zp__UserState *user = page->users[i]->state;
        presence_status status = (presence_status)user->status;
        last = str_view_of(user->user_id);
        online_json_add(&body, last, list->full ? status : status_basic(status), user->last_seen_ms,
                        user->since_ms);
    }
    online_json_end(&body, page->total, page->last ? (str_view){0} : last);
    http_request_answer(list->request, MHD_HTTP_OK, "application/json", &body);
}

static void on_answer(void *context, const Zp__CoreToApi *answer) {
    online_page *page = context;
    const Zp__OnlineReply *reply = answer ? answer->online_reply : NULL;
    const char *details = NULL;
    api_error error = asking_refusal(reply ? &reply->outcome : NULL, &details);
    if (error == API_OK) {
        answer_with(page, reply);
    } else {
        http_request_refuse(page->request, error, details);
    }
    free(page);
}

static void ask(core_link_t *cores, http_request_t *request, const char *after, uint32_t most, bool full) {
    online_page *list = malloc(sizeof *list);
    if (!list) {
        http_request_refuse(request, API_NO_MEMORY, NULL);
        return;
    }
    *list = (online_page){request, full};
    if (ask_online(cores, after, most, on_answer, list) != ZP_OK) {
        http_request_refuse(request, API_UNAVAILABLE, "too many questions are under way");
        free(list);
        return;
    }
    http_request_wait(request);
}

void online_page_handle(const process_t *process, core_link_t *cores, http_request_t *request) {
    str_view limit_text, cursor;
    uint64_t limit = LIMIT_DEFAULT;
    char after[LIST_CURSOR_USER_BYTES] = "";
    bool full = false;
    api_error error = query_request_statuses(request, &full);
    if (!config_bool(process->config, SETTING_PRESENCE_ENABLED)) {
        http_request_refuse(request, API_DISABLED, NULL);
    } else if (error != API_OK) {
        http_request_refuse(request, error, NULL);
    } else if (!http_request_query(request, "limit", &limit_text) ||
               !http_request_query(request, "cursor", &cursor)) {
        http_request_refuse(request, API_MALFORMED_TARGET, NULL);
    } else if (limit_text.ptr && !whole_number_parse(limit_text, 1, VALID_ONLINE_USERS_MAX, &limit)) {
        http_request_refuse(request, API_INVALID_LIMIT, "1 to 500");
    } else if (cursor.len > 0 && !list_cursor_read(cursor, after)) {
        http_request_refuse(request, API_INVALID_CURSOR, NULL);
    } else {
        ask(cores, request, after, (uint32_t)limit, full);
    }
}
