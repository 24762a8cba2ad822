#include "services/presence-core/rows.h"
#include "proto/valid.h"
#include "proto/valid_fields.h"
#include "services/presence-core/reply.h"

size_t rows_count(const redisReply *columns, size_t columns_a_row) {
    return columns->type == REDIS_REPLY_ARRAY ? columns->elements / columns_a_row : 0;
}

/* NULL: no text, or one that would end early on the bus. */
static char *text_of(const redisReply *reply) {
    str_view text = reply_text(reply);
    return text.len > 0 && strlen(text.ptr) == text.len ? reply->str : NULL;
}

size_t rows_read_users(const redisReply *columns, size_t most, Zp__UserState *states,
                       Zp__UserState **pointers) {
    size_t rows = rows_count(columns, USER_COLUMNS), count = 0;
    for (size_t i = 0; i < rows && count < most; i++) {
        redisReply **row = columns->element + i * USER_COLUMNS;
        char *user_id = text_of(row[0]);
        if (!user_id || !valid_user_id(user_id) ||
            (count > 0 && strcmp(states[count - 1].user_id, user_id) >= 0)) {
            continue;
        }
        Zp__UserState *state = &states[count];
        zp__user_state__init(state);
        state->user_id = user_id;
        state->status = (Zp__Status)reply_status(row[1]);
        state->last_seen_ms = reply_number(row[2]);
        state->since_ms = reply_number(row[3]);
        state->seq = reply_number(row[4]);
        pointers[count++] = state;
    }
    return count;
}

char *rows_text(redisReply *reply) {
    char *text = text_of(reply);
    return text && valid_text(text, 1, VALID_DISPLAY_NAME_MAX_BYTES) ? text : "";
}

size_t rows_read_directory(const redisReply *columns, size_t most, Zp__DirectoryUser *users,
                           Zp__DirectoryUser **pointers) {
    size_t rows = rows_count(columns, DIRECTORY_COLUMNS), count = 0;
    for (size_t i = 0; i < rows && count < most; i++) {
        redisReply **row = columns->element + i * DIRECTORY_COLUMNS;
        Zp__DirectoryUser *user = &users[count];
        zp__directory_user__init(user);
        user->user_id = rows_text(row[0]);
        user->display_name = rows_text(row[1]);
        user->status = (Zp__Status)reply_status(row[2]);
        user->last_seen_ms = reply_number(row[3]);
        user->fresh = reply_number(row[4]) != 0;
        user->favourite = reply_number(row[5]) != 0;
        if (directory_user_valid(user)) {
            pointers[count++] = user;
        }
    }
    return count;
}

void rows_read_services(const redisReply *columns, service_list *list) {
    size_t rows = rows_count(columns, SERVICE_COLUMNS);
    for (size_t i = 0; i < rows && list->count < SERVICES_MAX; i++) {
        redisReply **columns_of_row = columns->element + i * SERVICE_COLUMNS;
        struct service_row *row = &list->rows[list->count];
        row->json = process_json_read(reply_text(columns_of_row[1]), &row->process, &row->figures);
        if (!row->json || !valid_process(&row->process)) {
            json_decref(row->json);
            continue;
        }
        zp__service_state__init(&row->state);
        row->state.process = &row->process;
        row->state.beat_age_ms = reply_number(columns_of_row[0]);
        list->pointers[list->count++] = &row->state;
    }
}

void service_list_clear(service_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        json_decref(list->rows[i].json);
    }
    list->count = 0;
}
