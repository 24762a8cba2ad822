/* stream_query: any bytes as what a query string or a header carries to lists and streams. Ids are bounded,
 * clean and distinct; a cursor or an event id that is taken means the same when it is written again. */
#include "services/http-api/core/event_text.h"
#include "services/http-api/core/list_cursor.h"
#include "services/http-api/core/query_ids.h"
#include "tests/fuzz/fuzz.h"

enum { IDS_MAX = 20, ID_MAX_BYTES = 128 };

static void check_ids(str_view bytes, bool separated) {
    query_ids ids = {0};
    api_error error = query_ids_add(&ids, bytes, separated, IDS_MAX);
    if (error == API_OK) {
        error = query_ids_add(&ids, bytes, !separated, IDS_MAX);
    }
    assert(ids.named && ids.count <= IDS_MAX);
    if (error == API_OK) {
        assert(query_ids_finish(&ids) == API_OK);
        for (size_t i = 0; i < ids.count; i++) {
            str_view id = str_view_of(ids.user_ids[i]);
            assert(id.len >= 1 && id.len <= ID_MAX_BYTES && str_view_is_clean_text(id));
            for (size_t j = 0; j < i; j++) {
                assert(strcmp(ids.user_ids[i], ids.user_ids[j]) != 0);
            }
        }
    }
    query_ids_free(&ids);
}

static void check_cursor(str_view bytes) {
    char user[LIST_CURSOR_USER_BYTES];
    text_buffer again = {0};
    if (list_cursor_read(bytes, user)) {
        list_cursor_add(&again, str_view_of(user));
        assert(again.len_bytes == bytes.len + 2 && memcmp(again.bytes + 1, bytes.ptr, bytes.len) == 0);
    }
    text_free(&again);
}

static void check_event_id(str_view bytes) {
    log_position position, same;
    text_buffer again = {0};
    if (event_id_parse(bytes, &position)) {
        event_text_add_id(&again, position); /* "id: <id>\n\n" */
        assert(event_id_parse(str_view_make(again.bytes + 4, again.len_bytes - 6), &same));
        assert(same.epoch == position.epoch && same.seq == position.seq);
    }
    text_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str_view bytes = str_view_make(data, size);
    check_ids(bytes, true);
    check_ids(bytes, false);
    check_cursor(bytes);
    check_event_id(bytes);
    return 0;
}
