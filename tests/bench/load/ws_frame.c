#include "tests/bench/load/ws_frame.h"

#include <assert.h>
#include <string.h>

enum {
    FINAL = 0x80,
    RESERVED = 0x70,
    OPCODE = 0x0f,
    MASKED = 0x80,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    HEADER_BYTES = 2
};

static size_t big_endian(const uint8_t *bytes, size_t count) {
    size_t value = 0;
    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

ws_frame_found ws_frame_read(const uint8_t *bytes, size_t len_bytes, ws_frame *ret_frame) {
    if (len_bytes < HEADER_BYTES) {
        return WS_FRAME_INCOMPLETE;
    }
    if ((bytes[0] & RESERVED) || (bytes[1] & MASKED)) { /* a server masks nothing */
        return WS_FRAME_INVALID;
    }
    size_t length = bytes[1];
    size_t header = HEADER_BYTES;
    if (length >= LENGTH_16) {
        size_t more = length == LENGTH_16 ? 2 : 8;
        header += more;
        if (len_bytes < header) {
            return WS_FRAME_INCOMPLETE;
        }
        length = big_endian(bytes + HEADER_BYTES, more);
    }
    if ((bytes[0] & OPCODE) >= WS_CLOSE && length >= LENGTH_16) { /* control frames are small */
        return WS_FRAME_INVALID;
    }
    ret_frame->final = bytes[0] & FINAL;
    ret_frame->opcode = (ws_opcode)(bytes[0] & OPCODE);
    ret_frame->payload = bytes + header;
    ret_frame->payload_bytes = length;
    ret_frame->whole_bytes = header + length;
    return len_bytes < ret_frame->whole_bytes ? WS_FRAME_INCOMPLETE : WS_FRAME_WHOLE;
}

size_t ws_frame_write(uint8_t *out, ws_opcode opcode, const void *payload, size_t payload_bytes,
                      uint32_t mask) {
    assert(payload_bytes <= WS_SMALL_PAYLOAD_BYTES);
    uint8_t *at = out;
    *at++ = (uint8_t)(FINAL | opcode);
    if (payload_bytes < LENGTH_16) {
        *at++ = (uint8_t)(MASKED | payload_bytes);
    } else {
        *at++ = MASKED | LENGTH_16;
        *at++ = (uint8_t)(payload_bytes >> 8);
        *at++ = (uint8_t)payload_bytes;
    }
    memcpy(at, &mask, sizeof mask);
    const uint8_t *key = at;
    at += sizeof mask;
    for (size_t i = 0; i < payload_bytes; i++) {
        *at++ = (uint8_t)(((const uint8_t *)payload)[i] ^ key[i % sizeof mask]);
    }
    return (size_t)(at - out);
}
