#include "common/bus/bus_pack.h"
#include <stdint.h>
#include <stdlib.h>

enum { SMALLEST_BYTES = 1024 };

str_view bus_pack(bus_buffer *buffer, const ProtobufCMessage *message) {
    size_t need_bytes = protobuf_c_message_get_packed_size(message);
    if (need_bytes > buffer->capacity_bytes) {
        size_t capacity_bytes = SMALLEST_BYTES;
        while (capacity_bytes < need_bytes) {
            capacity_bytes *= 2;
        }
        char *bytes = realloc(buffer->bytes, capacity_bytes);
        if (!bytes) {
            return (str_view){0};
        }
        *buffer = (bus_buffer){bytes, capacity_bytes};
    }
    size_t len_bytes = protobuf_c_message_pack(message, (uint8_t *)buffer->bytes);
    return str_view_make(buffer->bytes, len_bytes);
}

void bus_buffer_free(bus_buffer *buffer) {
    free(buffer->bytes);
    *buffer = (bus_buffer){0};
}
