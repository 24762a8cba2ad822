#include "services/http-api/core/account_json.h"
#include "services/http-api/core/account_body.h"
#include "services/http-api/core/json_fields.h"
#include "services/http-api/core/tv_json.h"
#include <stdlib.h>
#include <string.h>

static void add_null(text_buffer *out, const char *key) {
    json_add_text_or_null(out, key, "");
}

static void add_presence(text_buffer *out, const account_view *account) {
    if (account->presence_known) {
        json_add_text(out, "presence_status", str_view_of(status_name(account->status)));
        json_add_bool(out, "is_online", account->is_online);
        json_add_time(out, "since", account->since_ms);
        json_add_time(out, "presence_last_seen", account->presence_last_seen_ms);
    } else {
        add_null(out, "presence_status");
        add_null(out, "is_online");
        add_null(out, "since");
        add_null(out, "presence_last_seen");
    }
}

void account_json_add(text_buffer *out, account_shape shape, const account_view *account) {
    bool is_named = account->display_name[0] != '\0';
    text_add(out, "{\"username\":");
    text_add_json(out, str_view_of(account->username));
    json_add_text(out, "display_name", str_view_of(is_named ? account->display_name : account->username));
    json_add_text_or_null(out, "device_type", account->device_type);
    if (shape == ACCOUNT_PROFILE) {
        text_add(out, ",\"metadata\":");
        text_add(out, account_body_is_object(account->metadata) ? account->metadata : "{}");
    }
    json_add_time(out, "created_at", account->created_at_ms);
    json_add_time(out, "last_seen", account->last_seen_ms);
    json_add_number(out, "total_sessions", account->total_sessions);
    add_presence(out, account);
    if (shape == ACCOUNT_CONTACT) {
        json_add_bool(out, "is_favorite", account->is_favorite);
        json_add_time(out, "added_at", account->added_at_ms);
    }
    text_add(out, "}");
}

static int compare(const void *a, const void *b) {
    const account_view *left = a, *right = b;
    if (left->is_favorite != right->is_favorite) {
        return left->is_favorite ? -1 : 1;
    }
    if (left->is_online != right->is_online) {
        return left->is_online ? -1 : 1;
    }
    return strcmp(left->username, right->username);
}

void account_json_sort_contacts(account_view *contacts, size_t count) {
    qsort(contacts, count, sizeof *contacts, compare);
}
