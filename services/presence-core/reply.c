#include "services/presence-core/reply.h"
#include "proto/valid_fields.h"

bool reply_has(const redisReply *reply, size_t count) {
    return reply && reply->type == REDIS_REPLY_ARRAY && reply->elements >= count;
}

str_view reply_text(const redisReply *reply) {
    if (reply->type != REDIS_REPLY_STRING) {
        return (str_view){"", 0};
    }
    return str_view_make(reply->str, reply->len);
}

uint64_t reply_number(const redisReply *reply) {
    if (reply->type == REDIS_REPLY_INTEGER) {
        return reply->integer > 0 && valid_number((uint64_t)reply->integer) ? (uint64_t)reply->integer : 0;
    }
    str_view text = reply_text(reply);
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || number > (UINT64_MAX - 9) / 10) {
            return 0;
        }
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return valid_number(number) ? number : 0;
}

presence_status reply_status(const redisReply *reply) {
    presence_status status = STATUS_OFFLINE;
    str_view letter = reply_text(reply);
    if (letter.len == 1) {
        (void)status_from_letter(letter.ptr[0], &status);
    }
    return valid_shown_status((Zp__Status)status) ? status : STATUS_OFFLINE;
}
