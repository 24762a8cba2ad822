#include "services/http-api/account_sessions.h"
#include "common/base/random.h"
#include "proto/valid_fields.h"
#include <stdio.h>

/* As the overview's service has it. */
static const char SESSION_TYPE_DEFAULT[] = "video_call";

static void make_token(char token[VALID_SESSION_TOKEN_BYTES + 1]) {
    enum { PIECE_BYTES = RANDOM_HEX_BYTES - 1 };
    static_assert(VALID_SESSION_TOKEN_BYTES % PIECE_BYTES == 0, "a token is made of whole pieces");
    for (size_t at = 0; at < VALID_SESSION_TOKEN_BYTES; at += PIECE_BYTES) {
        random_hex(token + at);
    }
}

static void answer_started(text_buffer *body, const Zp__AccountReply *reply, const account_session *session) {
    (void)reply;
    json_add_text(body, "session_token", str_view_of(session->token));
    json_add_text(body, "username", str_view_of(session->username));
    json_add_text(body, "session_type", str_view_of(session->session_type));
    json_add_text_or_null(body, "room_name", session->room_name);
}

static void ask_start(const account_api *api, http_request_t *request, const account_body *body) {
    const char *type = body->texts[TEXT_SESSION_TYPE], *room = body->texts[TEXT_ROOM_NAME];
    account_session session = {0};
    make_token(session.token);
    (void)snprintf(session.username, sizeof session.username, "%s", body->texts[TEXT_USERNAME]);
    (void)snprintf(session.session_type, sizeof session.session_type, "%s",
                   type ? type : SESSION_TYPE_DEFAULT);
    (void)snprintf(session.room_name, sizeof session.room_name, "%s", room ? room : "");
    Zp__SessionStart start = ZP__SESSION_START__INIT;
    start.token = session.token;
    start.session_type = session.session_type;
    start.room_name = session.room_name;
    Zp__AccountQuery query = ZP__ACCOUNT_QUERY__INIT;
    query.username = session.username;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_SESSION_START;
    query.session_start = &start;
    account_ask(api, request, &query, true, answer_started, &session);
}

void account_session_start(const account_api *api, http_request_t *request) {
    static const unsigned reads =
        ACCOUNT_READS(TEXT_USERNAME) | ACCOUNT_READS(TEXT_SESSION_TYPE) | ACCOUNT_READS(TEXT_ROOM_NAME);
    account_body body;
    if (!account_is_enabled(api, request) || !account_take_body(api, request, reads, false, &body)) {
        return;
    }
    if (body.texts[TEXT_USERNAME]) {
        ask_start(api, request, &body);
    } else {
        http_request_refuse(request, API_USERNAME_MISSING, NULL);
    }
    account_body_free(&body);
}

static void answer_ended(text_buffer *body, const Zp__AccountReply *reply, const account_session *session) {
    (void)reply;
    (void)session;
    json_add_text(body, "message", str_view_of("Session ended successfully"));
}

static void ask_end(const account_api *api, http_request_t *request, const char *token) {
    Zp__SessionEnd end = ZP__SESSION_END__INIT;
    end.token = (char *)token;
    Zp__AccountQuery query = ZP__ACCOUNT_QUERY__INIT;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_SESSION_END;
    query.session_end = &end;
    account_ask(api, request, &query, false, answer_ended, NULL);
}

void account_session_end(const account_api *api, http_request_t *request) {
    account_body body;
    if (!account_is_enabled(api, request) ||
        !account_take_body(api, request, ACCOUNT_READS(TEXT_SESSION_TOKEN), false, &body)) {
        return;
    }
    const char *token = body.texts[TEXT_SESSION_TOKEN];
    if (!token) {
        http_request_refuse(request, API_TOKEN_MISSING, NULL);
    } else if (!valid_session_token(token)) {
        http_request_refuse(request, API_SESSION_UNKNOWN, NULL); /* none of ours */
    } else {
        ask_end(api, request, token);
    }
    account_body_free(&body);
}
