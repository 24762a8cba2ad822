/* directory_query - users as the lists of the overview show them, a piece at a time. */
#include "proto/valid.h"
#include "proto/valid_fields.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/requests.h"
#include "services/presence-core/rows.h"

enum { REPLY_PARTS = 4 }; /* as directory.lua answers */

/* A piece as the bus carries it; answers are packed before the next is filled: one is enough. */
static struct piece {
    Zp__DirectoryUser users[VALID_DIRECTORY_MAX];
    Zp__DirectoryUser *pointers[VALID_DIRECTORY_MAX];
} piece;

static void fill(Zp__CoreToApi *message, Zp__DirectoryReply *body, uint64_t id, Zp__Outcome outcome,
                 Zp__Position *position) {
    zp__directory_reply__init(body);
    body->request_id = id;
    body->outcome = outcome;
    body->position = position;
    zp__core_to_api__init(message);
    message->body_case = ZP__CORE_TO_API__BODY_DIRECTORY_REPLY;
    message->directory_reply = body;
}

void directory_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome) {
    Zp__CoreToApi message;
    Zp__DirectoryReply body;
    Zp__Position position;
    fill(&message, &body, id, outcome, known_position(question->core, &position));
    question_answer(question, &message.base);
}

static void on_answer(void *context, call_result result, const script_call_t *call, const redisReply *reply) {
    (void)call;
    request_t *request = context;
    if (request_check_reply(request, result, reply, REPLY_PARTS) != ZP_OK) {
        request_unavailable(request, directory_query_answer);
        return;
    }
    Zp__CoreToApi message;
    Zp__DirectoryReply body;
    Zp__Position position;
    request_position(request, reply->element[0], &position);
    fill(&message, &body, request->id, ZP__OUTCOME__OUTCOME_OK, &position);
    if (reply_number(reply->element[1]) != 0) {
        body.outcome = ZP__OUTCOME__OUTCOME_REBUILDING;
    } else {
        body.n_users =
            rows_read_directory(reply->element[2], VALID_DIRECTORY_MAX, piece.users, piece.pointers);
        body.users = piece.pointers;
        char *next = rows_text(reply->element[3]);
        body.next = valid_text(next, 0, VALID_USER_ID_MAX_BYTES) ? next : "";
    }
    request_answer(request, &message.base);
    request_end(request);
}

static const char *scope_name(Zp__DirectoryScope scope) {
    switch (scope) {
    case ZP__DIRECTORY_SCOPE__DIRECTORY_CONTACTS:
        return "contacts";
    case ZP__DIRECTORY_SCOPE__DIRECTORY_ONLINE:
        return "online";
    case ZP__DIRECTORY_SCOPE__DIRECTORY_ACTIVE:
        return "active";
    case ZP__DIRECTORY_SCOPE__DIRECTORY_ONE:
    case ZP__DIRECTORY_SCOPE__DIRECTORY_UNKNOWN: /* not valid */
    case _ZP__DIRECTORY_SCOPE_IS_INT_SIZE:
        break;
    }
    return "one";
}

void directory_query_receive(const question_t *question, const Zp__DirectoryQuery *query) {
    const presence_core *core = question->core;
    request_t *request;
    script_call_t *call =
        request_open(question, query->request_id, SCRIPT_DIRECTORY, directory_query_answer, &request);
    if (!call) {
        return;
    }
    arguments_t *arguments = &call->arguments;
    arguments_add_number(arguments, config_ms(core->process.config, SETTING_HTTP_PRESENCE_TTL));
    arguments_add_number(arguments, config_ms(core->process.config, SETTING_ONLINE_FRESHNESS));
    arguments_add(arguments, str_view_of(scope_name(query->scope)));
    arguments_add(arguments, str_view_of(query->viewer));
    arguments_add(arguments, str_view_of(query->after));
    arguments_add_number(arguments, query->most);
    script_call_send(call, on_answer, request);
}
