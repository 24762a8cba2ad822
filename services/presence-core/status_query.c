/* status_query - the states of many users at once, for bulk answers and the watch lists of clients.
 * Not a script: plain reads, pipelined, cost Redis half as much (FACTS, Redis: "Reading"). They are not
 * atomic together, so the epoch is read last and must still be the one that this core knows; each user's
 * status is of one moment, because it is read from the meta hash alone. */
#include "proto/valid.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include <stdio.h>
#include <stdlib.h>

enum { META_FIELDS = 4 }; /* status, lastSeen, since, seq: as receive_meta reads them */

/* As large as the largest query; pages that a small one does not need are never touched. */
typedef struct status_query {
    request_t *request;
    size_t count; /* users asked */
    size_t sent;  /* commands under way or answered: one for each user, one for all mirrors */
    size_t answered;
    bool failed;
    bool all_sent;
    Zp__UserState states[VALID_QUERY_USERS_MAX];
    Zp__UserState *pointers[VALID_QUERY_USERS_MAX];
    char ids[VALID_QUERY_USERS_MAX][VALID_USER_ID_MAX_BYTES + 1];
} status_query;

typedef union envelope {
    Zp__CoreToEdge edge;
    Zp__CoreToApi api;
} envelope_t;

/* The envelope of whoever asks, around `body`. */
static const ProtobufCMessage *fill(envelope_t *envelope, arrow_t arrow, Zp__StatusReply *body, uint64_t id,
                                    Zp__Outcome outcome) {
    zp__status_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    if (arrow == ARROW_API) {
        zp__core_to_api__init(&envelope->api);
        envelope->api.body_case = ZP__CORE_TO_API__BODY_STATUS_REPLY;
        envelope->api.status_reply = body;
        return &envelope->api.base;
    }
    zp__core_to_edge__init(&envelope->edge);
    envelope->edge.body_case = ZP__CORE_TO_EDGE__BODY_STATUS_REPLY;
    envelope->edge.status_reply = body;
    return &envelope->edge.base;
}

void status_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    envelope_t envelope;
    Zp__StatusReply body;
    question_answer(question, fill(&envelope, question->arrow, &body, id, outcome));
}

static void finish(status_query *query) {
    envelope_t envelope;
    Zp__StatusReply body;
    const ProtobufCMessage *message =
        fill(&envelope, query->request->arrow, &body, query->request->id,
             query->failed ? ZP__OUTCOME__OUTCOME_UNAVAILABLE : ZP__OUTCOME__OUTCOME_OK);
    if (!query->failed) {
        body.n_users = query->count;
        body.users = query->pointers;
        body.epoch = query->request->epoch;
    }
    request_answer(query->request, message);
    request_end(query->request);
    free(query);
}

/* Every command is answered, if only with NULL; what was not sent is not waited for. */
static void count_answer(status_query *query) {
    query->answered++;
    if (query->all_sent && query->answered == query->sent) {
        finish(query);
    }
}

static void receive_meta(Zp__UserState *state, const redisReply *reply) {
    presence_status status = reply_status(reply->element[0]);
    state->status = (Zp__Status)status;
    state->since_ms = reply_number(reply->element[2]);
    state->seq = reply_number(reply->element[3]);
    /* Of somebody online: until the mirror is read, and where it is missing this instant. */
    state->last_seen_ms = status == STATUS_OFFLINE ? reply_number(reply->element[1]) : state->since_ms;
}

static void on_meta(void *context, const redisReply *reply) {
    status_query *query = context;
    if (reply_has(reply, META_FIELDS)) {
        receive_meta(&query->states[query->answered], reply);
    } else {
        query->failed = true;
    }
    count_answer(query);
}

static void receive_mirrors(status_query *query, const redisReply *reply) {
    const presence_core *core = query->request->core;
    uint64_t epoch = reply_number(reply->element[0]);
    if (epoch != query->request->epoch) {
        query->failed = true;
        epoch_keeper_other_epoch(core->keeper, query->request->epoch);
        return;
    }
    for (size_t i = 0; i < query->count; i++) {
        uint64_t active_at_ms = reply_number(reply->element[i + 1]);
        if (query->states[i].status != ZP__STATUS__STATUS_OFFLINE && active_at_ms > 0) {
            query->states[i].last_seen_ms = active_at_ms;
        }
    }
}

static void on_mirrors(void *context, const redisReply *reply) {
    status_query *query = context;
    if (reply_has(reply, query->count + 1)) {
        receive_mirrors(query, reply);
    } else {
        query->failed = true;
    }
    count_answer(query);
}

/* -- sending -- */

static bool send_command(status_query *query, arguments_t *arguments, redis_reply_fn *on_reply) {
    const presence_core *core = query->request->core;
    redis_connection_t *redis = script_caller_connection(epoch_keeper_scripts(core->keeper));
    if (arguments_ready(arguments) != ZP_OK ||
        redis_connection_send(redis, on_reply, query, (int)arguments->count, arguments->pointers,
                              arguments->lengths) != ZP_OK) {
        query->failed = true;
        return false;
    }
    query->sent++;
    return true;
}

static void send_all(status_query *query) {
    arguments_t arguments = {0};
    bool sent = true;
    for (size_t i = 0; i < query->count && sent; i++) {
        arguments_clear(&arguments);
        arguments_add(&arguments, str_view_of("HMGET"));
        arguments_add_key(&arguments, "presence:meta:", str_view_of(query->states[i].user_id));
        arguments_add(&arguments, str_view_of("status"));
        arguments_add(&arguments, str_view_of("lastSeen"));
        arguments_add(&arguments, str_view_of("since"));
        arguments_add(&arguments, str_view_of("seq"));
        sent = send_command(query, &arguments, on_meta);
    }
    arguments_clear(&arguments);
    arguments_add(&arguments, str_view_of("MGET"));
    arguments_add(&arguments, str_view_of("presence:epoch"));
    for (size_t i = 0; i < query->count; i++) {
        arguments_add_key(&arguments, "presence:user:", str_view_of(query->states[i].user_id));
    }
    if (sent) {
        (void)!send_command(query, &arguments, on_mirrors);
    }
    arguments_free(&arguments);
}

/* The message is gone when the answers come: its ids are copied. */
static status_query *query_new(request_t *request, const Zp__StatusQuery *asked) {
    status_query *query = malloc(sizeof *query);
    if (!query) {
        return NULL;
    }
    query->request = request;
    query->count = asked->n_user_ids;
    query->sent = query->answered = 0;
    query->failed = query->all_sent = false;
    for (size_t i = 0; i < query->count; i++) {
        zp__user_state__init(&query->states[i]);
        (void)snprintf(query->ids[i], sizeof query->ids[i], "%s", asked->user_ids[i]);
        query->states[i].user_id = query->ids[i];
        query->pointers[i] = &query->states[i];
    }
    return query;
}

void status_query_receive(const question_t *question, const Zp__StatusQuery *asked) {
    const presence_core *core = question->core;
    if (!epoch_keeper_is_serving(core->keeper)) {
        status_query_answer(question, asked->request_id, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
        return;
    }
    if (epoch_keeper_is_rebuilding(core->keeper)) {
        status_query_answer(question, asked->request_id, ZP__OUTCOME__OUTCOME_REBUILDING);
        return;
    }
    request_t *request = request_begin(question, asked->request_id);
    status_query *query = query_new(request, asked);
    if (!query) {
        status_query_answer(question, asked->request_id, ZP__OUTCOME__OUTCOME_UNAVAILABLE);
        request_end(request);
        return;
    }
    metrics_add(core->process.metrics, METRIC_CORE_STATUSES_READ, (int64_t)query->count);
    request->epoch = epoch_keeper_position(core->keeper).epoch;
    send_all(query);
    query->all_sent = true;
    if (query->sent == query->answered) {
        finish(query);
    }
}
