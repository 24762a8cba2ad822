/* online_query - a page of everybody who is not shown offline, for the snapshot of one of an edge's clients,
 * or a list of http-api. */
#include "proto/valid.h"
#include "proto/valid_fields.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include "services/presence-core/rows.h"

/* A page as the bus carries it; answers are packed before the next is filled: one is enough. */
static struct page {
    Zp__UserState states[VALID_ONLINE_USERS_MAX];
    Zp__UserState *state_pointers[VALID_ONLINE_USERS_MAX];
    Zp__OnlineUser users[VALID_ONLINE_USERS_MAX];
    Zp__OnlineUser *pointers[VALID_ONLINE_USERS_MAX];
} page;

typedef union envelope {
    Zp__CoreToEdge edge;
    Zp__CoreToApi api;
} envelope_t;

/* The envelope of whoever asks, around `body`. */
static const ProtobufCMessage *fill(envelope_t *envelope, arrow_t arrow, Zp__OnlineReply *body, uint64_t id,
                                    Zp__Outcome outcome, Zp__Position *position) {
    zp__online_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    body->position = position;
    if (arrow == ARROW_API) {
        zp__core_to_api__init(&envelope->api);
        envelope->api.body_case = ZP__CORE_TO_API__BODY_ONLINE_REPLY;
        envelope->api.online_reply = body;
        return &envelope->api.base;
    }
    zp__core_to_edge__init(&envelope->edge);
    envelope->edge.body_case = ZP__CORE_TO_EDGE__BODY_ONLINE_REPLY;
    envelope->edge.online_reply = body;
    return &envelope->edge.base;
}

void online_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    envelope_t envelope;
    Zp__OnlineReply body;
    Zp__Position position;
    question_answer(question, fill(&envelope, question->arrow, &body, id, outcome,
                                   known_position(question->core, &position)));
}

/* Rows that were left out leave holes: states and devices are matched by the text that both came with. */
static void add_devices(size_t count, const redisReply *rows, const redisReply *devices) {
    size_t row = 0;
    for (size_t i = 0; i < count; i++) {
        while (rows->element[row * USER_COLUMNS]->str != page.states[i].user_id) {
            row++;
        }
        if (!reply_has(devices, row + 1)) {
            return;
        }
        redisReply *device = devices->element[row];
        if (device->type == REDIS_REPLY_STRING && strlen(device->str) == device->len &&
            valid_text(device->str, 0, VALID_DEVICE_MAX_BYTES)) {
            page.users[i].device = device->str;
        }
    }
}

static void fill_users(Zp__OnlineReply *body, const redisReply *reply, size_t most) {
    const redisReply *rows = reply->element[2];
    size_t count = rows_read_users(rows, most, page.states, page.state_pointers);
    for (size_t i = 0; i < count; i++) {
        zp__online_user__init(&page.users[i]);
        page.users[i].state = &page.states[i];
        page.pointers[i] = &page.users[i];
    }
    add_devices(count, rows, reply->element[4]);
    body->n_users = count;
    body->users = page.pointers;
    body->total = reply_number(reply->element[3]);
    body->last = rows_count(rows, USER_COLUMNS) <= most || count == 0;
}

static void on_answer(void *context, call_result result, const script_call_t *call, const redisReply *reply) {
    (void)call;
    request_t *request = context;
    if (request_check_reply(request, result, reply, 5) != ZP_OK) {
        request_unavailable(request, online_query_answer);
        return;
    }
    envelope_t envelope;
    Zp__OnlineReply body;
    Zp__Position position;
    request_position(request, reply->element[0], &position);
    const ProtobufCMessage *message =
        fill(&envelope, request->arrow, &body, request->id, ZP__OUTCOME__OUTCOME_OK, &position);
    if (reply_number(reply->element[1]) != 0) {
        body.outcome = ZP__OUTCOME__OUTCOME_REBUILDING;
    } else {
        fill_users(&body, reply, request->most);
    }
    request_answer(request, message);
    request_end(request);
}

void online_query_receive(const question_t *question, const Zp__OnlineQuery *query) {
    request_t *request;
    script_call_t *call =
        request_open(question, query->request_id, SCRIPT_SNAPSHOT, online_query_answer, &request);
    if (!call) {
        return;
    }
    request->most = query->most;
    arguments_add(&call->arguments, str_view_of(query->after));
    arguments_add_number(&call->arguments, query->most + 1); /* whether one follows */
    arguments_add(&call->arguments, str_view_of(query->devices ? "1" : "0"));
    script_call_send(call, on_answer, request);
}
