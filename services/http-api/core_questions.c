#include "services/http-api/core_questions.h"

zp_error ask_status(core_link_t *link, char **user_ids, size_t user_ids_count, core_answer_fn *on_status,
                    void *context) {
    Zp__StatusQuery query = ZP__STATUS_QUERY__INIT;
    query.user_ids = user_ids;
    query.n_user_ids = user_ids_count;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_STATUS_QUERY;
    message.status_query = &query;
    return core_link_ask(link, &message, &query.request_id, ZP__CORE_TO_API__BODY_STATUS_REPLY, on_status,
                         context);
}

zp_error ask_services(core_link_t *link, core_answer_fn *on_services, void *context) {
    Zp__ServicesQuery query = ZP__SERVICES_QUERY__INIT;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_SERVICES_QUERY;
    message.services_query = &query;
    return core_link_ask(link, &message, &query.request_id, ZP__CORE_TO_API__BODY_SERVICES_REPLY, on_services,
                         context);
}

zp_error ask_explain(core_link_t *link, const char *user_id, uint32_t most, core_answer_fn *on_explained,
                     void *context) {
    Zp__ExplainQuery query = ZP__EXPLAIN_QUERY__INIT;
    query.user_id = (char *)user_id; /* protobuf-c's structs borrow, and know no const */
    query.most = most;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_EXPLAIN_QUERY;
    message.explain_query = &query;
    return core_link_ask(link, &message, &query.request_id, ZP__CORE_TO_API__BODY_EXPLAIN_REPLY, on_explained,
                         context);
}

zp_error ask_heartbeats(core_link_t *link, Zp__Heartbeats *heartbeats, core_answer_fn *on_heard,
                        void *context) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_HEARTBEATS;
    message.heartbeats = heartbeats;
    return core_link_ask(link, &message, &heartbeats->request_id, ZP__CORE_TO_API__BODY_HEARTBEATS_REPLY,
                         on_heard, context);
}

zp_error ask_directory(core_link_t *link, Zp__DirectoryQuery *query, core_answer_fn *on_piece,
                       void *context) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_DIRECTORY_QUERY;
    message.directory_query = query;
    return core_link_ask(link, &message, &query->request_id, ZP__CORE_TO_API__BODY_DIRECTORY_REPLY, on_piece,
                         context);
}

zp_error ask_account(core_link_t *link, Zp__AccountQuery *query, core_answer_fn *on_account, void *context) {
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_ACCOUNT_QUERY;
    message.account_query = query;
    return core_link_ask(link, &message, &query->request_id, ZP__CORE_TO_API__BODY_ACCOUNT_REPLY, on_account,
                         context);
}

zp_error ask_online(core_link_t *link, const char *after, uint32_t most, core_answer_fn *on_page,
                    void *context) {
    Zp__OnlineQuery query = ZP__ONLINE_QUERY__INIT;
    query.after = (char *)after;
    query.most = most;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_ONLINE_QUERY;
    message.online_query = &query;
    return core_link_ask(link, &message, &query.request_id, ZP__CORE_TO_API__BODY_ONLINE_REPLY, on_page,
                         context);
}

zp_error ask_replay(core_link_t *link, log_position from, core_answer_fn *on_piece, void *context) {
    Zp__Replay query = ZP__REPLAY__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    position.epoch = from.epoch;
    position.seq = from.seq;
    query.from = &position;
    Zp__ApiToCore message = ZP__API_TO_CORE__INIT;
    message.body_case = ZP__API_TO_CORE__BODY_REPLAY;
    message.replay = &query;
    return core_link_ask(link, &message, &query.request_id, ZP__CORE_TO_API__BODY_REPLAY_REPLY, on_piece,
                         context);
}
