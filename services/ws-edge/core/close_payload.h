/* close_payload - what a client's close frame carries, checked byte by byte as it arrives: a code that may
 * stand in one (RFC 6455 7.4) and a reason in UTF-8 (5.5.1). Owns: nothing; zeroed is before the first byte.
 * Threads: none. Cost: O(1) a byte. */
#ifndef ZP_WS_EDGE_CLOSE_PAYLOAD_H
#define ZP_WS_EDGE_CLOSE_PAYLOAD_H

#include <stdint.h>

typedef struct close_payload {
    uint8_t bytes_seen, code_high;
    uint8_t left, lowest, highest; /* of the character under way: bytes to come, and what the next may be */
} close_payload;

/* 0, or the code to close with: 1002 for the code, 1007 for the reason. */
uint16_t close_payload_take(close_payload *payload, uint8_t byte);
/* The payload ends here. */
uint16_t close_payload_end(const close_payload *payload);

#endif
