/* bus_message: any bytes as a message of the bus; the first says of which arrow. Whatever can be unpacked,
 * packed and unpacked again, keeps its verdict and its bytes, in memory of its own as edges, fanouts,
 * watchers and APIs take it, and in an arena as a core does. */
#include "common/bus/bus_pack.h"
#include "proto/valid.h"
#include "services/presence-core/core/arena.h"
#include "tests/fuzz/fuzz.h"

enum { ARENA_BYTES = 8 << 20 }; /* as a core's router has it */

/* X(validator and stem of the descriptor) */
#define ENVELOPES(X)                                                                                         \
    X(edge_to_core)                                                                                          \
    X(core_to_edge)                                                                                          \
    X(watcher_to_core)                                                                                       \
    X(core_to_watcher)                                                                                       \
    X(fanout_to_core)                                                                                        \
    X(core_to_fanout)                                                                                        \
    X(core_broadcast)                                                                                        \
    X(subscriber_to_fanout)                                                                                  \
    X(fanout_to_subscriber)                                                                                  \
    X(api_to_core)                                                                                           \
    X(core_to_api)

typedef struct envelope {
    const ProtobufCMessageDescriptor *descriptor;
    bool (*valid)(const ProtobufCMessage *message);
} envelope;

/* Every generated message begins with its ProtobufCMessage. */
#define X(stem)                                                                                              \
    static bool is_valid_##stem(const ProtobufCMessage *message) {                                           \
        return stem##_valid((const void *)message);                                                          \
    }
ENVELOPES(X)
#undef X

static const envelope envelopes[] = {
#define X(stem) {&zp__##stem##__descriptor, is_valid_##stem},
    ENVELOPES(X)
#undef X
};

static ProtobufCMessage *unpack(const envelope *of, ProtobufCAllocator *allocator, str_view bytes) {
    return protobuf_c_message_unpack(of->descriptor, allocator, bytes.len, (const uint8_t *)bytes.ptr);
}

/* protobuf-c takes the field number 0, which there is not, if it is written in two bytes or more, keeps it
 * with the unknown fields, writes it in one, and then refuses to read that. */
static bool has_field_zero(const ProtobufCMessage *message) {
    for (unsigned i = 0; i < message->n_unknown_fields; i++) {
        if (message->unknown_fields[i].tag == 0) {
            return true;
        }
    }
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const char *member = (const char *)message + field->offset;
        const char *quantifier = (const char *)message + field->quantifier_offset;
        if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        const ProtobufCMessage *const *parts = (const void *)member;
        size_t count = 1;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            parts = *(const ProtobufCMessage *const *const *)(const void *)member;
            count = *(const size_t *)(const void *)quantifier;
        } else if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
            count = *(const uint32_t *)(const void *)quantifier == field->id;
        }
        for (size_t part = 0; part < count; part++) {
            if (parts[part] && has_field_zero(parts[part])) {
                return true;
            }
        }
    }
    return false;
}

static void *take_part(void *context, size_t bytes) {
    return arena_take(context, bytes);
}

static void keep_part(void *context, void *part) {
    (void)context;
    (void)part;
}

static void check_in_arena(const envelope *of, str_view bytes, str_view packed, bool valid) {
    static arena_t arena;
    static bus_buffer buffer;
    ProtobufCAllocator allocator = {take_part, keep_part, &arena};
    assert(arena.block || arena_init(&arena, ARENA_BYTES) == ZP_OK);
    arena_reset(&arena);
    const ProtobufCMessage *message = unpack(of, &allocator, bytes);
    assert(message && of->valid(message) == valid);
    assert(str_view_equal(bus_pack(&buffer, message), packed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bus_buffer first_buffer, again_buffer;
    if (size == 0) {
        return 0;
    }
    const envelope *of = &envelopes[data[0] % (sizeof envelopes / sizeof envelopes[0])];
    str_view bytes = str_view_make(data + 1, size - 1);
    ProtobufCMessage *first = unpack(of, NULL, bytes);
    if (!first) {
        return 0;
    }
    if (has_field_zero(first)) {
        protobuf_c_message_free_unpacked(first, NULL);
        return 0;
    }
    bool valid = of->valid(first);
    str_view packed = bus_pack(&first_buffer, first);
    ProtobufCMessage *again = unpack(of, NULL, packed);
    assert(again && of->valid(again) == valid);
    assert(str_view_equal(bus_pack(&again_buffer, again), packed));
    check_in_arena(of, bytes, packed, valid);
    protobuf_c_message_free_unpacked(first, NULL);
    protobuf_c_message_free_unpacked(again, NULL);
    return 0;
}
