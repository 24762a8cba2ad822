#include "services/http-api/core/event_stream.h"
#include <assert.h>

enum { AHEAD_BYTES = 8192 }; /* a state is made this far ahead of its reader */

/* Changes must find room behind it. */
static size_t ahead_bytes(const event_stream *stream) {
    return stream->bytes_max / 2 < AHEAD_BYTES ? stream->bytes_max / 2 : AHEAD_BYTES;
}

void event_stream_open(event_stream *stream, const event_stream_options *options, wanted_ids *wanted) {
    *stream = (event_stream){
        .full = options->full,
        .bytes_max = options->bytes_max,
        .known = options->known,
        .wanted = *wanted,
    };
    *wanted = (wanted_ids){0};
    event_text_add_retry(&stream->out, options->retry_ms);
}

void event_stream_close(event_stream *stream) {
    watch_walk_end(&stream->walk);
    wanted_ids_free(&stream->wanted);
    text_free(&stream->out);
    text_free(&stream->held);
}

size_t event_stream_unread_bytes(const event_stream *stream) {
    return stream->out.len_bytes - stream->read_bytes;
}

bool event_stream_is_behind(const event_stream *stream) {
    return event_stream_unread_bytes(stream) + stream->held.len_bytes > stream->bytes_max ||
           stream->out.failed || stream->held.failed;
}

/* The one place where a stream changes its phase. */
static void enter(event_stream *stream, stream_phase phase) {
    if (stream->phase == STREAM_STATING) {
        watch_walk_end(&stream->walk);
    }
    if (stream->phase == STREAM_REPLAYING && phase == STREAM_FOLLOWING) {
        text_add_view(&stream->out, str_view_make(stream->held.bytes, stream->held.len_bytes));
    }
    text_free(&stream->held);
    stream->phase = phase;
}

/* -- the state -- */

static void begin_state(event_stream *stream, watch_view_t *view, reset_reason reason) {
    event_text_add_reset(&stream->out, reason);
    stream->stated_count = 0;
    enter(stream, STREAM_STATING);
    if (wanted_ids_are_all(&stream->wanted)) {
        watch_walk_begin(view, &stream->walk);
    }
}

static bool next_to_state(event_stream *stream, const watch_view_t *view, watched_state *ret_state) {
    if (wanted_ids_are_all(&stream->wanted)) {
        return watch_walk_next(&stream->walk, ret_state);
    }
    if (stream->stated_count == stream->wanted.count) {
        return false;
    }
    watch_view_find(view, str_view_of(stream->wanted.sorted[stream->stated_count].id), ret_state);
    return true;
}

static void state_more(event_stream *stream, const watch_view_t *view) {
    watched_state user;
    while (event_stream_unread_bytes(stream) < ahead_bytes(stream) && !stream->out.failed) {
        if (!next_to_state(stream, view, &user)) {
            log_position position = watch_view_position(view);
            event_text_add_ready(&stream->out, watch_view_is_settled(view) ? &position : NULL,
                                 stream->stated_count);
            enter(stream, STREAM_FOLLOWING);
            return;
        }
        stream->stated_count++;
        const event_presence presence = {.user_id = user.user_id,
                                         .status = stream->full ? user.status : status_basic(user.status),
                                         .at_ms = user.since_ms,
                                         .seq = user.position.seq};
        event_text_add_presence(&stream->out, NULL, &presence);
    }
}

/* -- beginning -- */

void event_stream_look(event_stream *stream, watch_view_t *view) {
    if (stream->phase != STREAM_WAITING || !watch_view_is_settled(view)) {
        return;
    }
    log_position position = watch_view_position(view);
    if (stream->known.epoch == 0) {
        begin_state(stream, view, RESET_NEW);
    } else if (stream->known.epoch < position.epoch) {
        begin_state(stream, view, RESET_EPOCH);
    } else if (log_position_before(position, stream->known)) {
        return; /* what this process hears is behind what another has told the client */
    } else if (log_position_before(stream->known, position)) {
        stream->replay_to = position;
        enter(stream, STREAM_REPLAYING);
    } else {
        enter(stream, STREAM_FOLLOWING);
    }
}

void event_stream_give_up(event_stream *stream, watch_view_t *view, reset_reason reason) {
    assert(stream->phase == STREAM_WAITING || stream->phase == STREAM_REPLAYING);
    if (watch_view_is_settled(view)) {
        begin_state(stream, view, reason);
    } else {
        stream->known = (log_position){0};
        enter(stream, STREAM_WAITING);
    }
}

/* -- what is missing -- */

bool event_stream_wants_log(const event_stream *stream, log_position *ret_from) {
    if (stream->phase != STREAM_REPLAYING || event_stream_unread_bytes(stream) > stream->bytes_max / 4) {
        return false;
    }
    *ret_from = (log_position){stream->known.epoch, stream->known.seq + 1};
    return true;
}

static bool hears_of(const event_stream *stream, const event_news *news) {
    return wanted_ids_are_all(&stream->wanted) ||
           wanted_ids_find(&stream->wanted, news->change->user_id, news->hash) >= 0;
}

bool event_stream_replay(event_stream *stream, const watch_change *transition) {
    uint64_t seq = transition->position.seq;
    if (seq <= stream->known.seq || seq > stream->replay_to.seq) {
        return true;
    }
    if (event_stream_unread_bytes(stream) > stream->bytes_max / 2) {
        return false;
    }
    event_news news = event_news_of(transition, true);
    if (hears_of(stream, &news)) {
        text_add_view(&stream->out, event_news_text(&news, stream->full, true));
    }
    event_news_free(&news);
    stream->known.seq = seq;
    return true;
}

void event_stream_replayed(event_stream *stream, uint64_t last_seq) {
    if (stream->known.seq < last_seq && last_seq <= stream->replay_to.seq) {
        stream->known.seq = last_seq;
    }
    if (stream->known.seq >= stream->replay_to.seq) {
        enter(stream, STREAM_FOLLOWING);
    }
}

/* -- what comes -- */

/* Whether a state that is being told will name that user yet. */
static bool will_be_named(const event_stream *stream, const event_news *news) {
    if (wanted_ids_are_all(&stream->wanted)) {
        return !watch_walk_has_seen(&stream->walk, news->change);
    }
    return wanted_ids_find(&stream->wanted, news->change->user_id, news->hash) >= (long)stream->stated_count;
}

bool event_stream_tell(event_stream *stream, event_news *news) {
    bool with_id = news->settled;
    text_buffer *where = &stream->out;
    switch (stream->phase) {
    case STREAM_WAITING:
    case STREAM_ENDED:
        return false;
    case STREAM_REPLAYING:
        where = &stream->held;
        break;
    case STREAM_STATING:
        if (will_be_named(stream, news)) {
            return false;
        }
        with_id = false;
        break;
    case STREAM_FOLLOWING:
        break;
    }
    str_view text = hears_of(stream, news) ? event_news_text(news, stream->full, with_id) : (str_view){0};
    text_add_view(where, text);
    return text.len > 0;
}

void event_stream_settled(event_stream *stream, watch_view_t *view) {
    if (stream->phase == STREAM_WAITING) {
        event_stream_look(stream, view);
    } else if (stream->phase == STREAM_FOLLOWING) {
        event_text_add_id(&stream->out, watch_view_position(view));
    } else if (stream->phase == STREAM_REPLAYING) {
        event_text_add_id(&stream->held, watch_view_position(view));
    }
}

void event_stream_comment(event_stream *stream, const watch_view_t *view) {
    log_position position = watch_view_position(view);
    bool told_all = stream->phase == STREAM_FOLLOWING && watch_view_is_settled(view);
    event_text_add_comment(&stream->out, told_all ? &position : NULL);
}

void event_stream_end(event_stream *stream, uint64_t retry_ms) {
    if (stream->phase != STREAM_ENDED) {
        event_text_add_retry(&stream->out, retry_ms);
        enter(stream, STREAM_ENDED);
    }
}

/* -- reading -- */

size_t event_stream_read(event_stream *stream, watch_view_t *view, char *out, size_t most) {
    if (stream->phase == STREAM_STATING) {
        state_more(stream, view);
    }
    size_t unread = event_stream_unread_bytes(stream), len = unread < most ? unread : most;
    if (len > 0) {
        memcpy(out, stream->out.bytes + stream->read_bytes, len);
        stream->read_bytes += len;
    }
    if (stream->read_bytes == stream->out.len_bytes) {
        text_free(&stream->out); /* a quiet stream keeps no memory */
        stream->read_bytes = 0;
    } else if (stream->read_bytes > stream->out.len_bytes / 2) {
        text_drop_front(&stream->out, stream->read_bytes);
        stream->read_bytes = 0;
    }
    return len;
}
