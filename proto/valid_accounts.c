/* valid_accounts - the questions and answers of accounts.proto, for valid.c. */
#include "proto/valid.h"
#include "proto/valid_fields.h"
#include <string.h>

/* -- questions -- */

static bool given_valid(const Zp__Given *given, size_t most_bytes) {
    return !given || valid_text(given->text, 0, most_bytes);
}

/* That it is JSON is for whoever shows it to see. */
static bool metadata_valid(const char *metadata) {
    return strnlen(metadata, VALID_METADATA_MAX_BYTES + 1) <= VALID_METADATA_MAX_BYTES;
}

static bool write_valid(const Zp__AccountWrite *write) {
    return given_valid(write->display_name, VALID_DISPLAY_NAME_MAX_BYTES) &&
           given_valid(write->device_type, VALID_DEVICE_MAX_BYTES) &&
           (!write->metadata || metadata_valid(write->metadata->text));
}

static bool session_start_valid(const Zp__SessionStart *start) {
    return valid_session_token(start->token) &&
           valid_text(start->session_type, 1, VALID_SESSION_TYPE_MAX_BYTES) &&
           valid_text(start->room_name, 0, VALID_ROOM_NAME_MAX_BYTES);
}

static bool contact_write_valid(const Zp__ContactWrite *write) {
    int change = (int)write->change, favorite = (int)write->favorite;
    return valid_user_id(write->contact) && change >= ZP__CONTACT_CHANGE__CONTACT_ADD &&
           change <= ZP__CONTACT_CHANGE__CONTACT_REMOVE && favorite >= ZP__FAVORITE__FAVORITE_UNCHANGED &&
           favorite <= ZP__FAVORITE__FAVORITE_YES;
}

/* What a question does not need stays empty: a core hands on what is there. */
bool account_query_valid(const Zp__AccountQuery *query) {
    bool named = valid_user_id(query->username), has_nonce = query->nonce[0] != '\0';
    bool writes = named && valid_nonce(query->nonce), reads = named && !has_nonce;
    bool of_nobody = query->username[0] == '\0' && !has_nonce;
    switch (query->body_case) {
    case ZP__ACCOUNT_QUERY__BODY_READ:
        return reads;
    case ZP__ACCOUNT_QUERY__BODY_WRITE:
        return writes && write_valid(query->write);
    case ZP__ACCOUNT_QUERY__BODY_SESSION_START:
        return writes && session_start_valid(query->session_start);
    case ZP__ACCOUNT_QUERY__BODY_SESSION_END:
        return of_nobody && valid_session_token(query->session_end->token);
    case ZP__ACCOUNT_QUERY__BODY_ACTIVE:
        return of_nobody && query->active->most > 0 && query->active->most <= VALID_ACCOUNTS_MAX;
    case ZP__ACCOUNT_QUERY__BODY_CONTACTS:
        return reads && valid_text(query->contacts->contact, 0, VALID_USER_ID_MAX_BYTES);
    case ZP__ACCOUNT_QUERY__BODY_CONTACT_WRITE:
        return writes && contact_write_valid(query->contact_write);
    case ZP__ACCOUNT_QUERY__BODY__NOT_SET:
    case _ZP__ACCOUNT_QUERY__BODY__CASE_IS_INT_SIZE:
        break;
    }
    return false;
}

/* -- answers -- */

bool account_valid(const Zp__Account *account) {
    return valid_user_id(account->username) &&
           valid_text(account->display_name, 0, VALID_DISPLAY_NAME_MAX_BYTES) &&
           valid_text(account->device_type, 0, VALID_DEVICE_MAX_BYTES) && metadata_valid(account->metadata) &&
           valid_number(account->created_at_ms) && valid_number(account->last_seen_ms) &&
           valid_number(account->total_sessions) && valid_shown_status(account->status) &&
           valid_number(account->since_ms) && valid_number(account->presence_last_seen_ms) &&
           valid_number(account->added_at_ms);
}

static bool result_valid(Zp__AccountResult result) {
    int value = (int)result;
    return value >= ZP__ACCOUNT_RESULT__RESULT_DONE && value <= ZP__ACCOUNT_RESULT__RESULT_ACCOUNTS_FULL;
}

bool account_reply_valid(const Zp__AccountReply *reply) {
    if (!valid_answer(reply->outcome, reply->position) || reply->n_accounts > VALID_ACCOUNTS_MAX ||
        (reply->outcome == ZP__OUTCOME__OUTCOME_OK && !result_valid(reply->result))) {
        return false;
    }
    for (size_t i = 0; i < reply->n_accounts; i++) {
        if (!account_valid(reply->accounts[i])) {
            return false;
        }
    }
    return true;
}
