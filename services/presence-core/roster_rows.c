#include "services/presence-core/roster_rows.h"
#include "proto/valid_fields.h"
#include "services/presence-core/reply.h"
#include "services/presence-core/rows.h"
#include <stdio.h>

static const char GROUP_LETTER = 'g';
static const char CONTACTS_LETTER = 'c';

void roster_rows_ask(arguments_t *arguments, const Zp__RostersQuery *query) {
    for (size_t i = 0; i < query->n_rosters; i++) {
        const Zp__Roster *roster = query->rosters[i];
        bool is_group = roster->kind == ZP__ROSTER__KIND__KIND_GROUP;
        arguments_add(arguments, str_view_make(is_group ? &GROUP_LETTER : &CONTACTS_LETTER, 1));
        arguments_add(arguments, str_view_of(roster->id));
        arguments_add_number(arguments, roster->version);
    }
}

/* False: there is no room for them, as for no answer of rosters.lua. One list alone that is too large for the
 * bus, as no setting allows, is cut: else it would keep all others from being heard. */
static bool read_users(roster_list *list, const redisReply *users, Zp__Roster *roster) {
    size_t room = VALID_ROSTER_USERS_MAX - list->users_count;
    if (users->type != REDIS_REPLY_ARRAY || (users->elements > room && list->count > 0)) {
        return false;
    }
    roster->user_ids = list->users + list->users_count;
    for (size_t i = 0; i < users->elements && roster->n_user_ids < room; i++) {
        char *user_id = rows_text(users->element[i]);
        if (valid_user_id(user_id)) {
            roster->user_ids[roster->n_user_ids++] = user_id;
        }
    }
    list->users_count += roster->n_user_ids;
    return true;
}

/* `asked` is where its columns stand in `arguments`. */
static bool read_roster(roster_list *list, redisReply *const *row, const arguments_t *arguments,
                        size_t asked) {
    Zp__Roster *roster = &list->rosters[list->count];
    zp__roster__init(roster);
    str_view id = arguments_get(arguments, asked + 1);
    (void)snprintf(list->ids[list->count], sizeof list->ids[list->count], "%.*s", (int)id.len, id.ptr);
    bool is_group = arguments_get(arguments, asked).ptr[0] == GROUP_LETTER;
    roster->kind = is_group ? ZP__ROSTER__KIND__KIND_GROUP : ZP__ROSTER__KIND__KIND_CONTACTS;
    roster->id = list->ids[list->count];
    roster->version = reply_number(row[1]);
    if (roster->version == 0 || !read_users(list, row[2], roster)) {
        return false;
    }
    list->pointers[list->count++] = roster;
    return true;
}

bool roster_rows_read(roster_list *list, const redisReply *reply, const arguments_t *arguments,
                      size_t asked_at, Zp__RostersReply *body) {
    const redisReply *rows = reply->element[2];
    size_t asked_count = (arguments->count - asked_at) / ROSTER_ASKED_COLUMNS;
    uint64_t last_index = 0;
    list->count = list->users_count = 0;
    if (rows->type != REDIS_REPLY_ARRAY || rows->elements % ROSTER_COLUMNS != 0) {
        return false;
    }
    for (size_t i = 0; i < rows->elements; i += ROSTER_COLUMNS) {
        uint64_t index = reply_number(rows->element[i]);
        if (index <= last_index || index > asked_count || list->count == VALID_ROSTERS_MAX ||
            !read_roster(list, rows->element + i, arguments,
                         asked_at + (size_t)(index - 1) * ROSTER_ASKED_COLUMNS)) {
            return false;
        }
        last_index = index;
    }
    body->n_rosters = list->count;
    body->rosters = list->pointers;
    body->more = reply_number(reply->element[1]) != 0;
    return true;
}
