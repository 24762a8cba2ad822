#include "services/http-api/core/bulk_query.h"
#include "common/base/clock.h"
#include "services/http-api/core/distinct.h"
#include "services/http-api/core/json_body.h"
#include <stdio.h>
#include <stdlib.h>

enum { INTEGER_TEXT_BYTES = 21 }; /* "-9223372036854775808" and NUL */

/* NULL where `item` is no user id. */
static char *id_text(json_t *item, char integer_text[INTEGER_TEXT_BYTES]) {
    if (json_is_integer(item)) {
        snprintf(integer_text, INTEGER_TEXT_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(item));
        return integer_text;
    }
    if (!json_is_string(item)) {
        return NULL;
    }
    str_view id = str_view_make(json_string_value(item), json_string_length(item));
    bool valid = id.len >= 1 && id.len <= BULK_USER_ID_MAX_BYTES && str_view_is_clean_text(id);
    return valid ? (char *)json_string_value(item) : NULL;
}

static api_error read_ids(bulk_query *query, const json_t *list) {
    size_t count = json_array_size(list);
    query->user_ids = calloc(count + 1, sizeof *query->user_ids);
    query->integers = calloc(count + 1, INTEGER_TEXT_BYTES);
    if (!query->user_ids || !query->integers) {
        return API_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        query->user_ids[i] = id_text(json_array_get(list, i), query->integers + i * INTEGER_TEXT_BYTES);
        if (!query->user_ids[i]) {
            return API_INVALID_ID;
        }
    }
    query->user_ids_count = count;
    return distinct_keep_first(query->user_ids, &query->user_ids_count) ? API_OK : API_NO_MEMORY;
}

api_error bulk_query_parse(str_view body, size_t ids_max, bulk_query *ret_query) {
    bulk_query query = {0};
    api_error error = json_body_parse(body, &query.json);
    if (error != API_OK) {
        return error;
    }
    const json_t *list = json_object_get(query.json, "userIds");
    if (!json_is_array(list)) {
        error = API_IDS_NOT_ARRAY;
    } else if (json_array_size(list) > ids_max) {
        error = API_TOO_MANY_IDS;
    } else {
        error = read_ids(&query, list);
    }
    if (error != API_OK) {
        bulk_query_free(&query);
        return error;
    }
    *ret_query = query;
    return API_OK;
}

void bulk_query_free(bulk_query *query) {
    free(query->user_ids);
    free(query->integers);
    json_decref(query->json);
    *query = (bulk_query){0};
}

void bulk_answer_begin(text_buffer *out) {
    text_add(out, "{");
}

void bulk_answer_add(text_buffer *out, str_view user_id, presence_status status, uint64_t last_seen_ms) {
    if (out->len_bytes > 1) {
        text_add(out, ",");
    }
    text_add_json(out, user_id);
    text_add(out, ":{\"userId\":");
    text_add_json(out, user_id);
    text_add(out, ",\"status\":\"");
    text_add(out, status_name(status_basic(status)));
    if (last_seen_ms == 0) {
        text_add(out, "\",\"lastSeen\":null}");
        return;
    }
    char last_seen[CLOCK_ISO8601_BYTES];
    text_add(out, "\",\"lastSeen\":\"");
    text_add(out, clock_iso8601(last_seen_ms, last_seen));
    text_add(out, "\"}");
}

void bulk_answer_end(text_buffer *out) {
    text_add(out, "}");
}
