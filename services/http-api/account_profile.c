#include "services/http-api/account_profile.h"
#include "services/http-api/core/whole_number.h"
#include <stdio.h>

enum { ACTIVE_DEFAULT = 50 };

static const unsigned PROFILE_FIELDS =
    ACCOUNT_READS(TEXT_DISPLAY_NAME) | ACCOUNT_READS(TEXT_DEVICE_TYPE) | ACCOUNT_READS_METADATA;

/* -- register, and change -- */

static Zp__Given *given(Zp__Given *given_text, const char *text) {
    zp__given__init(given_text);
    given_text->text = (char *)text;
    return text ? given_text : NULL;
}

/* Whatever the body does not give stays as it is. */
static void ask_write(const account_api *api, http_request_t *request, const char *username, bool creates,
                      const account_body *body, account_answer_fn *answer) {
    Zp__Given display_name, device_type, metadata;
    Zp__AccountWrite write = ZP__ACCOUNT_WRITE__INIT;
    write.creates = creates;
    write.display_name = given(&display_name, body->texts[TEXT_DISPLAY_NAME]);
    write.device_type = given(&device_type, body->texts[TEXT_DEVICE_TYPE]);
    write.metadata = given(&metadata, body->metadata);
    Zp__AccountQuery query = ZP__ACCOUNT_QUERY__INIT;
    query.username = (char *)username;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_WRITE;
    query.write = &write;
    account_ask(api, request, &query, true, answer, NULL);
}

static void answer_registered(text_buffer *body, const Zp__AccountReply *reply,
                              const account_session *session) {
    (void)session;
    bool created = reply->result == ZP__ACCOUNT_RESULT__RESULT_CREATED;
    json_add_text(body, "message", str_view_of(created ? "User registered" : "User updated"));
    json_add_bool(body, "created", created);
    account_add_one(body, "user", ACCOUNT_PROFILE, reply);
}

void account_register(const account_api *api, http_request_t *request) {
    account_body body;
    if (!account_is_enabled(api, request) ||
        !account_take_body(api, request, PROFILE_FIELDS | ACCOUNT_READS(TEXT_USERNAME), false, &body)) {
        return;
    }
    if (body.texts[TEXT_USERNAME]) {
        ask_write(api, request, body.texts[TEXT_USERNAME], true, &body, answer_registered);
    } else {
        http_request_refuse(request, API_USERNAME_MISSING, NULL);
    }
    account_body_free(&body);
}

static void answer_changed(text_buffer *body, const Zp__AccountReply *reply, const account_session *session) {
    (void)session;
    json_add_text(body, "message", str_view_of("Profile updated successfully"));
    account_add_one(body, "user", ACCOUNT_PROFILE, reply);
}

void account_profile_put(const account_api *api, http_request_t *request) {
    account_body body;
    const char *username = account_is_enabled(api, request) ? account_path_user(request, 0) : NULL;
    if (username && account_take_body(api, request, PROFILE_FIELDS, false, &body)) {
        ask_write(api, request, username, false, &body, answer_changed);
        account_body_free(&body);
    }
}

/* -- look -- */

static void answer_profile(text_buffer *body, const Zp__AccountReply *reply, const account_session *session) {
    (void)session;
    account_add_one(body, "user", ACCOUNT_PROFILE, reply);
}

void account_profile_get(const account_api *api, http_request_t *request) {
    char *username = account_is_enabled(api, request) ? account_path_user(request, 0) : NULL;
    if (username) {
        Zp__AccountRead read = ZP__ACCOUNT_READ__INIT;
        Zp__AccountQuery query = ZP__ACCOUNT_QUERY__INIT;
        query.username = username;
        query.body_case = ZP__ACCOUNT_QUERY__BODY_READ;
        query.read = &read;
        account_ask(api, request, &query, false, answer_profile, NULL);
    }
}

static void answer_active(text_buffer *body, const Zp__AccountReply *reply, const account_session *session) {
    (void)session;
    text_add(body, ",\"users\":[");
    for (size_t i = 0; i < reply->n_accounts; i++) {
        account_view account = account_view_of(reply, i);
        text_add(body, i > 0 ? "," : "");
        account_json_add(body, ACCOUNT_ENTRY, &account);
    }
    text_add(body, "]");
    json_add_number(body, "count", reply->n_accounts);
}

static void ask_active(const account_api *api, http_request_t *request, uint64_t most) {
    Zp__ActiveRead active = ZP__ACTIVE_READ__INIT;
    active.most = (uint32_t)most;
    Zp__AccountQuery query = ZP__ACCOUNT_QUERY__INIT;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_ACTIVE;
    query.active = &active;
    account_ask(api, request, &query, false, answer_active, NULL);
}

void account_active(const account_api *api, http_request_t *request) {
    uint64_t most = (uint64_t)config_integer(api->process->config, SETTING_ACTIVE_MAX);
    uint64_t limit = most < ACTIVE_DEFAULT ? most : ACTIVE_DEFAULT;
    str_view limit_text;
    char details[32];
    (void)snprintf(details, sizeof details, "1 to %llu", (unsigned long long)most);
    if (!account_is_enabled(api, request)) {
        return;
    }
    if (!http_request_query(request, "limit", &limit_text)) {
        http_request_refuse(request, API_MALFORMED_TARGET, NULL);
    } else if (limit_text.ptr && !whole_number_parse(limit_text, 1, most, &limit)) {
        http_request_refuse(request, API_INVALID_LIMIT, details);
    } else {
        ask_active(api, request, limit);
    }
}
