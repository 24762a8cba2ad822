#include "services/presence-core/account_rows.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/rows.h"

static const struct {
    const char *text;
    Zp__AccountResult result;
} RESULTS[] = {
    {"done", ZP__ACCOUNT_RESULT__RESULT_DONE},
    {"created", ZP__ACCOUNT_RESULT__RESULT_CREATED},
    {"no-user", ZP__ACCOUNT_RESULT__RESULT_NO_USER},
    {"nobody", ZP__ACCOUNT_RESULT__RESULT_NOBODY},
    {"no-contact", ZP__ACCOUNT_RESULT__RESULT_NO_CONTACT},
    {"no-session", ZP__ACCOUNT_RESULT__RESULT_NO_SESSION},
    {"contacts-full", ZP__ACCOUNT_RESULT__RESULT_CONTACTS_FULL},
    {"accounts-full", ZP__ACCOUNT_RESULT__RESULT_ACCOUNTS_FULL},
};

static Zp__AccountResult result_of(str_view text) {
    for (size_t i = 0; i < sizeof RESULTS / sizeof *RESULTS; i++) {
        if (str_view_equal(text, str_view_of(RESULTS[i].text))) {
            return RESULTS[i].result;
        }
    }
    return ZP__ACCOUNT_RESULT__RESULT_UNKNOWN;
}

/* "" also for a text that would end early on the bus. */
static char *text_of(redisReply *reply) {
    str_view text = reply_text(reply);
    return text.len > 0 && strlen(text.ptr) == text.len ? reply->str : "";
}

/* False: the bus would refuse it. */
static bool read_account(Zp__Account *account, redisReply **row) {
    zp__account__init(account);
    account->username = text_of(row[0]);
    account->display_name = text_of(row[1]);
    account->device_type = text_of(row[2]);
    account->metadata = text_of(row[3]);
    account->created_at_ms = reply_number(row[4]);
    account->last_seen_ms = reply_number(row[5]);
    account->total_sessions = reply_number(row[6]);
    account->status = (Zp__Status)reply_status(row[7]);
    account->since_ms = reply_number(row[8]);
    account->presence_last_seen_ms = reply_number(row[9]);
    account->is_online = reply_number(row[10]) != 0;
    account->is_favorite = reply_number(row[11]) != 0;
    account->added_at_ms = reply_number(row[12]);
    return account_valid(account);
}

bool account_rows_read(account_list *list, const redisReply *reply, Zp__AccountReply *body) {
    const redisReply *columns = reply->element[5];
    size_t count = rows_count(columns, ACCOUNT_COLUMNS);
    body->presence_known = reply_number(reply->element[1]) == 0;
    body->result = result_of(reply_text(reply->element[2]));
    body->accounts = list->pointers;
    for (size_t i = 0; i < count && body->n_accounts < VALID_ACCOUNTS_MAX; i++) {
        Zp__Account *account = &list->items[body->n_accounts];
        if (read_account(account, columns->element + i * ACCOUNT_COLUMNS)) {
            list->pointers[body->n_accounts++] = account;
        }
    }
    return body->result != ZP__ACCOUNT_RESULT__RESULT_UNKNOWN;
}
