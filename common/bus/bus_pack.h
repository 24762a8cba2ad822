/* bus_pack - packs a protobuf message into a buffer that grows and is used again.
 * Owns: the buffer's bytes; it keeps the size of its largest message, which BUS_MESSAGE_MAX bounds. Threads:
 * none. */
#ifndef ZP_BUS_BUS_PACK_H
#define ZP_BUS_BUS_PACK_H

#include "common/base/str_view.h"
#include <protobuf-c/protobuf-c.h>

/* Zeroed: empty. */
typedef struct bus_buffer {
    char *bytes;
    size_t capacity_bytes;
} bus_buffer;

/* A view into `buffer`, good until its next use. Empty where memory is out, which bus_socket_send refuses:
 * callers need no check of their own. `message` is an envelope's `base`. */
str_view bus_pack(bus_buffer *buffer, const ProtobufCMessage *message);
void bus_buffer_free(bus_buffer *buffer);

#endif
