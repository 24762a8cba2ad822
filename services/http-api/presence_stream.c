#include "services/http-api/presence_stream.h"
#include "services/http-api/core/event_text.h"
#include "services/http-api/query_request.h"

/* What the client knows; one that names no position of ours knows nothing. False: it cannot be decoded. */
static bool read_known(http_request_t *request, log_position *ret_known) {
    const char *named = http_request_header(request, "Last-Event-ID");
    str_view text = str_view_of(named);
    *ret_known = (log_position){0};
    if (!named && !http_request_query(request, "lastEventId", &text)) {
        return false;
    }
    (void)event_id_parse(text, ret_known);
    return true;
}

static void open_stream(const process_t *process, event_streams_t *streams, http_request_t *request,
                        query_ids *ids) {
    bool full = false;
    log_position known;
    wanted_ids wanted = {0};
    api_error error = query_request_statuses(request, &full);
    if (error == API_OK && !read_known(request, &known)) {
        error = API_MALFORMED_TARGET;
    }
    if (error == API_OK && event_streams_is_full(streams)) {
        error = API_TOO_MANY_STREAMS;
    }
    if (error == API_OK && ids->named) {
        bool taken = wanted_ids_take(&wanted, ids->user_ids, ids->count);
        ids->count = 0; /* they are the set's now */
        error = taken ? API_OK : API_NO_MEMORY;
    }
    if (error == API_TOO_MANY_STREAMS) {
        metrics_add(process->metrics, METRIC_HTTP_STREAMS_REFUSED, 1);
        http_request_add_header(request, MHD_HTTP_HEADER_RETRY_AFTER, "5");
    }
    if (error != API_OK) {
        http_request_refuse(request, error, NULL);
        return;
    }
    event_streams_open(streams, request, full, known, &wanted);
}

void presence_stream_handle(const process_t *process, event_streams_t *streams, http_request_t *request) {
    if (!config_bool(process->config, SETTING_PRESENCE_ENABLED)) {
        http_request_refuse(request, API_DISABLED, NULL);
        return;
    }
    size_t ids_max = (size_t)config_integer(process->config, SETTING_STREAM_IDS_MAX);
    query_ids ids = {0};
    api_error error = query_request_ids(request, ids_max, &ids);
    if (error == API_OK && ids.named && ids.count == 0) {
        error = API_IDS_MISSING; /* an empty list is nobody, not everybody */
    }
    if (error == API_OK) {
        open_stream(process, streams, request, &ids);
    } else {
        query_request_refuse_ids(request, error, ids_max);
    }
    query_ids_free(&ids);
}
