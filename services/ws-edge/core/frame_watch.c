#include "services/ws-edge/core/frame_watch.h"

#include "services/ws-edge/core/close_code.h"

enum {
    FIN_BIT = 0x80,
    RESERVED_BITS = 0x70,
    OPCODE_BITS = 0x0f,
    CONTROL_BIT = 0x08,
    MASK_BIT = 0x80,
    LENGTH_BITS = 0x7f,
    LENGTH_16_BIT = 126,
    LENGTH_64_BIT = 127,
    LENGTH_TOO_LONG_BIT = 0x80, /* of the first of 64 bits: it must be 0 */
    CONTROL_MAX_BYTES = 125,
    MASK_BYTES = 4,
};

enum {
    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    OPCODE_PONG = 10
};

const char *frame_close_text(uint16_t close_code) {
    switch (close_code) {
    case CLOSE_PROTOCOL_ERROR:
        return "protocol error";
    case CLOSE_UNSUPPORTED_DATA:
        return "binary messages only";
    case CLOSE_INVALID_DATA:
        return "the reason is not UTF-8";
    case CLOSE_POLICY_VIOLATION:
        return "too many frames";
    case CLOSE_MESSAGE_TOO_BIG:
        return "message too big";
    default:
        return "";
    }
}

static unsigned opcode_of(const frame_watch *watch) {
    return watch->first & OPCODE_BITS;
}

static bool is_control(const frame_watch *watch) {
    return (watch->first & CONTROL_BIT) != 0;
}

/* RFC 6455 5.2 to 5.5. No extension is ever agreed on, so no reserved bit has a meaning. */
static uint16_t check_first_byte(const frame_watch *watch) {
    if (watch->first & RESERVED_BITS) {
        return CLOSE_PROTOCOL_ERROR;
    }
    switch (opcode_of(watch)) {
    case OPCODE_CONTINUATION:
        return watch->in_message ? 0 : CLOSE_PROTOCOL_ERROR;
    case OPCODE_TEXT:
        return watch->in_message ? CLOSE_PROTOCOL_ERROR : CLOSE_UNSUPPORTED_DATA;
    case OPCODE_BINARY:
        return watch->in_message ? CLOSE_PROTOCOL_ERROR : 0;
    case OPCODE_CLOSE:
    case OPCODE_PING:
    case OPCODE_PONG:
        return watch->first & FIN_BIT ? 0 : CLOSE_PROTOCOL_ERROR;
    default:
        return CLOSE_PROTOCOL_ERROR;
    }
}

static uint16_t check_second_byte(const frame_watch *watch) {
    unsigned length = watch->second & LENGTH_BITS;
    if (!(watch->second & MASK_BIT)) {
        return CLOSE_PROTOCOL_ERROR;
    }
    if (is_control(watch) && length > CONTROL_MAX_BYTES) {
        return CLOSE_PROTOCOL_ERROR;
    }
    return opcode_of(watch) == OPCODE_CLOSE && length == 1 ? CLOSE_PROTOCOL_ERROR : 0;
}

static unsigned length_bytes(const frame_watch *watch) {
    switch (watch->second & LENGTH_BITS) {
    case LENGTH_16_BIT:
        return 2;
    case LENGTH_64_BIT:
        return 8;
    default:
        return 0;
    }
}

/* The length is known. RFC 6455 5.2: it must be written in the shortest way. */
static uint16_t check_length(frame_watch *watch, uint32_t message_max_bytes) {
    if ((length_bytes(watch) == 2 && watch->payload_left < LENGTH_16_BIT) ||
        (length_bytes(watch) == 8 &&
         (watch->payload_left <= UINT16_MAX || watch->payload_left > INT64_MAX))) {
        return CLOSE_PROTOCOL_ERROR;
    }
    if (is_control(watch)) {
        return 0;
    }
    if (opcode_of(watch) == OPCODE_BINARY) {
        watch->message_bytes = 0;
    }
    if (watch->payload_left > message_max_bytes - watch->message_bytes) {
        return CLOSE_MESSAGE_TOO_BIG;
    }
    watch->message_bytes += (uint32_t)watch->payload_left;
    watch->in_message = !(watch->first & FIN_BIT);
    return 0;
}

/* Takes one byte of a header; *ret_complete: it was the last one. */
static uint16_t take_header_byte(frame_watch *watch, uint8_t byte, uint32_t message_max_bytes,
                                 bool *ret_complete) {
    unsigned at = watch->header_bytes++;
    if (at == 0) {
        watch->first = byte;
        return check_first_byte(watch);
    }
    if (at >= 2 + length_bytes(watch)) {
        watch->mask[at - 2 - length_bytes(watch)] = byte;
    }
    uint16_t close_code = 0;
    if (at == 1) {
        watch->second = byte;
        watch->payload_left = length_bytes(watch) == 0 ? byte & LENGTH_BITS : 0;
        close_code = check_second_byte(watch);
    } else if (at < 2 + length_bytes(watch)) {
        watch->payload_left = watch->payload_left << 8 | byte;
        if (at == 2 && length_bytes(watch) == 8 && (byte & LENGTH_TOO_LONG_BIT)) {
            /* Said before libwebsockets sees it: it ends the connection without a close frame. */
            close_code = CLOSE_PROTOCOL_ERROR;
        }
    }
    if (close_code == 0 && at == 1 + length_bytes(watch)) {
        close_code = check_length(watch, message_max_bytes);
    }
    *ret_complete = watch->header_bytes == 2 + length_bytes(watch) + MASK_BYTES;
    return close_code;
}

/* The next bytes of a close frame's payload. */
static uint16_t check_closing(frame_watch *watch, const char *bytes, size_t bytes_count) {
    for (size_t i = 0; i < bytes_count; i++) {
        uint8_t mask = watch->mask[watch->closing.bytes_seen % MASK_BYTES];
        uint16_t close_code = close_payload_take(&watch->closing, (uint8_t)bytes[i] ^ mask);
        if (close_code != 0) {
            return close_code;
        }
    }
    return watch->payload_left == bytes_count ? close_payload_end(&watch->closing) : 0;
}

static void complete_frame(frame_watch *watch, frame_report *report) {
    report->frames_count++;
    switch (opcode_of(watch)) {
    case OPCODE_PONG:
        report->pong = true;
        report->control |= (watch->second & LENGTH_BITS) == 0;
        break;
    case OPCODE_PING:
        report->other = true;
        report->control = true;
        break;
    case OPCODE_CLOSE:
        watch->over = true;
        report->other = true;
        break;
    default:
        report->other = true;
        break;
    }
    watch->header_bytes = 0;
}

frame_report frame_watch_advance(frame_watch *watch, str_view bytes, uint32_t message_max_bytes) {
    frame_report report = {0};
    size_t at = 0;
    size_t frame_begins = 0;
    bool in_payload = watch->payload_left > 0 && watch->header_bytes == 2 + length_bytes(watch) + MASK_BYTES;
    while (at < bytes.len && !watch->over) {
        if (!in_payload) {
            frame_begins = watch->header_bytes == 0 ? at : frame_begins;
            report.close_code =
                take_header_byte(watch, (uint8_t)bytes.ptr[at++], message_max_bytes, &in_payload);
        }
        size_t step = bytes.len - at < watch->payload_left ? bytes.len - at : (size_t)watch->payload_left;
        if (in_payload && report.close_code == 0 && opcode_of(watch) == OPCODE_CLOSE) {
            report.close_code = check_closing(watch, bytes.ptr + at, step);
        }
        if (report.close_code != 0) {
            watch->over = true;
            report.good_bytes = frame_begins;
            return report;
        }
        if (in_payload) {
            at += step;
            watch->payload_left -= step;
            if (watch->payload_left > 0) {
                break;
            }
            in_payload = false;
            complete_frame(watch, &report);
        }
    }
    report.good_bytes = at;
    return report;
}
