#include "services/ws-edge/core/close_payload.h"

#include "services/ws-edge/core/close_code.h"

#include <stdbool.h>

enum { CODE_BYTES = 2 };

/* RFC 6455 7.4.2 and its IANA registry: those for protocols that are defined, for libraries, for
 * applications. 1004 to 1006 and 1015 never stand in a frame. */
static bool may_be_sent(unsigned code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void begin_character(close_payload *payload, uint8_t left, uint8_t lowest, uint8_t highest) {
    payload->left = left;
    payload->lowest = lowest;
    payload->highest = highest;
}

/* RFC 3629 4, its grammar row by row. */
static bool take_first_byte(close_payload *payload, uint8_t byte) {
    if (byte >= 0xc2 && byte <= 0xdf) {
        begin_character(payload, 1, 0x80, 0xbf);
    } else if (byte >= 0xe0 && byte <= 0xef) {
        begin_character(payload, 2, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        begin_character(payload, 3, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
    } else {
        return byte < 0x80;
    }
    return true;
}

static bool take_next_byte(close_payload *payload, uint8_t byte) {
    bool right = byte >= payload->lowest && byte <= payload->highest;
    begin_character(payload, payload->left - 1, 0x80, 0xbf);
    return right;
}

uint16_t close_payload_take(close_payload *payload, uint8_t byte) {
    unsigned at = payload->bytes_seen++;
    if (at == 0) {
        payload->code_high = byte;
        return 0;
    }
    if (at < CODE_BYTES) {
        return may_be_sent((unsigned)payload->code_high << 8 | byte) ? 0 : CLOSE_PROTOCOL_ERROR;
    }
    bool right = payload->left > 0 ? take_next_byte(payload, byte) : take_first_byte(payload, byte);
    return right ? 0 : CLOSE_INVALID_DATA;
}

uint16_t close_payload_end(const close_payload *payload) {
    return payload->left > 0 ? CLOSE_INVALID_DATA : 0;
}
