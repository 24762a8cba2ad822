/* bulk_query: any bytes as the body of POST /api/presence/status. What is asked is distinct, bounded user
 * ids; asked again with them alone, it is the same question; and the answer is JSON with exactly these keys.
 */
#include "services/http-api/core/bulk_query.h"
#include "tests/fuzz/fuzz.h"
#include <jansson.h>

enum { IDS_MAX = 50 };

static json_t *read_json(text_buffer *text) {
    size_t len_bytes = 0;
    char *bytes = text_take(text, &len_bytes);
    assert(bytes);
    json_t *json = json_loadb(bytes, len_bytes, JSON_REJECT_DUPLICATES, NULL);
    assert(json_is_object(json));
    free(bytes);
    return json;
}

static void check_ids(const bulk_query *query) {
    assert(query->user_ids_count <= IDS_MAX);
    for (size_t i = 0; i < query->user_ids_count; i++) {
        str_view id = str_view_of(query->user_ids[i]);
        assert(id.len >= 1 && id.len <= BULK_USER_ID_MAX_BYTES && str_view_is_clean_text(id));
        for (size_t before = 0; before < i; before++) {
            assert(strcmp(query->user_ids[before], query->user_ids[i]) != 0);
        }
    }
}

static void check_asked_again(const bulk_query *query) {
    text_buffer text = {0};
    text_add(&text, "{\"userIds\":[");
    for (size_t i = 0; i < query->user_ids_count; i++) {
        text_add(&text, i > 0 ? "," : "");
        text_add_json(&text, str_view_of(query->user_ids[i]));
    }
    text_add(&text, "]}");
    bulk_query again;
    assert(bulk_query_parse(str_view_make(text.bytes, text.len_bytes), IDS_MAX, &again) == API_OK);
    assert(again.user_ids_count == query->user_ids_count);
    for (size_t i = 0; i < query->user_ids_count; i++) {
        assert(strcmp(again.user_ids[i], query->user_ids[i]) == 0);
    }
    bulk_query_free(&again);
    text_free(&text);
}

static void check_answer(const bulk_query *query, uint64_t last_seen_ms) {
    text_buffer text = {0};
    bulk_answer_begin(&text);
    for (size_t i = 0; i < query->user_ids_count; i++) {
        bulk_answer_add(&text, str_view_of(query->user_ids[i]), (presence_status)(i % 5), last_seen_ms * i);
    }
    bulk_answer_end(&text);
    json_t *answer = read_json(&text);
    assert(json_object_size(answer) == query->user_ids_count);
    for (size_t i = 0; i < query->user_ids_count; i++) {
        const json_t *user = json_object_get(answer, query->user_ids[i]);
        assert(strcmp(json_string_value(json_object_get(user, "userId")), query->user_ids[i]) == 0);
        const char *status = json_string_value(json_object_get(user, "status"));
        assert(strcmp(status, "online") == 0 || strcmp(status, "offline") == 0);
        assert(json_is_null(json_object_get(user, "lastSeen")) == (last_seen_ms * i == 0));
    }
    json_decref(answer);
}

static void check_refusal(api_error error) {
    assert(api_error_http_status(error) >= 400 && api_error_http_status(error) < 600);
    text_buffer text = {0};
    api_error_add_body(&text, error, NULL);
    json_t *body = read_json(&text);
    assert(json_is_string(json_object_get(body, "error")) && json_is_string(json_object_get(body, "code")));
    json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    bulk_query query = {0};
    api_error error = bulk_query_parse(str_view_make(data, size), IDS_MAX, &query);
    if (error != API_OK) {
        assert(!query.user_ids && !query.json && !query.integers);
        check_refusal(error);
        return 0;
    }
    check_ids(&query);
    check_asked_again(&query);
    check_answer(&query, (uint64_t)size * 10000000000);
    bulk_query_free(&query);
    return 0;
}
