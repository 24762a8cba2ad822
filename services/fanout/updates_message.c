#include "services/fanout/updates_message.h"
#include "common/bus/bus_pack.h"
#include "proto/subscriber_fanout.pb-c.h"
#include <stdlib.h>

enum {
    FORM_SETS_COUNT = 1 << WIRE_FORMS_COUNT,
    ENVELOPE_MAX_BYTES = 1 + 10,    /* field key, length */
    NUMBERS_MAX_BYTES = 32,         /* generation and number, with their keys */
    UPDATES_FIELD_KEY = 3 << 3 | 2, /* FanoutToSubscriber.updates, length-delimited */
};

struct updates_message {
    const update_batch *batch;
    bus_buffer packed[FORM_SETS_COUNT]; /* the updates for each set of wire forms */
    str_view shared[FORM_SETS_COUNT];   /* views into them; empty: not packed yet */
    bus_buffer some;
    char *whole;
    size_t whole_capacity_bytes;
    Zp__Update updates[UPDATE_BATCH_MAX];
    Zp__Update *update_list[UPDATE_BATCH_MAX];
    Zp__Frame frames[UPDATE_BATCH_MAX][WIRE_FORMS_COUNT];
    Zp__Frame *frame_list[UPDATE_BATCH_MAX][WIRE_FORMS_COUNT];
};

updates_message_t *updates_message_new(void) {
    return calloc(1, sizeof(updates_message_t));
}

void updates_message_destroy(updates_message_t **message) {
    if (*message) {
        for (size_t i = 0; i < FORM_SETS_COUNT; i++) {
            bus_buffer_free(&(*message)->packed[i]);
        }
        bus_buffer_free(&(*message)->some);
        free((*message)->whole);
        free(*message);
        *message = NULL;
    }
}

void updates_message_begin(updates_message_t *message, const update_batch *batch) {
    message->batch = batch;
    memset(message->shared, 0, sizeof(message->shared));
}

/* The i-th of the message is the one in that place of the batch. */
static void fill_update(updates_message_t *message, size_t i, size_t place, uint32_t wire_forms) {
    const update *from = &message->batch->updates[place];
    Zp__Update *to = &message->updates[i];
    zp__update__init(to);
    to->user_id = (char *)from->user_id; /* packing only reads it */
    to->seq = from->position.seq;
    to->from = (Zp__Status)from->from;
    to->to = (Zp__Status)from->to;
    to->at_ms = from->at_ms;
    to->frames = message->frame_list[i];
    for (uint32_t form = 0; form < WIRE_FORMS_COUNT; form++) {
        if ((wire_forms & WIRE_FORM_BIT(form)) && from->frame_bytes[form] > 0) {
            Zp__Frame *frame = &message->frames[i][form];
            zp__frame__init(frame);
            frame->wire_form = form;
            frame->payload.len = from->frame_bytes[form];
            frame->payload.data = (uint8_t *)from->frames[form];
            to->frames[to->n_frames++] = frame;
        }
    }
    message->update_list[i] = to;
}

static str_view shared_updates(updates_message_t *message, uint32_t wire_forms) {
    if (message->shared[wire_forms].len == 0) {
        Zp__Updates updates = ZP__UPDATES__INIT;
        for (size_t i = 0; i < message->batch->count; i++) {
            fill_update(message, i, i, wire_forms);
        }
        updates.epoch = message->batch->updates[0].position.epoch;
        updates.updates = message->update_list;
        updates.n_updates = message->batch->count;
        message->shared[wire_forms] = bus_pack(&message->packed[wire_forms], &updates.base);
    }
    return message->shared[wire_forms];
}

static size_t write_varint(char *out, uint64_t value) {
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) {
        out[len++] = (char)(0x80 | (value & 0x7f));
    }
    out[len++] = (char)value;
    return len;
}

str_view updates_message_pack(updates_message_t *message, uint32_t wire_forms, uint64_t generation,
                              uint64_t number) {
    str_view shared = shared_updates(message, wire_forms % FORM_SETS_COUNT);
    size_t most_bytes = ENVELOPE_MAX_BYTES + NUMBERS_MAX_BYTES + shared.len;
    if (shared.len == 0) {
        return shared;
    }
    if (message->whole_capacity_bytes < most_bytes) {
        char *grown = realloc(message->whole, most_bytes);
        if (!grown) {
            return (str_view){0};
        }
        message->whole = grown;
        message->whole_capacity_bytes = most_bytes;
    }
    Zp__Updates numbers = ZP__UPDATES__INIT;
    numbers.generation = generation;
    numbers.number = number;
    size_t numbers_bytes = zp__updates__get_packed_size(&numbers);
    size_t len = 0;
    message->whole[len++] = UPDATES_FIELD_KEY;
    len += write_varint(message->whole + len, numbers_bytes + shared.len);
    len += zp__updates__pack(&numbers, (uint8_t *)message->whole + len);
    memcpy(message->whole + len, shared.ptr, shared.len);
    return str_view_make(message->whole, len + shared.len);
}

str_view updates_message_pack_some(updates_message_t *message, const size_t *places, size_t count,
                                   uint64_t generation, uint64_t number) {
    Zp__FanoutToSubscriber envelope = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__Updates updates = ZP__UPDATES__INIT;
    for (size_t i = 0; i < count; i++) {
        fill_update(message, i, places[i], 0);
    }
    updates.generation = generation;
    updates.number = number;
    updates.epoch = message->batch->updates[0].position.epoch;
    updates.updates = message->update_list;
    updates.n_updates = count;
    envelope.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES;
    envelope.updates = &updates;
    return bus_pack(&message->some, &envelope.base);
}
