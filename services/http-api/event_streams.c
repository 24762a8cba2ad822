#include "services/http-api/event_streams.h"
#include "common/base/clock.h"
#include "common/base/random.h"
#include "common/base/ring.h"
#include "common/log/log.h"
#include "common/subscriber/fanout_link.h"
#include "services/http-api/core/event_stream.h"
#include "services/http-api/core_questions.h"
#include "services/http-api/http_stream.h"
#include <assert.h>
#include <stdlib.h>

enum {
    FLUSH_MS = 3,       /* as ws-edge's audience.c */
    LOOK_FRACTION = 8,  /* of STREAM_COMMENT_MS: how often streams are looked at */
    LOOK_MOST_MS = 250, /* and at least so often: those that wait are given up in time */
};

typedef struct open_stream {
    ring link;  /* in event_streams.open */
    ring fresh; /* in event_streams.fresh while it has something that its connection does not know of */
    event_streams_t *owner;
    event_stream core;
    http_stream_t *http; /* NULL: its connection is gone, and it waits for the answer of a core only */
    uint64_t opened_at_ms, commented_at_ms;
    uint64_t expires_at_unix_ms; /* its client's token; 0: never */
    bool asking;                 /* the log is being asked for it */
} open_stream;

struct event_streams {
    process_t *process;
    core_link_t *cores;
    fanout_link_t *fanout;
    ring open, fresh;
    size_t count, count_max;
    uint64_t comment_ms, give_up_ms, flushed_at_ms;
    uv_timer_t look_timer, flush_timer;
    int handles_open;
    bool flush_scheduled, ended;
};

static uint64_t now_ms(const event_streams_t *streams) {
    return uv_now(&streams->process->loop);
}

static watch_view_t *view_of(const event_streams_t *streams) {
    return fanout_link_walked_view(streams->fanout);
}

static void count(const event_streams_t *streams, metric_id metric) {
    metrics_add(streams->process->metrics, metric, 1);
}

/* -- what connections have to know -- */

static void flush(uv_timer_t *timer) {
    event_streams_t *streams = timer->data;
    streams->flush_scheduled = false;
    streams->flushed_at_ms = now_ms(streams);
    while (!ring_is_empty(&streams->fresh)) {
        open_stream *stream = RING_OWNER(streams->fresh.next, open_stream, fresh);
        ring_remove(&stream->fresh);
        http_stream_wake(stream->http);
    }
}

static void schedule_flush(event_streams_t *streams) {
    if (!streams->flush_scheduled) {
        uint64_t since_ms = now_ms(streams) - streams->flushed_at_ms;
        streams->flush_scheduled = true;
        uv_timer_start(&streams->flush_timer, flush, since_ms >= FLUSH_MS ? 0 : FLUSH_MS - since_ms, 0);
    }
}

static void cut(open_stream *stream) {
    count(stream->owner, METRIC_HTTP_STREAMS_CUT);
    log_info("http.stream.slow", "unread_bytes=%zu", event_stream_unread_bytes(&stream->core));
    event_stream_end(&stream->core, 0);
    ring_remove(&stream->fresh);
    http_stream_cut(stream->http);
}

/* There is something to read, or may be. */
static void refresh(open_stream *stream) {
    if (stream->core.phase != STREAM_ENDED && event_stream_is_behind(&stream->core)) {
        cut(stream);
    } else if (!ring_is_in_list(&stream->fresh)) {
        ring_append(&stream->owner->fresh, &stream->fresh);
        schedule_flush(stream->owner);
    }
}

/* -- the log -- */

static void on_log(void *context, const Zp__CoreToApi *answer);

static void give_up(open_stream *stream, reset_reason reason) {
    event_stream_give_up(&stream->core, view_of(stream->owner), reason);
    if (stream->core.phase == STREAM_STATING) {
        count(stream->owner, METRIC_HTTP_STREAMS_RESET);
    }
    refresh(stream);
}

static bool has_waited_enough(const open_stream *stream) {
    return now_ms(stream->owner) - stream->opened_at_ms > stream->owner->give_up_ms;
}

/* An http-api that has just begun may know of no core yet: on_look asks again. */
static void ask_log(open_stream *stream) {
    log_position from;
    if (stream->asking || !event_stream_wants_log(&stream->core, &from)) {
        return;
    }
    stream->asking = ask_replay(stream->owner->cores, from, on_log, stream) == ZP_OK;
    if (!stream->asking && has_waited_enough(stream)) {
        give_up(stream, RESET_UNKNOWN);
    }
}

static void take_log(open_stream *stream, const Zp__Transitions *transitions) {
    for (size_t i = 0; i < transitions->n_transitions; i++) {
        const Zp__Transition *transition = transitions->transitions[i];
        const watch_change change = {.user_id = str_view_of(transition->user_id),
                                     .from = (presence_status)transition->from,
                                     .to = (presence_status)transition->to,
                                     .position = {transitions->epoch, transition->seq},
                                     .at_ms = transition->at_ms};
        if (!event_stream_replay(&stream->core, &change)) {
            return; /* the rest is asked for again when this has been read */
        }
    }
    event_stream_replayed(&stream->core, transitions->last_seq);
}

static bool has_missed(const Zp__ReplayReply *reply) {
    return reply->transitions && reply->transitions->n_transitions > 0;
}

static void on_log(void *context, const Zp__CoreToApi *answer) {
    open_stream *stream = context;
    stream->asking = false;
    if (!stream->http) {
        event_stream_close(&stream->core);
        free(stream);
        return;
    }
    if (stream->core.phase != STREAM_REPLAYING) {
        return;
    }
    const Zp__ReplayReply *reply = answer ? answer->replay_reply : NULL;
    if (!reply || reply->outcome != ZP__OUTCOME__OUTCOME_OK) {
        give_up(stream, reply && reply->outcome == ZP__OUTCOME__OUTCOME_TRIMMED ? RESET_LOG : RESET_UNKNOWN);
    } else if (!has_missed(reply) || reply->transitions->epoch != stream->core.known.epoch) {
        give_up(stream, RESET_UNKNOWN); /* the view knows of more than this log */
    } else {
        take_log(stream, reply->transitions);
        if (stream->core.phase == STREAM_FOLLOWING) {
            count(stream->owner, METRIC_HTTP_STREAMS_RESUMED);
        }
        refresh(stream);
        ask_log(stream);
    }
}

/* -- what the fanout tells -- */

static size_t count_listeners(void *context) {
    return ((event_streams_t *)context)->count;
}

static uint32_t forms_in_use(void *context) {
    (void)context;
    return 0; /* no frames: text is made here */
}

static void on_told(void *context, const watch_change *change, const Zp__Update *given) {
    event_streams_t *streams = context;
    (void)given;
    event_news news = event_news_of(change, watch_view_is_settled(view_of(streams)));
    for (ring *at = streams->open.next; at != &streams->open; at = at->next) {
        open_stream *stream = RING_OWNER(at, open_stream, link);
        if (event_stream_tell(&stream->core, &news)) {
            count(streams, METRIC_HTTP_STREAM_EVENTS);
            refresh(stream);
        }
    }
    event_news_free(&news);
}

/* Goes on with a stream that waits, where it can. */
static void look(open_stream *stream) {
    if (stream->core.phase != STREAM_WAITING) {
        return;
    }
    event_stream_look(&stream->core, view_of(stream->owner));
    switch (stream->core.phase) {
    case STREAM_STATING:
        count(stream->owner,
              stream->core.known.epoch == 0 ? METRIC_HTTP_STREAMS_OPENED : METRIC_HTTP_STREAMS_RESET);
        refresh(stream);
        break;
    case STREAM_FOLLOWING:
        count(stream->owner, METRIC_HTTP_STREAMS_RESUMED);
        break;
    case STREAM_REPLAYING:
        ask_log(stream);
        break;
    case STREAM_WAITING:
    case STREAM_ENDED:
        break;
    }
}

static void on_settled(void *context) {
    event_streams_t *streams = context;
    for (ring *at = streams->open.next; at != &streams->open; at = at->next) {
        open_stream *stream = RING_OWNER(at, open_stream, link);
        if (stream->core.phase == STREAM_WAITING) {
            look(stream);
        } else {
            event_stream_settled(&stream->core, view_of(streams));
            refresh(stream);
        }
    }
}

/* Whose token is over is nobody: the stream ends, and its client is refused when it comes back with it. */
static bool has_expired(const open_stream *stream) {
    return stream->expires_at_unix_ms > 0 && clock_unix_ms() >= stream->expires_at_unix_ms;
}

static void on_look(uv_timer_t *timer) {
    event_streams_t *streams = timer->data;
    for (ring *at = streams->open.next; at != &streams->open; at = at->next) {
        open_stream *stream = RING_OWNER(at, open_stream, link);
        if (stream->core.phase != STREAM_ENDED && has_expired(stream)) {
            event_stream_end(&stream->core, config_ms(streams->process->config, SETTING_STREAM_RETRY_MS));
            refresh(stream);
            continue;
        }
        look(stream);
        ask_log(stream);
        if (stream->core.phase == STREAM_WAITING && watch_view_is_settled(view_of(streams)) &&
            has_waited_enough(stream)) {
            give_up(stream, RESET_UNKNOWN); /* nobody here has heard of what the client knows */
        }
        if (now_ms(streams) - stream->commented_at_ms >= streams->comment_ms) {
            stream->commented_at_ms = now_ms(streams);
            event_stream_comment(&stream->core, view_of(streams));
            refresh(stream);
        }
    }
}

/* -- connections -- */

static size_t read_stream(void *context, char *out, size_t most) {
    open_stream *stream = context;
    size_t len = event_stream_read(&stream->core, view_of(stream->owner), out, most);
    metrics_add(stream->owner->process->metrics, METRIC_HTTP_STREAM_BYTES, (int64_t)len);
    ask_log(stream);
    return len;
}

static bool stream_has_ended(void *context) {
    return ((open_stream *)context)->core.phase == STREAM_ENDED;
}

static void set_count(event_streams_t *streams, size_t streams_count) {
    bool had_any = streams->count > 0;
    streams->count = streams_count;
    metrics_set(streams->process->metrics, METRIC_HTTP_STREAMS, (int64_t)streams_count);
    if (had_any == (streams_count > 0)) {
        return;
    }
    log_position of_core = core_link_position(streams->cores);
    log_position of_fanout = fanout_link_position(streams->fanout);
    fanout_link_interest_changed(streams->fanout,
                                 log_position_before(of_core, of_fanout) ? of_fanout : of_core);
    if (streams_count > 0) {
        uint64_t look_ms = streams->comment_ms / LOOK_FRACTION;
        look_ms = look_ms > LOOK_MOST_MS ? LOOK_MOST_MS : look_ms;
        uv_timer_start(&streams->look_timer, on_look, look_ms, look_ms);
    } else {
        uv_timer_stop(&streams->look_timer);
    }
}

static void on_gone(void *context) {
    open_stream *stream = context;
    event_streams_t *streams = stream->owner;
    ring_remove(&stream->link);
    ring_remove(&stream->fresh);
    watch_walk_end(&stream->core.walk);
    stream->http = NULL;
    if (!stream->asking) {
        event_stream_close(&stream->core);
        free(stream);
    }
    set_count(streams, streams->count - 1);
}

bool event_streams_is_full(const event_streams_t *streams) {
    return streams->count >= streams->count_max || streams->ended;
}

void event_streams_open(event_streams_t *streams, http_request_t *request, bool full, log_position known,
                        wanted_ids *wanted) {
    static const http_stream_source source = {
        .read = read_stream, .has_ended = stream_has_ended, .on_gone = on_gone};
    const config_t *config = streams->process->config;
    const event_stream_options options = {
        .full = full,
        .bytes_max = (size_t)config_integer(config, SETTING_STREAM_BYTES_MAX),
        .retry_ms = config_ms(config, SETTING_STREAM_RETRY_MS),
        .known = known,
    };
    open_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        wanted_ids_free(wanted);
        http_request_refuse(request, API_NO_MEMORY, NULL);
        return;
    }
    stream->owner = streams;
    stream->expires_at_unix_ms = http_request_identity(request)->expires_at_unix_ms;
    stream->opened_at_ms = stream->commented_at_ms = now_ms(streams);
    event_stream_open(&stream->core, &options, wanted);
    ring_append(&streams->open, &stream->link);
    set_count(streams, streams->count + 1);
    look(stream);
    http_request_add_header(request, "X-Accel-Buffering", "no"); /* proxies that would keep it back */
    if (!http_stream_begin(request, "text/event-stream; charset=utf-8", &source, stream, &stream->http)) {
        on_gone(stream);
    }
}

/* -- making and ending -- */

void event_streams_end(event_streams_t *streams) {
    uint64_t spread_ms = config_ms(streams->process->config, SETTING_RECONNECT_SPREAD_MS);
    streams->ended = true;
    for (ring *at = streams->open.next; at != &streams->open; at = at->next) {
        open_stream *stream = RING_OWNER(at, open_stream, link);
        event_stream_end(&stream->core, random_u64() % (spread_ms + 1));
        refresh(stream);
    }
}

void event_streams_stop(event_streams_t *streams) {
    for (ring *at = streams->open.next; at != &streams->open; at = at->next) {
        http_stream_cut(RING_OWNER(at, open_stream, link)->http);
    }
    uv_timer_stop(&streams->look_timer);
    uv_timer_stop(&streams->flush_timer);
}

zp_error event_streams_new(event_streams_t **ret_streams, process_t *process, core_link_t *cores) {
    static const fanout_link_hooks hooks = {.listeners_count = count_listeners,
                                            .wire_forms = forms_in_use,
                                            .tell = on_told,
                                            .settled = on_settled,
                                            .interests = METRIC_HTTP_INTERESTS};
    event_streams_t *streams = calloc(1, sizeof *streams);
    if (!streams) {
        return ZP_NO_MEMORY;
    }
    streams->process = process;
    streams->cores = cores;
    streams->count_max = (size_t)config_integer(process->config, SETTING_STREAMS_MAX);
    streams->comment_ms = config_ms(process->config, SETTING_STREAM_COMMENT_MS);
    streams->give_up_ms = config_ms(process->config, SETTING_HTTP_DEADLINE_MS);
    ring_init(&streams->open);
    ring_init(&streams->fresh);
    zp_error error = fanout_link_new(&streams->fanout, process, &hooks, streams);
    if (error != ZP_OK) {
        free(streams);
        return error;
    }
    uv_timer_init(&process->loop, &streams->look_timer);
    uv_timer_init(&process->loop, &streams->flush_timer);
    streams->look_timer.data = streams->flush_timer.data = streams;
    streams->handles_open = 2;
    *ret_streams = streams;
    return ZP_OK;
}

static void on_closed(uv_handle_t *handle) {
    event_streams_t *streams = handle->data;
    if (--streams->handles_open == 0) {
        free(streams);
    }
}

void event_streams_destroy(event_streams_t **self) {
    event_streams_t *streams = *self;
    if (!streams) {
        return;
    }
    *self = NULL;
    assert(ring_is_empty(&streams->open));
    fanout_link_destroy(&streams->fanout);
    uv_close((uv_handle_t *)&streams->look_timer, on_closed);
    uv_close((uv_handle_t *)&streams->flush_timer, on_closed);
}
