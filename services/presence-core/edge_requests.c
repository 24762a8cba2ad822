/* edge_requests - what a ws-edge says: leases, statements, signs of life. */
#include "common/log/log.h"
#include "common/presence/status.h"
#include "common/runtime/fault.h"
#include "proto/valid.h"
#include "services/presence-core/late_ack.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include <stdlib.h>

enum {
    ESCAPED_BYTES = STR_VIEW_ESCAPED_BYTES(VALID_USER_ID_MAX_BYTES),
    STATEMENTS_AT = SCRIPT_ARGUMENTS_BEFORE + 6, /* where statements.lua's users begin */
    STATEMENT_COLUMNS = 7,
    LATE_ACK_MS = 700,                        /* later than what tests have as ACK_TIMEOUT_MS */
    TOUCHES_AT = SCRIPT_ARGUMENTS_BEFORE + 1, /* where touches.lua's pairs of user and age begin */
};

static void fill_ack(Zp__CoreToEdge *message, Zp__Ack *ack, uint64_t id, Zp__Outcome outcome,
                     Zp__Position *position) {
    zp__ack__init(ack);
    ack->request_id = id;
    ack->outcome = outcome;
    ack->position = position;
    zp__core_to_edge__init(message);
    message->body_case = ZP__CORE_TO_EDGE__BODY_ACK;
    message->ack = ack;
}

/* Answers and ends the request. */
static void ack(request_t *request, Zp__Outcome outcome, Zp__Position *position) {
    Zp__CoreToEdge message;
    Zp__Ack body;
    fill_ack(&message, &body, request->id, outcome, position);
    request_answer(request, &message.base);
    request_end(request);
}

static void ack_unavailable(request_t *request) {
    Zp__Position position;
    ack(request, ZP__OUTCOME__OUTCOME_UNAVAILABLE, known_position(request->core, &position));
}

static void ack_question(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    Zp__CoreToEdge message;
    Zp__Ack body;
    Zp__Position position;
    fill_ack(&message, &body, id, outcome, known_position(question->core, &position));
    question_answer(question, &message.base);
}

/* An answer of {1, seq, ...}, or {0, seq} where the fence refuses, or {2, seq} where it is too late. */
static Zp__Outcome outcome_of(const presence_core *core, const redisReply *reply) {
    enum { REFUSED = 0, APPLIED = 1 };
    uint64_t answer = reply_number(reply->element[0]);
    if (answer == APPLIED) {
        return ZP__OUTCOME__OUTCOME_OK;
    }
    if (answer != REFUSED) {
        metrics_add(core->process.metrics, METRIC_CORE_STATEMENTS_LATE, 1);
        return ZP__OUTCOME__OUTCOME_UNAVAILABLE;
    }
    metrics_add(core->process.metrics, METRIC_CORE_FENCED, 1);
    return ZP__OUTCOME__OUTCOME_FENCED;
}

/* Join, Announced, Leave. */
static void on_lease_answer(void *context, call_result result, const script_call_t *call,
                            const redisReply *reply) {
    (void)call;
    request_t *request = context;
    if (request_check_reply(request, result, reply, 2) != ZP_OK) {
        ack_unavailable(request);
        return;
    }
    Zp__Position position;
    request_position(request, reply->element[1], &position);
    ack(request, outcome_of(request->core, reply), &position);
}

static void receive_join(const question_t *question, const Zp__Join *join) {
    const presence_core *core = question->core;
    request_t *request;
    script_call_t *call = request_open(question, join->request_id, SCRIPT_JOIN, ack_question, &request);
    if (!call) {
        return;
    }
    arguments_add_number(&call->arguments, config_ms(core->process.config, SETTING_EDGE_LEASE_MS));
    arguments_add(&call->arguments, str_view_of(join->incarnation));
    arguments_add(&call->arguments, str_view_of(join->edge));
    arguments_add(&call->arguments, dash_if_empty(join->replaces));
    log_info("core.join", "edge=%s incarnation=%s replaces=%s", join->edge, join->incarnation,
             dash_if_empty(join->replaces).ptr);
    script_call_send(call, on_lease_answer, request);
}

static void receive_announced(const question_t *question, const Zp__Announced *announced) {
    const presence_core *core = question->core;
    request_t *request;
    script_call_t *call =
        request_open(question, announced->request_id, SCRIPT_ANNOUNCED, ack_question, &request);
    if (!call) {
        return;
    }
    arguments_add_number(&call->arguments, config_ms(core->process.config, SETTING_RECONNECT_GRACE_MS));
    arguments_add(&call->arguments, str_view_of(announced->incarnation));
    arguments_add(&call->arguments, dash_if_empty(announced->replaces));
    log_info("core.announced", "incarnation=%s replaces=%s", announced->incarnation,
             dash_if_empty(announced->replaces).ptr);
    script_call_send(call, on_lease_answer, request);
}

static void receive_leave(const question_t *question, const Zp__Leave *leave) {
    request_t *request;
    script_call_t *call = request_open(question, leave->request_id, SCRIPT_LEAVE, ack_question, &request);
    if (!call) {
        return;
    }
    arguments_add(&call->arguments, str_view_of(leave->incarnation));
    log_info("core.leave", "incarnation=%s", leave->incarnation);
    script_call_send(call, on_lease_answer, request);
}

/* -- statements -- */

static void ack_statements(request_t *request, Zp__Outcome outcome, Zp__Position *position) {
    if (FAULT(BEFORE_ACK)) {
        abort();
    }
    if (FAULT(DROP_ACK)) {
        request_end(request);
        return;
    }
    if (FAULT(DELAY_ACK) && late_ack_keep(request, outcome, position, ack)) {
        return;
    }
    ack(request, outcome, position);
}

static void on_logins_answer(void *context, call_result result, const script_call_t *call,
                             const redisReply *reply) {
    (void)call;
    request_t *request = context;
    const presence_core *core = request->core;
    if (request_check_reply(request, result, reply, 2) != ZP_OK) {
        ack_unavailable(request);
        return;
    }
    Zp__Position position;
    request_position(request, reply->element[1], &position);
    Zp__Outcome outcome = outcome_of(core, reply);
    if (outcome == ZP__OUTCOME__OUTCOME_OK && reply_has(reply, 3)) {
        kicks_tell_all(core->kicks, request->router, reply->element[2]);
    }
    ack_statements(request, outcome, &position);
}

/* Before the acknowledgement: a statement that is not acknowledged comes again, and its logins are judged
 * then. */
static void judge_logins(request_t *request, const script_call_t *statements) {
    script_call_t *call = request_begin_call(request, SCRIPT_LOGINS);
    if (!call) {
        ack_unavailable(request);
        return;
    }
    arguments_add(&call->arguments, arguments_get(&statements->arguments, SCRIPT_ARGUMENTS_BEFORE));
    for (size_t i = STATEMENTS_AT; i < statements->arguments.count; i += STATEMENT_COLUMNS) {
        arguments_add(&call->arguments, arguments_get(&statements->arguments, i));
        arguments_add(&call->arguments, arguments_get(&statements->arguments, i + 1));
    }
    script_call_send(call, on_logins_answer, request);
}

static void on_statements_answer(void *context, call_result result, const script_call_t *call,
                                 const redisReply *reply) {
    request_t *request = context;
    const presence_core *core = request->core;
    if (FAULT(AFTER_SCRIPT)) {
        abort();
    }
    if (request_check_reply(request, result, reply, 2) != ZP_OK) {
        ack_unavailable(request);
        return;
    }
    Zp__Position position;
    request_position(request, reply->element[1], &position);
    Zp__Outcome outcome = outcome_of(core, reply);
    if (outcome == ZP__OUTCOME__OUTCOME_OK && reply_has(reply, 4)) {
        metrics_add(core->process.metrics, METRIC_CORE_STATEMENTS_STALE,
                    (int64_t)reply_number(reply->element[2]));
        broadcaster_transitions(core->broadcaster, request->epoch, reply->element[3]);
    }
    if (outcome == ZP__OUTCOME__OUTCOME_OK && core->kicks) {
        judge_logins(request, call);
        return;
    }
    ack_statements(request, outcome, &position);
}

/* One letter and one [connection, device, opened_at_ms] for each connection, in the same order. */
static void add_connections(arguments_t *arguments, const Zp__Statement *statement) {
    for (size_t i = 0; i < statement->n_connections; i++) {
        char letter = status_letter((presence_status)statement->connections[i]->status);
        arguments_append(arguments, str_view_make(&letter, 1));
    }
    if (statement->n_connections == 0) {
        arguments_append(arguments, str_view_of("-"));
    }
    arguments_end(arguments);
    arguments_append(arguments, str_view_of("["));
    for (size_t i = 0; i < statement->n_connections; i++) {
        const Zp__Connection *connection = statement->connections[i];
        arguments_append(arguments, str_view_of(i == 0 ? "[" : ",["));
        arguments_append_json(arguments, str_view_of(connection->connection_id));
        arguments_append(arguments, str_view_of(","));
        arguments_append_json(arguments, str_view_of(connection->device));
        arguments_append(arguments, str_view_of(","));
        arguments_append_number(arguments, connection->opened_at_ms);
        arguments_append(arguments, str_view_of("]"));
    }
    arguments_append(arguments, str_view_of("]"));
    arguments_end(arguments);
}

static bool somebody_leaves(const Zp__Statements *statements) {
    for (size_t i = 0; i < statements->n_statements; i++) {
        if (statements->statements[i]->n_connections == 0) {
            return true;
        }
    }
    return false;
}

/* In Redis' time. How long the message waited in a core that stood still itself, only its edge can tell. */
static uint64_t void_after_ms(const presence_core *core, const Zp__Statements *statements, uint64_t left_ms) {
    uint64_t here_ms = epoch_keeper_redis_time_in(core->keeper, left_ms);
    uint64_t said_ms = statements->void_after_ms;
    return said_ms > 0 && said_ms < here_ms && !FAULT(NO_VOIDING) ? said_ms : here_ms;
}

static void receive_statements(const question_t *question, const Zp__Statements *statements) {
    const presence_core *core = question->core;
    request_t *request;
    uint64_t patience_ms = config_ms(core->process.config, SETTING_ACK_TIMEOUT_MS);
    if (somebody_leaves(statements) && postponed_take(core->postponed, question)) {
        return;
    }
    if (question->waited_ms >= patience_ms) { /* its edge has given it up */
        metrics_add(core->process.metrics, METRIC_CORE_STATEMENTS_LATE, 1);
        ack_question(question, statements->request_id, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
        return;
    }
    script_call_t *call =
        request_open(question, statements->request_id, SCRIPT_STATEMENTS, ack_question, &request);
    if (!call) {
        return;
    }
    metrics_add(core->process.metrics, METRIC_CORE_STATEMENTS, (int64_t)statements->n_statements);
    arguments_t *arguments = &call->arguments;
    arguments_add(arguments, str_view_of(statements->incarnation));
    arguments_add(arguments, str_view_of(statements->edge));
    arguments_add(arguments, dash_if_empty(statements->replaces));
    arguments_add_number(arguments, statements->floor);
    arguments_add_number(arguments, config_ms(core->process.config, SETTING_OFFLINE_DEBOUNCE_MS));
    arguments_add_number(arguments, void_after_ms(core, statements, patience_ms - question->waited_ms));
    for (size_t i = 0; i < statements->n_statements; i++) {
        const Zp__Statement *statement = statements->statements[i];
        arguments_add(arguments, str_view_of(statement->user_id));
        arguments_add_number(arguments, statement->number);
        arguments_add(arguments, str_view_of(statement->reason));
        arguments_add_number(arguments, statement->activity_age_ms);
        arguments_add(arguments, dash_if_empty(statement->role));
        add_connections(arguments, statement);
    }
    script_call_send(call, on_statements_answer, request);
}

/* -- touches -- */

/* The words are the guide's ("Monitor Server Logs"). */
static void log_touches(const script_call_t *call) {
    for (size_t i = TOUCHES_AT; i < call->arguments.count; i += 2) {
        char user[ESCAPED_BYTES];
        log_debug("core.touched", "Presence refreshed for %s via PONG",
                  str_view_escape(arguments_get(&call->arguments, i), user, sizeof user));
    }
}

static void on_touches_answer(void *context, call_result result, const script_call_t *call,
                              const redisReply *reply) {
    request_t *request = context;
    const presence_core *core = request->core;
    if (request_check_reply(request, result, reply, 2) != ZP_OK) {
        ack_unavailable(request);
        return;
    }
    Zp__Position position;
    request_position(request, reply->element[1], &position);
    Zp__Outcome outcome = outcome_of(core, reply);
    if (outcome == ZP__OUTCOME__OUTCOME_OK && reply_has(reply, 3)) {
        metrics_add(core->process.metrics, METRIC_CORE_MIRRORS_RESTORED,
                    (int64_t)reply_number(reply->element[2]));
        if (log_enabled(LOG_LEVEL_DEBUG)) {
            log_touches(call);
        }
    }
    ack(request, outcome, &position);
}

static void receive_touches(const question_t *question, const Zp__Touches *touches) {
    const presence_core *core = question->core;
    request_t *request;
    script_call_t *call = request_open(question, touches->request_id, SCRIPT_TOUCHES, ack_question, &request);
    if (!call) {
        return;
    }
    metrics_add(core->process.metrics, METRIC_CORE_TOUCHES, (int64_t)touches->n_touches);
    arguments_add(&call->arguments, str_view_of(touches->incarnation));
    for (size_t i = 0; i < touches->n_touches; i++) {
        arguments_add(&call->arguments, str_view_of(touches->touches[i]->user_id));
        arguments_add_number(&call->arguments, touches->touches[i]->age_ms);
    }
    script_call_send(call, on_touches_answer, request);
}

/* -- */

/* A beat has no number, and is not answered where it is not valid. */
static bool request_id_of(const Zp__EdgeToCore *message, uint64_t *ret_id) {
    switch (message->body_case) {
    case ZP__EDGE_TO_CORE__BODY_JOIN:
        *ret_id = message->join->request_id;
        return true;
    case ZP__EDGE_TO_CORE__BODY_STATEMENTS:
        *ret_id = message->statements->request_id;
        return true;
    case ZP__EDGE_TO_CORE__BODY_TOUCHES:
        *ret_id = message->touches->request_id;
        return true;
    case ZP__EDGE_TO_CORE__BODY_ANNOUNCED:
        *ret_id = message->announced->request_id;
        return true;
    case ZP__EDGE_TO_CORE__BODY_LEAVE:
        *ret_id = message->leave->request_id;
        return true;
    case ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY: /* has an answer of its own */
    case ZP__EDGE_TO_CORE__BODY_STATUS_QUERY: /* likewise */
    case ZP__EDGE_TO_CORE__BODY_GROUP_CHANGE:
    case ZP__EDGE_TO_CORE__BODY_ROSTERS_QUERY:
    case ZP__EDGE_TO_CORE__BODY_BEAT:
    case ZP__EDGE_TO_CORE__BODY__NOT_SET:
    case _ZP__EDGE_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

static void refuse(const question_t *question, const Zp__EdgeToCore *message) {
    uint64_t id = 0;
    question_refuse(question);
    if (message->body_case == ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY) {
        online_query_answer(question, message->online_query->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__EDGE_TO_CORE__BODY_STATUS_QUERY) {
        status_query_answer(question, message->status_query->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__EDGE_TO_CORE__BODY_GROUP_CHANGE) {
        group_change_answer(question, message->group_change->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (message->body_case == ZP__EDGE_TO_CORE__BODY_ROSTERS_QUERY) {
        rosters_query_answer(question, message->rosters_query->request_id, ZP__OUTCOME__OUTCOME_INVALID);
    } else if (request_id_of(message, &id)) {
        ack_question(question, id, ZP__OUTCOME__OUTCOME_INVALID);
    }
}

void edge_requests_receive(const question_t *question) {
    const Zp__EdgeToCore *message =
        (const Zp__EdgeToCore *)question_unpack(question, &zp__edge_to_core__descriptor);
    if (!message) {
        return;
    }
    if (!edge_to_core_valid(message)) {
        refuse(question, message);
        return;
    }
    switch (message->body_case) {
    case ZP__EDGE_TO_CORE__BODY_BEAT:
        beats_receive(question, message->beat);
        break;
    case ZP__EDGE_TO_CORE__BODY_JOIN:
        receive_join(question, message->join);
        break;
    case ZP__EDGE_TO_CORE__BODY_STATEMENTS:
        receive_statements(question, message->statements);
        break;
    case ZP__EDGE_TO_CORE__BODY_TOUCHES:
        receive_touches(question, message->touches);
        break;
    case ZP__EDGE_TO_CORE__BODY_ANNOUNCED:
        receive_announced(question, message->announced);
        break;
    case ZP__EDGE_TO_CORE__BODY_LEAVE:
        receive_leave(question, message->leave);
        break;
    case ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY:
        online_query_receive(question, message->online_query);
        break;
    case ZP__EDGE_TO_CORE__BODY_STATUS_QUERY:
        status_query_receive(question, message->status_query);
        break;
    case ZP__EDGE_TO_CORE__BODY_GROUP_CHANGE:
        group_change_receive(question, message->group_change);
        break;
    case ZP__EDGE_TO_CORE__BODY_ROSTERS_QUERY:
        rosters_query_receive(question, message->rosters_query);
        break;
    case ZP__EDGE_TO_CORE__BODY__NOT_SET:
    case _ZP__EDGE_TO_CORE__BODY__CASE_IS_INT_SIZE:
        break; /* not valid */
    }
}
