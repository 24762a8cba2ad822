#include "services/http-api/core/online_list.h"
#include "common/base/clock.h"
#include "common/base/hash_table.h"
#include "services/http-api/core/tv_json.h"
#include <stdlib.h>

typedef struct entry {
    UT_hash_handle hh; /* by username */
    listed_user user;
    bool is_online;
    char texts[]; /* of `user` */
} entry_t;

struct online_list {
    size_t most;
    bool include_offline, cut;
    entry_t *entries;
    char excluded[];
};

bool online_list_is_online(presence_status status, bool is_fresh) {
    return status == STATUS_ONLINE && is_fresh;
}

online_list_t *online_list_new(size_t most, const char *excluded, bool include_offline) {
    size_t excluded_bytes = strlen(excluded) + 1;
    online_list_t *list = calloc(1, sizeof *list + excluded_bytes);
    if (list) {
        list->most = most;
        list->include_offline = include_offline;
        memcpy(list->excluded, excluded, excluded_bytes);
    }
    return list;
}

void online_list_destroy(online_list_t **self) {
    online_list_t *list = *self;
    if (!list) {
        return;
    }
    *self = NULL;
    entry_t *entry = NULL, *next = NULL;
    HASH_ITER(hh, list->entries, entry, next) {
        HASH_DEL(list->entries, entry);
        free(entry);
    }
    free(list);
}

static entry_t *entry_new(const listed_user *user) {
    size_t username_bytes = strlen(user->username) + 1, name_bytes = strlen(user->display_name) + 1;
    entry_t *entry = calloc(1, sizeof *entry + username_bytes + name_bytes);
    if (entry) {
        memcpy(entry->texts, user->username, username_bytes);
        memcpy(entry->texts + username_bytes, user->display_name, name_bytes);
        entry->user = *user;
        entry->user.username = entry->texts;
        entry->user.display_name = entry->texts + username_bytes;
        entry->is_online = online_list_is_online(user->status, user->is_fresh);
    }
    return entry;
}

zp_error online_list_add(online_list_t *list, const listed_user *user) {
    bool listed = strcmp(user->username, list->excluded) != 0 &&
                  (list->include_offline || user->status != STATUS_OFFLINE);
    entry_t *entry = NULL;
    HASH_FIND_STR(list->entries, user->username, entry);
    if (!listed || entry) {
        return ZP_OK;
    }
    if (HASH_COUNT(list->entries) >= list->most) {
        list->cut = true;
        return ZP_FULL;
    }
    entry = entry_new(user);
    if (!entry) {
        return ZP_NO_MEMORY;
    }
    HASH_ADD_KEYPTR(hh, list->entries, entry->user.username, strlen(entry->user.username), entry);
    if (!entry->hh.tbl) {
        free(entry);
        return ZP_NO_MEMORY;
    }
    return ZP_OK;
}

static int compare(const void *a, const void *b) {
    const entry_t *left = a, *right = b;
    if (left->user.is_favourite != right->user.is_favourite) {
        return left->user.is_favourite ? -1 : 1;
    }
    if (left->is_online != right->is_online) {
        return left->is_online ? -1 : 1;
    }
    return strcmp(left->user.username, right->user.username);
}

static const char *truth(bool value) {
    return value ? "true" : "false";
}

static void add_entry(text_buffer *out, const entry_t *entry) {
    const listed_user *user = &entry->user;
    text_add(out, "{\"username\":");
    text_add_json(out, str_view_of(user->username));
    text_add(out, ",\"display_name\":");
    text_add_json(out, str_view_of(user->display_name[0] ? user->display_name : user->username));
    if (user->last_seen_ms == 0) {
        text_add(out, ",\"last_seen\":null");
    } else {
        char last_seen[CLOCK_ISO8601_BYTES];
        text_add_format(out, ",\"last_seen\":\"%s\"", clock_iso8601(user->last_seen_ms, last_seen));
    }
    text_add_format(out, ",\"presence_status\":\"%s\",\"is_online\":%s,\"is_favorite\":%s}",
                    status_name(user->status), truth(entry->is_online), truth(user->is_favourite));
}

void online_list_json(online_list_t *list, bool contacts_only, text_buffer *out) {
    HASH_SORT(list->entries, compare);
    tv_json_begin(out);
    text_add(out, ",\"users\":[");
    for (const entry_t *entry = list->entries; entry; entry = entry->hh.next) {
        add_entry(out, entry);
        text_add(out, entry->hh.next ? "," : "");
    }
    text_add_format(out, "],\"count\":%u,\"contacts_only\":%s,\"include_offline\":%s%s}",
                    HASH_COUNT(list->entries), truth(contacts_only), truth(list->include_offline),
                    list->cut ? ",\"truncated\":true" : "");
}
