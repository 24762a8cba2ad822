#include "services/ws-edge/core/server_frame.h"

#include <stdint.h>

enum { FINAL_BINARY = 0x82, LENGTH_16_BIT = 126, LENGTH_64_BIT = 127 };

size_t server_frame_header(size_t payload_bytes, char out[SERVER_FRAME_HEADER_MAX]) {
    out[0] = (char)FINAL_BINARY;
    if (payload_bytes < LENGTH_16_BIT) {
        out[1] = (char)payload_bytes;
        return 2;
    }
    size_t length_bytes = payload_bytes <= UINT16_MAX ? 2 : 8;
    out[1] = length_bytes == 2 ? LENGTH_16_BIT : LENGTH_64_BIT;
    for (size_t i = 0; i < length_bytes; i++) {
        out[2 + i] = (char)((uint64_t)payload_bytes >> (8 * (length_bytes - 1 - i)));
    }
    return 2 + length_bytes;
}
