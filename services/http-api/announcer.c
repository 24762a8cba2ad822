#include "services/http-api/announcer.h"
#include "common/log/log.h"
#include "common/runtime/fault.h"
#include "common/runtime/pulse.h"
#include <inttypes.h>
#include <stdlib.h>

struct announcer {
    const process_t *process;
    core_link_t *cores;
    heartbeat_messages_t *messages;
    heard_sources_t *heard;
    pulse_t pulse;  /* looks whether an epoch has begun, once the beat just before is answered */
    uint64_t epoch; /* being announced to, or announced to last */
    bool complete;  /* all of it has been taken */
    bool asking, closed;
    size_t told_count, piece_count;
    bool piece_is_last;
};

static void send_piece(announcer_t *announcer);

static void begin(announcer_t *announcer) {
    announcer->told_count = 0;
    heard_sources_rewind(announcer->heard);
    send_piece(announcer);
}

static void on_heard(void *context, const Zp__HeartbeatsReply *reply) {
    announcer_t *announcer = context;
    announcer->asking = false;
    if (announcer->closed || !reply || reply->position->epoch != announcer->epoch) {
        return; /* the timer begins again */
    }
    heard_sources_note_clock(announcer->heard, reply->position->epoch, reply->clock_ms);
    announcer->told_count += announcer->piece_count;
    metrics_add(announcer->process->metrics, METRIC_HTTP_CLIENTS_ANNOUNCED, (int64_t)announcer->piece_count);
    if (!announcer->piece_is_last) {
        send_piece(announcer);
        return;
    }
    announcer->complete = true;
    log_info("api.announced", "epoch=%" PRIu64 " clients=%zu", announcer->epoch, announcer->told_count);
}

static void fill(Zp__Heartbeat *message, const heard_source *source) {
    zp__heartbeat__init(message);
    message->user_id = (char *)source->user_id; /* protobuf-c's structs borrow, and know no const */
    message->socket_id = (char *)source->socket_id;
    message->status = (Zp__Status)source->status;
    message->heard_at_ms = source->heard_at_ms;
    message->silence_ms = source->silence_ms;
    message->first_heard_ms = source->first_heard_ms;
}

static void send_piece(announcer_t *announcer) {
    heard_source sources[VALID_HEARTBEATS_MAX];
    Zp__Heartbeat items[VALID_HEARTBEATS_MAX], *messages[VALID_HEARTBEATS_MAX];
    size_t count =
        FAULT(NO_ANNOUNCE) ? 0 : heard_sources_take(announcer->heard, sources, VALID_HEARTBEATS_MAX);
    for (size_t i = 0; i < count; i++) {
        fill(&items[i], &sources[i]);
        messages[i] = &items[i];
    }
    announcer->piece_count = count;
    announcer->piece_is_last = count < VALID_HEARTBEATS_MAX;
    announcer->asking = heartbeat_messages_send(announcer->messages, messages, count,
                                                announcer->piece_is_last, on_heard, announcer) == ZP_OK;
}

static void on_timer(uv_timer_t *timer) {
    announcer_t *announcer = timer->data;
    uint64_t clock_epoch = 0, clock_ms = core_link_clock(announcer->cores, &clock_epoch);
    heard_sources_note_clock(announcer->heard, clock_epoch, clock_ms);
    uint64_t epoch = core_link_position(announcer->cores).epoch;
    if (epoch > announcer->epoch) {
        announcer->epoch = epoch;
        announcer->complete = false;
    }
    if (epoch > 0 && !announcer->complete && !announcer->asking && !announcer->closed) {
        begin(announcer);
    }
}

zp_error announcer_new(announcer_t **ret_announcer, const process_t *process, core_link_t *cores,
                       heartbeat_messages_t *messages, heard_sources_t *heard) {
    announcer_t *announcer = calloc(1, sizeof *announcer);
    if (!announcer) {
        return ZP_NO_MEMORY;
    }
    *announcer = (announcer_t){.process = process, .cores = cores, .messages = messages, .heard = heard};
    uv_timer_init(process->bus.loop, &announcer->pulse.timer);
    announcer->pulse.timer.data = announcer;
    pulse_start(&announcer->pulse, on_timer, config_ms(process->config, SETTING_BEAT_INTERVAL_MS),
                PULSE_AFTER);
    *ret_announcer = announcer;
    return ZP_OK;
}

void announcer_close(announcer_t *announcer) {
    if (announcer) {
        announcer->closed = true;
    }
}

static void on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void announcer_destroy(announcer_t **self) {
    announcer_t *announcer = *self;
    if (!announcer) {
        return;
    }
    *self = NULL;
    uv_close((uv_handle_t *)&announcer->pulse.timer, on_closed);
}
