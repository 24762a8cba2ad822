#include "services/ws-edge/late_copy.h"

#include <stdlib.h>

void late_copy_keep(late_copy_t *copy, str_view message, uint64_t due_ms) {
    copy->bytes = str_view_dup(message);
    copy->len_bytes = message.len;
    copy->due_ms = due_ms;
}

str_view late_copy_due(const late_copy_t *copy, uint64_t now_ms) {
    return copy->bytes && now_ms >= copy->due_ms ? str_view_make(copy->bytes, copy->len_bytes)
                                                 : (str_view){0};
}

void late_copy_forget(late_copy_t *copy) {
    free(copy->bytes);
    *copy = (late_copy_t){0};
}
