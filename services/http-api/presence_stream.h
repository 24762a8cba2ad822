/* presence_stream - GET /api/presence/stream?userIds=a,b: a stream of events (core/event_text.h). Everybody
 * where no ids are given; statuses=full for all four; Last-Event-ID, or lastEventId in the query, to go on
 * behind it. */
#ifndef ZP_HTTP_API_PRESENCE_STREAM_H
#define ZP_HTTP_API_PRESENCE_STREAM_H

#include "services/http-api/event_streams.h"

void presence_stream_handle(const process_t *process, event_streams_t *streams, http_request_t *request);

#endif
