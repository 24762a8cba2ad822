#include "services/ws-edge/core_questions.h"

/* -- asking -- */

static bool send_question(core_link_t *link, core_request *request, str_view message,
                          uint64_t *ret_request_id) {
    if (peer_send(request->peer, message) != ZP_OK) {
        core_requests_end(&link->requests, request);
        return false;
    }
    *ret_request_id = request->id;
    return true;
}

bool core_link_ask_online(core_link_t *link, str_view key, const char *after, uint32_t most, bool devices,
                          uint64_t *ret_request_id) {
    peer_t *peer = peer_set_choose(link->peers, key);
    core_request *request = peer ? core_link_open_request(link, REQUEST_ONLINE, peer) : NULL;
    return request &&
           send_question(link, request, core_messages_online(&link->messages, request, after, most, devices),
                         ret_request_id);
}

bool core_link_ask_statuses(core_link_t *link, str_view key, char *const *user_ids, size_t count,
                            uint64_t *ret_request_id) {
    peer_t *peer = peer_set_choose(link->peers, key);
    core_request *request = peer ? core_link_open_request(link, REQUEST_STATUSES, peer) : NULL;
    return request &&
           send_question(link, request, core_messages_statuses(&link->messages, request, user_ids, count),
                         ret_request_id);
}

bool core_link_ask_rosters(core_link_t *link, const roster_t *const rosters[], size_t count) {
    uint64_t request_id;
    peer_t *peer = core_link_any_peer(link);
    core_request *request = peer ? core_link_open_request(link, REQUEST_ROSTERS, peer) : NULL;
    return request &&
           send_question(link, request, core_messages_rosters(&link->messages, request, rosters, count),
                         &request_id);
}

bool core_link_change_group(core_link_t *link, const char *user_id, str_view group_id, bool joins,
                            uint64_t *ret_request_id) {
    peer_t *peer = peer_set_choose(link->peers, str_view_of(user_id));
    core_request *request = peer ? core_link_open_request(link, REQUEST_GROUP, peer) : NULL;
    return request && send_question(link, request,
                                    core_messages_group(&link->messages, request, user_id, group_id, joins,
                                                        core_link_void_after_ms(link)),
                                    ret_request_id);
}

/* -- answers -- */

/* False: answered too late, it has been asked again. */
static bool take_question(core_link_t *link, uint64_t id, core_request_kind kind) {
    core_request *request = core_requests_find(&link->requests, id);
    if (!request || request->kind != kind) {
        return false;
    }
    core_requests_end(&link->requests, request);
    return true;
}

static void on_online_reply(core_link_t *link, const Zp__OnlineReply *reply) {
    core_link_note_position(link, core_link_position_of(reply->position));
    if (take_question(link, reply->request_id, REQUEST_ONLINE)) {
        bool usable = reply->outcome == ZP__OUTCOME__OUTCOME_OK;
        link->hooks.online(link->hooks_context, reply->request_id, usable ? reply : NULL);
    }
}

static void on_status_reply(core_link_t *link, const Zp__StatusReply *reply) {
    if (take_question(link, reply->request_id, REQUEST_STATUSES)) {
        bool usable = reply->outcome == ZP__OUTCOME__OUTCOME_OK;
        link->hooks.statuses(link->hooks_context, reply->request_id, usable ? reply : NULL);
    }
}

static void on_rosters_reply(core_link_t *link, const Zp__RostersReply *reply) {
    if (take_question(link, reply->request_id, REQUEST_ROSTERS)) {
        bool usable = reply->outcome == ZP__OUTCOME__OUTCOME_OK;
        link->hooks.rosters(link->hooks_context, usable ? reply : NULL);
    }
}

static void on_group_changed(core_link_t *link, const Zp__GroupChanged *reply) {
    if (take_question(link, reply->request_id, REQUEST_GROUP)) {
        bool usable = reply->outcome == ZP__OUTCOME__OUTCOME_OK;
        link->hooks.group_changed(link->hooks_context, reply->request_id,
                                  usable ? reply->result : ZP__GROUP_RESULT__GROUP_RESULT_UNKNOWN);
    }
}

void core_questions_take_answer(core_link_t *link, const Zp__CoreToEdge *message) {
    if (message->body_case == ZP__CORE_TO_EDGE__BODY_ONLINE_REPLY) {
        on_online_reply(link, message->online_reply);
    } else if (message->body_case == ZP__CORE_TO_EDGE__BODY_STATUS_REPLY) {
        on_status_reply(link, message->status_reply);
    } else if (message->body_case == ZP__CORE_TO_EDGE__BODY_ROSTERS_REPLY) {
        on_rosters_reply(link, message->rosters_reply);
    } else if (message->body_case == ZP__CORE_TO_EDGE__BODY_GROUP_CHANGED) {
        on_group_changed(link, message->group_changed);
    }
}

void core_questions_fail(core_link_t *link, const core_request *request) {
    const core_link_hooks *hooks = &link->hooks;
    if (request->kind == REQUEST_ONLINE) {
        hooks->online(link->hooks_context, request->id, NULL);
    } else if (request->kind == REQUEST_STATUSES) {
        hooks->statuses(link->hooks_context, request->id, NULL);
    } else if (request->kind == REQUEST_ROSTERS) {
        hooks->rosters(link->hooks_context, NULL);
    } else if (request->kind == REQUEST_GROUP) {
        hooks->group_changed(link->hooks_context, request->id, ZP__GROUP_RESULT__GROUP_RESULT_UNKNOWN);
    }
}
