/* account_query - accounts, their sessions and contacts: each question is one script (scripts/account_*.lua).
 * What reads presence waits while that is being rebuilt; what writes does not, and says that it knows none.
 */
#include "proto/valid.h"
#include "services/presence-core/account_rows.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"

/* Answers are packed before the next is filled: one is enough. */
static account_list accounts;

static void fill(Zp__CoreToApi *message, Zp__AccountReply *body, uint64_t id, Zp__Outcome outcome,
                 Zp__Position *position) {
    zp__account_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    body->position = position;
    zp__core_to_api__init(message);
    message->body_case = ZP__CORE_TO_API__BODY_ACCOUNT_REPLY;
    message->account_reply = body;
}

void account_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    Zp__CoreToApi message;
    Zp__AccountReply body;
    Zp__Position position;
    fill(&message, &body, id, outcome, known_position(question->core, &position));
    question_answer(question, &message.base);
}

/* Whether the answer is about presence: without it there is none. */
static bool reads_presence(script_id script) {
    return script == SCRIPT_ACCOUNT_READ || script == SCRIPT_ACCOUNT_ACTIVE ||
           script == SCRIPT_ACCOUNT_CONTACTS;
}

static void count(const presence_core *core, const script_call_t *call, const redisReply *reply,
                  Zp__AccountResult result) {
    metrics_t *metrics = core->process.metrics;
    metrics_add(metrics, METRIC_CORE_ACCOUNTS_CREATED, (int64_t)reply_number(reply->element[3]));
    metrics_add(metrics, METRIC_CORE_SESSIONS_DISPLACED, (int64_t)reply_number(reply->element[4]));
    metrics_add(metrics, METRIC_CORE_SESSIONS_STARTED,
                call->script == SCRIPT_ACCOUNT_SESSION && result == ZP__ACCOUNT_RESULT__RESULT_DONE);
    metrics_add(metrics, METRIC_CORE_CONTACTS_FULL, result == ZP__ACCOUNT_RESULT__RESULT_CONTACTS_FULL);
    metrics_add(metrics, METRIC_CORE_ACCOUNTS_FULL, result == ZP__ACCOUNT_RESULT__RESULT_ACCOUNTS_FULL);
}

static void on_answer(void *context, call_result result, const script_call_t *call, const redisReply *reply) {
    request_t *request = context;
    Zp__CoreToApi message;
    Zp__AccountReply body;
    Zp__Position position;
    if (request_check_reply(request, result, reply, ACCOUNT_PARTS) != ZP_OK) {
        request_unavailable(request, account_query_answer);
        return;
    }
    request_position(request, reply->element[0], &position);
    fill(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK, &position);
    if (!account_rows_read(&accounts, reply, &body)) {
        request_unavailable(request, account_query_answer);
        return;
    }
    count(request->core, call, reply, body.result);
    if (!body.presence_known && reads_presence(call->script)) {
        fill(&message, &body, request->id, ZP__OUTCOME__OUTCOME_REBUILDING, &position);
    }
    request_answer(request, &message.base);
    request_end(request);
}

/* -- what each script is given -- */

static void add_given(arguments_t *arguments, const char *field, const Zp__Given *given) {
    if (given) {
        arguments_add(arguments, str_view_of(field));
        arguments_add(arguments, str_view_of(given->text));
    }
}

static void add_setting(arguments_t *arguments, const config_t *config, setting_id setting) {
    arguments_add_number(arguments, (uint64_t)config_integer(config, setting));
}

static void add_write(arguments_t *arguments, const config_t *config, const Zp__AccountWrite *write) {
    arguments_add_number(arguments, write->creates ? 1 : 0);
    add_setting(arguments, config, SETTING_ACCOUNTS_MAX);
    add_given(arguments, "display_name", write->display_name);
    add_given(arguments, "device_type", write->device_type);
    add_given(arguments, "metadata", write->metadata);
}

static void add_session(arguments_t *arguments, const config_t *config, const Zp__SessionStart *start) {
    add_setting(arguments, config, SETTING_ACCOUNTS_MAX);
    add_setting(arguments, config, SETTING_SESSIONS_PER_USER);
    arguments_add_number(arguments, config_ms(config, SETTING_SESSION_TTL));
    arguments_add(arguments, str_view_of(start->token));
    arguments_add(arguments, str_view_of(start->session_type));
    arguments_add(arguments, str_view_of(start->room_name));
}

static void add_contact(arguments_t *arguments, const config_t *config, const Zp__ContactWrite *write) {
    static const char *const changes[] = {"", "add", "set", "remove"};
    static const char *const favorites[] = {"-", "0", "1"};
    arguments_add(arguments, str_view_of(changes[write->change]));
    arguments_add(arguments, str_view_of(write->contact));
    arguments_add(arguments, str_view_of(favorites[write->favorite]));
    add_setting(arguments, config, SETTING_CONTACTS_PER_USER);
}

static script_id script_of(const Zp__AccountQuery *query) {
    switch (query->body_case) {
    case ZP__ACCOUNT_QUERY__BODY_WRITE:
        return SCRIPT_ACCOUNT_WRITE;
    case ZP__ACCOUNT_QUERY__BODY_SESSION_START:
        return SCRIPT_ACCOUNT_SESSION;
    case ZP__ACCOUNT_QUERY__BODY_SESSION_END:
        return SCRIPT_ACCOUNT_SESSION_END;
    case ZP__ACCOUNT_QUERY__BODY_ACTIVE:
        return SCRIPT_ACCOUNT_ACTIVE;
    case ZP__ACCOUNT_QUERY__BODY_CONTACTS:
        return SCRIPT_ACCOUNT_CONTACTS;
    case ZP__ACCOUNT_QUERY__BODY_CONTACT_WRITE:
        return SCRIPT_ACCOUNT_CONTACT;
    case ZP__ACCOUNT_QUERY__BODY_READ:
    case ZP__ACCOUNT_QUERY__BODY__NOT_SET: /* not valid */
    case _ZP__ACCOUNT_QUERY__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return SCRIPT_ACCOUNT_READ;
}

/* Whether the answer shows accounts (scripts/listing_lib.lua). */
static bool lists(const Zp__AccountQuery *query) {
    return query->body_case != ZP__ACCOUNT_QUERY__BODY_SESSION_START &&
           query->body_case != ZP__ACCOUNT_QUERY__BODY_SESSION_END;
}

static void add_arguments(arguments_t *arguments, const config_t *config, const Zp__AccountQuery *query) {
    if (lists(query)) {
        arguments_add_number(arguments, config_ms(config, SETTING_HTTP_PRESENCE_TTL));
        arguments_add_number(arguments, config_ms(config, SETTING_ONLINE_FRESHNESS));
    }
    if (query->username[0] != '\0') {
        arguments_add(arguments, str_view_of(query->username));
    }
    if (query->nonce[0] != '\0') {
        arguments_add(arguments, str_view_of(query->nonce));
    }
    switch (query->body_case) {
    case ZP__ACCOUNT_QUERY__BODY_WRITE:
        add_write(arguments, config, query->write);
        break;
    case ZP__ACCOUNT_QUERY__BODY_SESSION_START:
        add_session(arguments, config, query->session_start);
        break;
    case ZP__ACCOUNT_QUERY__BODY_SESSION_END:
        arguments_add(arguments, str_view_of(query->session_end->token));
        break;
    case ZP__ACCOUNT_QUERY__BODY_ACTIVE:
        arguments_add_number(arguments, query->active->most);
        break;
    case ZP__ACCOUNT_QUERY__BODY_CONTACTS:
        arguments_add(arguments, str_view_of(query->contacts->contact));
        break;
    case ZP__ACCOUNT_QUERY__BODY_CONTACT_WRITE:
        add_contact(arguments, config, query->contact_write);
        break;
    case ZP__ACCOUNT_QUERY__BODY_READ:
    case ZP__ACCOUNT_QUERY__BODY__NOT_SET:
    case _ZP__ACCOUNT_QUERY__BODY__CASE_IS_INT_SIZE:
        break;
    }
}

void account_query_receive(const question_t *question, const Zp__AccountQuery *query) {
    const presence_core *core = question->core;
    request_t *request;
    script_call_t *call =
        request_open(question, query->request_id, script_of(query), account_query_answer, &request);
    if (!call) {
        return;
    }
    add_arguments(&call->arguments, core->process.config, query);
    script_call_send(call, on_answer, request);
}
