#include "services/http-api/account_contacts.h"
#include <stdlib.h>

/* -- reading -- */

static void answer_contacts(text_buffer *body, const Zp__AccountReply *reply,
                            const account_session *session) {
    (void)session;
    account_view *contacts = calloc(reply->n_accounts + 1, sizeof *contacts);
    if (!contacts) {
        body->failed = true;
        return;
    }
    for (size_t i = 0; i < reply->n_accounts; i++) {
        contacts[i] = account_view_of(reply, i);
    }
    account_json_sort_contacts(contacts, reply->n_accounts);
    text_add(body, ",\"contacts\":[");
    for (size_t i = 0; i < reply->n_accounts; i++) {
        text_add(body, i > 0 ? "," : "");
        account_json_add(body, ACCOUNT_CONTACT, &contacts[i]);
    }
    text_add(body, "]");
    json_add_number(body, "count", reply->n_accounts);
    free(contacts);
}

static void answer_contact(text_buffer *body, const Zp__AccountReply *reply, const account_session *session) {
    (void)session;
    account_add_one(body, "contact", ACCOUNT_CONTACT, reply);
}

/* `contact` "": all. */
static void ask_read(const account_api *api, http_request_t *request, char *username, char *contact,
                     account_answer_fn *answer) {
    Zp__ContactsRead contacts = ZP__CONTACTS_READ__INIT;
    contacts.contact = contact;
    Zp__AccountQuery query = ZP__ACCOUNT_QUERY__INIT;
    query.username = username;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_CONTACTS;
    query.contacts = &contacts;
    account_ask(api, request, &query, false, answer, NULL);
}

void account_contacts_get(const account_api *api, http_request_t *request) {
    char *username = account_is_enabled(api, request) ? account_path_user(request, 0) : NULL;
    if (username) {
        ask_read(api, request, username, "", answer_contacts);
    }
}

void account_contact_get(const account_api *api, http_request_t *request) {
    char *username = account_is_enabled(api, request) ? account_path_user(request, 0) : NULL;
    char *contact = username ? account_path_user(request, 1) : NULL;
    if (contact) {
        ask_read(api, request, username, contact, answer_contact);
    }
}

/* -- writing -- */

static void answer_added(text_buffer *body, const Zp__AccountReply *reply, const account_session *session) {
    json_add_text(body, "message", str_view_of("Contact saved"));
    answer_contact(body, reply, session);
}

static void answer_removed(text_buffer *body, const Zp__AccountReply *reply, const account_session *session) {
    (void)reply;
    (void)session;
    json_add_text(body, "message", str_view_of("Contact removed"));
}

static void ask_change(const account_api *api, http_request_t *request, char *username, const char *contact,
                       Zp__ContactChange change, account_favorite favorite) {
    static const Zp__Favorite favorites[] = {
        [FAVORITE_MISSING] = ZP__FAVORITE__FAVORITE_UNCHANGED,
        [FAVORITE_FALSE] = ZP__FAVORITE__FAVORITE_NO,
        [FAVORITE_TRUE] = ZP__FAVORITE__FAVORITE_YES,
    };
    if (strcmp(username, contact) == 0) {
        http_request_refuse(request, API_CONTACT_IS_SELF, NULL);
        return;
    }
    Zp__ContactWrite write = ZP__CONTACT_WRITE__INIT;
    write.change = change;
    write.contact = (char *)contact;
    write.favorite = favorites[favorite];
    Zp__AccountQuery query = ZP__ACCOUNT_QUERY__INIT;
    query.username = username;
    query.body_case = ZP__ACCOUNT_QUERY__BODY_CONTACT_WRITE;
    query.contact_write = &write;
    bool removes = change == ZP__CONTACT_CHANGE__CONTACT_REMOVE;
    account_ask(api, request, &query, true, removes ? answer_removed : answer_added, NULL);
}

void account_contacts_post(const account_api *api, http_request_t *request) {
    account_body body;
    char *username = account_is_enabled(api, request) ? account_path_user(request, 0) : NULL;
    if (!username || !account_take_body(api, request, ACCOUNT_READS(TEXT_CONTACT) | ACCOUNT_READS_FAVORITE,
                                        false, &body)) {
        return;
    }
    if (body.texts[TEXT_CONTACT]) {
        ask_change(api, request, username, body.texts[TEXT_CONTACT], ZP__CONTACT_CHANGE__CONTACT_ADD,
                   body.favorite);
    } else {
        http_request_refuse(request, API_FIELD_MISSING, "contact");
    }
    account_body_free(&body);
}

/* POST and PATCH of one contact: a PATCH has to say what it changes. */
static void change_one(const account_api *api, http_request_t *request, Zp__ContactChange change) {
    bool adds = change == ZP__CONTACT_CHANGE__CONTACT_ADD;
    account_body body;
    char *username = account_is_enabled(api, request) ? account_path_user(request, 0) : NULL;
    char *contact = username ? account_path_user(request, 1) : NULL;
    if (!contact || !account_take_body(api, request, ACCOUNT_READS_FAVORITE, adds, &body)) {
        return;
    }
    if (adds || body.favorite != FAVORITE_MISSING) {
        ask_change(api, request, username, contact, change, body.favorite);
    } else {
        http_request_refuse(request, API_FIELD_MISSING, "is_favorite");
    }
    account_body_free(&body);
}

void account_contact_post(const account_api *api, http_request_t *request) {
    change_one(api, request, ZP__CONTACT_CHANGE__CONTACT_ADD);
}

void account_contact_patch(const account_api *api, http_request_t *request) {
    change_one(api, request, ZP__CONTACT_CHANGE__CONTACT_SET);
}

void account_contact_delete(const account_api *api, http_request_t *request) {
    char *username = account_is_enabled(api, request) ? account_path_user(request, 0) : NULL;
    char *contact = username ? account_path_user(request, 1) : NULL;
    if (contact) {
        ask_change(api, request, username, contact, ZP__CONTACT_CHANGE__CONTACT_REMOVE, FAVORITE_MISSING);
    }
}
