/* frame_watch - RFC 6455 framing of one client's bytes, checked as they arrive: where each frame begins, and
 * what is wrong with it, from its header alone (of a close frame, from its payload too). It exists because
 * libwebsockets 4.1.6 takes unmasked frames, says nothing of PINGs and of PONGs without payload, echoes
 * whatever a close frame carries, and drops some protocol errors without a close frame.
 * Owns: nothing; zeroed is a fresh connection. Threads: none. Cost: O(headers), payloads are skipped. */
#ifndef ZP_WS_EDGE_FRAME_WATCH_H
#define ZP_WS_EDGE_FRAME_WATCH_H

#include "common/base/str_view.h"
#include "services/ws-edge/core/close_payload.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct frame_watch {
    uint64_t payload_left;  /* of the frame under way; its length, while the header is read */
    uint32_t message_bytes; /* of the message under way, over its fragments */
    uint8_t first, second;  /* header bytes: FIN, RSV, opcode; MASK, length */
    uint8_t header_bytes;   /* of the frame under way, so far; 0: between frames */
    uint8_t mask[4];        /* of the frame under way */
    close_payload closing;  /* what the close frame has carried so far */
    bool in_message;        /* a fragmented message is not complete */
    bool over;              /* a close frame or an error came: nothing after it counts */
} frame_watch;

typedef struct frame_report {
    size_t good_bytes;     /* of what was given: may be passed on, the rest must not */
    uint32_t frames_count; /* completed */
    uint16_t close_code;   /* 0: nothing wrong. 1002, 1003, 1007, 1009: why the connection has to be closed */
    bool pong;             /* a PONG was completed */
    bool other;            /* another frame was completed */
    bool control;          /* one of the completed frames was a PING or an empty PONG */
} frame_report;

/* ASCII, short, for close frames and logs. */
const char *frame_close_text(uint16_t close_code);

frame_report frame_watch_advance(frame_watch *watch, str_view bytes, uint32_t message_max_bytes);

#endif
