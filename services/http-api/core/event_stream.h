/* event_stream - one event stream, from its opening to its end: what it still has to say, and what has been
 * said.
 *
 *     WAITING ──the view is settled──> STATING ──everybody has been named──> FOLLOWING ──> ENDED
 *        │ the client knows an older position          ^ the log does not reach back         ^
 *        └──────────────> REPLAYING ───────────────────┴────── all that was missed ──────────┘
 *
 * Nothing is lost or said twice in between. STATING names users bit by bit, as the client reads, while the
 * view changes: whoever has been named hears of changes, whoever has not will be named as they are then.
 * REPLAYING says what the log has up to where the view stood when it was asked; what the view tells meanwhile
 * stands behind it. Owns: its texts, bounded by `bytes_max`: beyond that it is behind, and to be cut.
 * Borrows: the view. Threads: none. */
#ifndef ZP_HTTP_API_EVENT_STREAM_H
#define ZP_HTTP_API_EVENT_STREAM_H

#include "services/http-api/core/event_news.h"
#include "services/http-api/core/wanted_ids.h"

typedef enum stream_phase {
    STREAM_WAITING,
    STREAM_REPLAYING,
    STREAM_STATING,
    STREAM_FOLLOWING,
    STREAM_ENDED, /* what is unread is the last */
} stream_phase;

/* Zeroed, then opened. */
typedef struct event_stream {
    stream_phase phase;
    bool full; /* statuses */
    size_t bytes_max;
    wanted_ids wanted;
    log_position known;     /* by the client: everything up to here; epoch 0: nothing */
    log_position replay_to; /* REPLAYING */
    size_t stated_count; /* STATING: of the ids wanted, those up to here have been named; in all: how many */
    watch_walk walk;     /* STATING, where everybody is wanted */
    text_buffer out;     /* from read_bytes on it is unread */
    size_t read_bytes;
    text_buffer held; /* REPLAYING: what stands behind the replay */
} event_stream;

typedef struct event_stream_options {
    bool full;
    size_t bytes_max;
    uint64_t retry_ms;
    log_position known; /* epoch 0: nothing */
} event_stream_options;

/* Takes `wanted`. */
void event_stream_open(event_stream *stream, const event_stream_options *options, wanted_ids *wanted);
/* Also one that was never opened. */
void event_stream_close(event_stream *stream);

/* WAITING, and the view may have settled: goes on where it can. */
void event_stream_look(event_stream *stream, watch_view_t *view);
/* WAITING or REPLAYING: what the client missed cannot be had; the state is stated, as soon as there is one.
 */
void event_stream_give_up(event_stream *stream, watch_view_t *view, reset_reason reason);

/* A change that the view tells. True: there is something to read that was not there. */
bool event_stream_tell(event_stream *stream, event_news *news);

/* REPLAYING. From which position on the log is to be asked; false: not yet, there is enough to read. */
bool event_stream_wants_log(const event_stream *stream, log_position *ret_from);
/* One transition of the log, in order. False: enough for now, ask again later. */
bool event_stream_replay(event_stream *stream, const watch_change *transition);
/* The piece is through, up to `last_seq`. */
void event_stream_replayed(event_stream *stream, uint64_t last_seq);

/* The view has been read anew. */
void event_stream_settled(event_stream *stream, watch_view_t *view);
void event_stream_comment(event_stream *stream, const watch_view_t *view);
/* The client is to come back after `retry_ms`; nothing more is said. */
void event_stream_end(event_stream *stream, uint64_t retry_ms);

/* Up to `most` bytes of what is unread, made as it is read. 0: nothing now. */
size_t event_stream_read(event_stream *stream, watch_view_t *view, char *out, size_t most);

size_t event_stream_unread_bytes(const event_stream *stream);
bool event_stream_is_behind(const event_stream *stream);

#endif
