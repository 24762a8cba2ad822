/* event_streams - every open event stream (core/event_stream.h) with its connection: what the fanout tells
 * goes to those that want it, the log is asked for what clients have missed, who does not read is cut. The
 * first change after an idle moment goes out at once; under load what happens in a few milliseconds goes out
 * together. Owns: the streams, the link to fanouts. Borrows: process, core link. Threads: the loop's. */
#ifndef ZP_HTTP_API_EVENT_STREAMS_H
#define ZP_HTTP_API_EVENT_STREAMS_H

#include "common/presence/log_position.h"
#include "services/http-api/core/wanted_ids.h"
#include "services/http-api/core_link.h"
#include "services/http-api/http_request.h"

typedef struct event_streams event_streams_t;

ZP_MUST_CHECK zp_error event_streams_new(event_streams_t **ret_streams, process_t *process,
                                         core_link_t *cores);

/* Ends every stream, so that its client comes back, to another process where there is one; none is opened
 * from here on. */
void event_streams_end(event_streams_t *streams);
/* Before the server goes: ends what is still there, whatever it has to say. */
void event_streams_stop(event_streams_t *streams);
/* After the server and the core link: no stream is left. */
void event_streams_destroy(event_streams_t **streams);

bool event_streams_is_full(const event_streams_t *streams);

/* Answers `request` with a stream, taking `wanted`. `known`: what its client knows already; epoch 0: nothing.
 */
void event_streams_open(event_streams_t *streams, http_request_t *request, bool full, log_position known,
                        wanted_ids *wanted);

#endif
