/* redis_reply: any bytes as what Redis answers, read by hiredis as in the core. Whatever a core makes of an
 * answer is a message that its receiver takes: a value that somebody's hand left in Redis must cost itself at
 * most, never the whole answer. */
#include "proto/valid.h"
#include "services/presence-core/account_rows.h"
#include "services/presence-core/core/record.h"
#include "services/presence-core/core/redis_info.h"
#include "services/presence-core/explanation.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/roster_rows.h"
#include "services/presence-core/rows.h"
#include "services/presence-core/transitions.h"
#include "tests/fuzz/fuzz.h"
#include <inttypes.h>
#include <stdio.h>

/* hiredis reserves memory for an array as soon as its length is read. */
static bool claims_little(const uint8_t *data, size_t size) {
    enum { DIGITS_MAX = 5 };
    for (size_t i = 0; i < size; i++) {
        size_t digits = 0;
        while (data[i] == '*' && i + 1 + digits < size && data[i + 1 + digits] != '\r') {
            digits++;
        }
        if (digits > DIGITS_MAX) {
            return false;
        }
    }
    return true;
}

static redisReader *reader_of(const uint8_t *data, size_t size) {
    redisReader *reader = redisReaderCreate();
    assert(reader && redisReaderFeed(reader, (const char *)data, size) == REDIS_OK);
    return reader;
}

/* In a block of its own size: a reply has a NUL behind it, which would hide a byte too many. */
static void check_info(str_view text) {
    char *copy = fuzz_copy(text.ptr, text.len);
    str_view info = str_view_make(copy, text.len), value = redis_info_value(info, "run_id");
    assert(fuzz_is_within(value, info));
    assert(value.len == 0 || !memchr(value.ptr, '\n', value.len));
    free(copy);
}

static void check_values(const redisReply *reply) {
    assert(reply_number(reply) <= UINT64_C(1) << 53);
    assert(reply_status(reply) <= STATUS_BUSY);
    check_info(reply_text(reply));
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
        check_values(reply->element[i]);
    }
}

static void check_users(const redisReply *reply) {
    enum { USERS_MAX = 20 };
    Zp__UserState states[USERS_MAX], *pointers[USERS_MAX];
    Zp__Position position = ZP__POSITION__INIT;
    Zp__SnapshotReply body = ZP__SNAPSHOT_REPLY__INIT;
    body.outcome = ZP__OUTCOME__OUTCOME_OK;
    body.position = &position;
    body.n_users = rows_read_users(reply, USERS_MAX, states, pointers);
    body.users = pointers;
    assert(body.n_users <= rows_count(reply, USER_COLUMNS));
    Zp__CoreToFanout message = ZP__CORE_TO_FANOUT__INIT;
    message.body_case = ZP__CORE_TO_FANOUT__BODY_SNAPSHOT_REPLY;
    message.snapshot_reply = &body;
    assert(core_to_fanout_valid(&message));
}

static void check_directory(const redisReply *reply) {
    enum { USERS_MAX = 20 };
    Zp__DirectoryUser users[USERS_MAX], *pointers[USERS_MAX];
    Zp__Position position = ZP__POSITION__INIT;
    Zp__DirectoryReply body = ZP__DIRECTORY_REPLY__INIT;
    body.outcome = ZP__OUTCOME__OUTCOME_OK;
    body.position = &position;
    body.n_users = rows_read_directory(reply, USERS_MAX, users, pointers);
    body.users = pointers;
    assert(body.n_users <= rows_count(reply, DIRECTORY_COLUMNS));
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_DIRECTORY_REPLY;
    message.directory_reply = &body;
    assert(core_to_api_valid(&message));
}

static void check_services(const redisReply *reply) {
    static service_list list;
    rows_read_services(reply, &list);
    assert(list.count <= rows_count(reply, SERVICE_COLUMNS));
    Zp__ServicesReply body = ZP__SERVICES_REPLY__INIT;
    body.outcome = ZP__OUTCOME__OUTCOME_OK;
    body.n_services = list.count;
    body.services = list.pointers;
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_SERVICES_REPLY;
    message.services_reply = &body;
    assert(core_to_api_valid(&message));
    service_list_clear(&list);
}

static void check_accounts(const redisReply *reply) {
    static account_list list;
    Zp__Position position = ZP__POSITION__INIT;
    Zp__AccountReply body = ZP__ACCOUNT_REPLY__INIT;
    if (!reply_has(reply, ACCOUNT_PARTS) || !account_rows_read(&list, reply, &body)) {
        return;
    }
    body.outcome = ZP__OUTCOME__OUTCOME_OK;
    body.position = &position;
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_ACCOUNT_REPLY;
    message.account_reply = &body;
    assert(core_to_api_valid(&message));
}

static void check_rosters(const redisReply *reply) {
    enum { ASKED = 5 };
    static roster_list list;
    static arguments_t asked;
    Zp__RostersReply body = ZP__ROSTERS_REPLY__INIT;
    for (size_t i = asked.count; i < (size_t)ASKED * ROSTER_ASKED_COLUMNS; i += ROSTER_ASKED_COLUMNS) {
        arguments_add(&asked, str_view_of(i % 2 == 0 ? "g" : "c"));
        arguments_add(&asked, str_view_of("123"));
        arguments_add_number(&asked, 0);
    }
    if (!reply_has(reply, ROSTER_PARTS) || !roster_rows_read(&list, reply, &asked, 0, &body)) {
        return;
    }
    assert(body.n_rosters <= ASKED);
    body.outcome = ZP__OUTCOME__OUTCOME_OK;
    Zp__CoreToEdge message = ZP__CORE_TO_EDGE__INIT;
    message.body_case = ZP__CORE_TO_EDGE__BODY_ROSTERS_REPLY;
    message.rosters_reply = &body;
    assert(core_to_edge_valid(&message));
}

/* A transition written as the scripts write it is cut into the same again. */
static void check_record(const Zp__Transition *item) {
    char *text = NULL;
    int len = asprintf(&text, "%" PRIu64 " %c %c %" PRIu64 " %" PRIu64 " 0 %s %s %s", item->seq,
                       status_letter((presence_status)item->from), status_letter((presence_status)item->to),
                       item->at_ms, item->last_seen_ms, item->reason, item->edge[0] ? item->edge : "-",
                       item->user_id);
    record_t record;
    assert(len > 0 && record_cut(text, (size_t)len, &record) == ZP_OK);
    assert(record.seq == item->seq && record.at_ms == item->at_ms &&
           record.last_seen_ms == item->last_seen_ms);
    assert((Zp__Status)record.from == item->from && (Zp__Status)record.to == item->to);
    assert(strcmp(record.reason, item->reason) == 0 && strcmp(record.edge, item->edge) == 0 &&
           strcmp(record.user_id, item->user_id) == 0);
    free(text);
}

/* Cuts the texts of the reply's records. */
static void check_explanation(const redisReply *reply) {
    static explanation_t explanation;
    if (!reply_has(reply, EXPLANATION_PARTS)) {
        return;
    }
    char user_id[] = "123";
    Zp__Position position = ZP__POSITION__INIT;
    Zp__ExplainReply body = ZP__EXPLAIN_REPLY__INIT;
    body.outcome = ZP__OUTCOME__OUTCOME_OK;
    body.position = &position;
    explanation_read(&explanation, reply, user_id, &body);
    Zp__CoreToApi message = ZP__CORE_TO_API__INIT;
    message.body_case = ZP__CORE_TO_API__BODY_EXPLAIN_REPLY;
    message.explain_reply = &body;
    assert(core_to_api_valid(&message));
}

/* Cuts the texts of the reply: the last look at it. */
static void check_transitions(const redisReply *reply) {
    static transitions_t transitions;
    if (transitions_read(&transitions, 1, reply) != ZP_OK) {
        return;
    }
    Zp__CoreBroadcast message = ZP__CORE_BROADCAST__INIT;
    message.body_case = ZP__CORE_BROADCAST__BODY_TRANSITIONS;
    message.transitions = &transitions.message;
    assert(core_broadcast_valid(&message));
    for (size_t i = 0; i < transitions.message.n_transitions; i++) {
        check_record(transitions.message.transitions[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!claims_little(data, size)) {
        return 0;
    }
    redisReader *reader = reader_of(data, size);
    void *reply = NULL;
    while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
        check_values(reply);
        check_users(reply);
        check_directory(reply);
        check_services(reply);
        check_explanation(reply);
        check_accounts(reply);
        check_rosters(reply);
        check_transitions(reply);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
    return 0;
}
