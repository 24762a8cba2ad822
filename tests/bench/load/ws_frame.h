/* ws_frame - frames of RFC 6455 as a client reads and writes them: unmasked in, masked out. Pure.
 * Owns: nothing. Threads: none. */
#ifndef ZP_BENCH_WS_FRAME_H
#define ZP_BENCH_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
} ws_opcode;

typedef struct ws_frame {
    ws_opcode opcode;
    bool final;
    const uint8_t *payload;
    size_t payload_bytes;
    size_t whole_bytes; /* header and payload; known as soon as the header is */
} ws_frame;

typedef enum ws_frame_found { WS_FRAME_WHOLE, WS_FRAME_INCOMPLETE, WS_FRAME_INVALID } ws_frame_found;

enum { WS_FRAME_OVERHEAD_BYTES = 8, WS_SMALL_PAYLOAD_BYTES = 65535 };

ws_frame_found ws_frame_read(const uint8_t *bytes, size_t len_bytes, ws_frame *ret_frame);

/* A whole final frame into `out`, which has room for payload_bytes + WS_FRAME_OVERHEAD_BYTES; payload_bytes
 * is at most WS_SMALL_PAYLOAD_BYTES. Returns its length. */
size_t ws_frame_write(uint8_t *out, ws_opcode opcode, const void *payload, size_t payload_bytes,
                      uint32_t mask);

#endif
