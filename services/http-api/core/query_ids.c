#include "services/http-api/core/query_ids.h"
#include "common/base/url_decode.h"
#include "services/http-api/core/bulk_query.h"
#include "services/http-api/core/distinct.h"
#include <stdlib.h>

enum { FIRST_CAPACITY = 8 };

static bool make_room(query_ids *ids) {
    if (ids->count < ids->capacity) {
        return true;
    }
    size_t capacity = ids->capacity ? ids->capacity * 2 : FIRST_CAPACITY;
    char **user_ids = realloc(ids->user_ids, capacity * sizeof *user_ids);
    if (!user_ids) {
        return false;
    }
    ids->user_ids = user_ids;
    ids->capacity = capacity;
    return true;
}

static api_error add_id(query_ids *ids, str_view id, size_t ids_max) {
    if (id.len < 1 || id.len > BULK_USER_ID_MAX_BYTES || !str_view_is_clean_text(id)) {
        return API_INVALID_ID;
    }
    if (ids->count == ids_max) {
        return API_TOO_MANY_IDS;
    }
    char *copy = make_room(ids) ? str_view_dup(id) : NULL;
    if (!copy) {
        return API_NO_MEMORY;
    }
    ids->user_ids[ids->count++] = copy;
    return API_OK;
}

static api_error add_list(query_ids *ids, str_view list, size_t ids_max) {
    const char *at = list.ptr, *end = list.ptr + list.len;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        api_error error = add_id(ids, str_view_make(at, (size_t)((comma ? comma : end) - at)), ids_max);
        if (error != API_OK || !comma) {
            return error;
        }
        at = comma + 1;
    }
}

api_error query_ids_add(query_ids *ids, str_view encoded, bool separated, size_t ids_max) {
    ids->named = true;
    if (encoded.len == 0) {
        return API_OK; /* an empty list */
    }
    char *copy = str_view_dup(encoded);
    if (!copy) {
        return API_NO_MEMORY;
    }
    str_view decoded;
    api_error error = API_MALFORMED_TARGET;
    if (url_decode(copy, encoded.len, URL_QUERY, &decoded)) {
        error = separated ? add_list(ids, decoded, ids_max) : add_id(ids, decoded, ids_max);
    }
    free(copy);
    return error;
}

/* The list grows in steps, and what is dropped has to be freed: so the kept ones are told apart by a copy. */
api_error query_ids_finish(query_ids *ids) {
    char **all = malloc((ids->count + 1) * sizeof *all);
    size_t kept = ids->count;
    if (!all) {
        return API_NO_MEMORY;
    }
    if (ids->count > 0) {
        memcpy(all, ids->user_ids, ids->count * sizeof *all);
    }
    if (ids->count > 0 && !distinct_keep_first(ids->user_ids, &kept)) {
        free(all);
        return API_NO_MEMORY;
    }
    for (size_t i = 0, at = 0; i < ids->count; i++) {
        if (at < kept && ids->user_ids[at] == all[i]) {
            at++;
        } else {
            free(all[i]);
        }
    }
    free(all);
    ids->count = kept;
    return API_OK;
}

void query_ids_free(query_ids *ids) {
    for (size_t i = 0; i < ids->count; i++) {
        free(ids->user_ids[i]);
    }
    free(ids->user_ids);
    *ids = (query_ids){0};
}
