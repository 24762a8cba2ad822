/* group_requests - who is in which group, and which lists of users have changed since an edge read them: each
 * question is one script (group.lua, rosters.lua). Neither is presence: both are answered while that is being
 * rebuilt. */
#include "common/log/log.h"
#include "common/log/log_limit.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include "services/presence-core/roster_rows.h"

enum {
    CHANGE_PARTS = 3, /* seq, result, memberships: as group.lua answers */
    USER_AT = SCRIPT_ARGUMENTS_BEFORE,
    GROUP_AT,
    ROSTERS_AT = SCRIPT_ARGUMENTS_BEFORE + 1, /* where rosters.lua's columns begin */
    ESCAPED_BYTES = STR_VIEW_ESCAPED_BYTES(VALID_USER_ID_MAX_BYTES),
};

/* Answers are packed before the next is filled: one is enough. */
static roster_list rosters;

static log_limit refusals;

/* -- GroupChange -- */

static void fill_changed(Zp__CoreToEdge *message, Zp__GroupChanged *body, uint64_t id, Zp__Outcome outcome) {
    zp__group_changed__init(body);
    body->request_id = id;
    body->outcome = outcome;
    zp__core_to_edge__init(message);
    message->body_case = ZP__CORE_TO_EDGE__BODY_GROUP_CHANGED;
    message->group_changed = body;
}

void group_change_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    Zp__CoreToEdge message;
    Zp__GroupChanged body;
    fill_changed(&message, &body, id, outcome);
    question_answer(question, &message.base);
}

/* UNKNOWN for 'late', as nothing was done, and for a word that is none of group.lua. */
static Zp__GroupResult result_of(str_view word) {
    static const struct {
        const char *word;
        Zp__GroupResult result;
    } results[] = {{"done", ZP__GROUP_RESULT__GROUP_RESULT_DONE},
                   {"too-many", ZP__GROUP_RESULT__GROUP_RESULT_TOO_MANY},
                   {"full", ZP__GROUP_RESULT__GROUP_RESULT_FULL},
                   {"no-room", ZP__GROUP_RESULT__GROUP_RESULT_NO_ROOM}};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        if (str_view_equal(word, str_view_of(results[i].word))) {
            return results[i].result;
        }
    }
    return ZP__GROUP_RESULT__GROUP_RESULT_UNKNOWN;
}

static void log_refusal(const presence_core *core, const script_call_t *call, const char *limit) {
    uint64_t held_back = 0;
    if (log_limit_pass(&refusals, uv_now(&core->process.loop), &held_back)) {
        char user[ESCAPED_BYTES];
        char group[ESCAPED_BYTES];
        log_warn("core.group_refused", "user=%s group=%s limit=%s held_back=%llu",
                 str_view_escape(arguments_get(&call->arguments, USER_AT), user, sizeof user),
                 str_view_escape(arguments_get(&call->arguments, GROUP_AT), group, sizeof group), limit,
                 (unsigned long long)held_back);
    }
}

static void note_result(const presence_core *core, const script_call_t *call, Zp__GroupResult result,
                        uint64_t memberships_count) {
    metrics_t *metrics = core->process.metrics;
    metrics_set(metrics, METRIC_CORE_MEMBERSHIPS, (int64_t)memberships_count);
    if (result == ZP__GROUP_RESULT__GROUP_RESULT_DONE) {
        metrics_add(metrics, METRIC_CORE_GROUP_CHANGES, 1);
    } else if (result == ZP__GROUP_RESULT__GROUP_RESULT_TOO_MANY) {
        metrics_add(metrics, METRIC_CORE_GROUPS_TOO_MANY, 1);
        log_refusal(core, call, "GROUPS_PER_USER");
    } else if (result == ZP__GROUP_RESULT__GROUP_RESULT_FULL) {
        metrics_add(metrics, METRIC_CORE_GROUPS_FULL, 1);
        log_refusal(core, call, "GROUP_MEMBERS_MAX");
    } else {
        metrics_add(metrics, METRIC_CORE_GROUPS_NO_ROOM, 1);
        log_refusal(core, call, "MEMBERSHIPS_MAX");
    }
}

static void on_changed(void *context, call_result result, const script_call_t *call,
                       const redisReply *reply) {
    request_t *request = context;
    Zp__CoreToEdge message;
    Zp__GroupChanged body;
    Zp__Position position;
    if (request_check_reply(request, result, reply, CHANGE_PARTS) != ZP_OK) {
        request_unavailable(request, group_change_answer);
        return;
    }
    request_position(request, reply->element[0], &position);
    fill_changed(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK);
    body.result = result_of(reply_text(reply->element[1]));
    if (body.result == ZP__GROUP_RESULT__GROUP_RESULT_UNKNOWN) {
        request_unavailable(request, group_change_answer);
        return;
    }
    note_result(request->core, call, body.result, reply_number(reply->element[2]));
    request_answer(request, &message.base);
    request_end(request);
}

void group_change_receive(const question_t *question, const Zp__GroupChange *change) {
    const presence_core *core = question->core;
    request_t *request;
    script_call_t *call =
        request_open(question, change->request_id, SCRIPT_GROUP, group_change_answer, &request);
    if (!call) {
        return;
    }
    arguments_t *arguments = &call->arguments;
    arguments_add(arguments, str_view_of(change->user_id));
    arguments_add(arguments, str_view_of(change->group_id));
    arguments_add_number(arguments, change->joins ? 1 : 0);
    arguments_add_number(arguments, (uint64_t)config_integer(core->process.config, SETTING_GROUPS_PER_USER));
    arguments_add_number(arguments,
                         (uint64_t)config_integer(core->process.config, SETTING_GROUP_MEMBERS_MAX));
    arguments_add_number(arguments, change->void_after_ms);
    arguments_add_number(arguments, (uint64_t)config_integer(core->process.config, SETTING_MEMBERSHIPS_MAX));
    script_call_send(call, on_changed, request);
}

/* -- RostersQuery -- */

static void fill_rosters(Zp__CoreToEdge *message, Zp__RostersReply *body, uint64_t id, Zp__Outcome outcome) {
    zp__rosters_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    zp__core_to_edge__init(message);
    message->body_case = ZP__CORE_TO_EDGE__BODY_ROSTERS_REPLY;
    message->rosters_reply = body;
}

void rosters_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    Zp__CoreToEdge message;
    Zp__RostersReply body;
    fill_rosters(&message, &body, id, outcome);
    question_answer(question, &message.base);
}

static void on_rosters(void *context, call_result result, const script_call_t *call,
                       const redisReply *reply) {
    request_t *request = context;
    const presence_core *core = request->core;
    Zp__CoreToEdge message;
    Zp__RostersReply body;
    Zp__Position position;
    if (request_check_reply(request, result, reply, ROSTER_PARTS) != ZP_OK) {
        request_unavailable(request, rosters_query_answer);
        return;
    }
    request_position(request, reply->element[0], &position);
    fill_rosters(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK);
    if (!roster_rows_read(&rosters, reply, &call->arguments, ROSTERS_AT, &body)) {
        request_unavailable(request, rosters_query_answer);
        return;
    }
    metrics_add(core->process.metrics, METRIC_CORE_ROSTERS_READ, (int64_t)body.n_rosters);
    request_answer(request, &message.base);
    request_end(request);
}

void rosters_query_receive(const question_t *question, const Zp__RostersQuery *query) {
    request_t *request;
    script_call_t *call =
        request_open(question, query->request_id, SCRIPT_ROSTERS, rosters_query_answer, &request);
    if (!call) {
        return;
    }
    arguments_add_number(&call->arguments, VALID_ROSTER_USERS_MAX);
    roster_rows_ask(&call->arguments, query);
    script_call_send(call, on_rosters, request);
}
