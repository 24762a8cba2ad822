/* frame_watch: any bytes behind a handshake. The verdict is that of RFC 6455 read plainly, over all bytes at
 * once; and cut in other places, it is the same. The first byte of the input says how large a message may be,
 * the second where the stream is cut. */
#include "services/ws-edge/core/frame_watch.h"
#include "tests/fuzz/fuzz.h"
#include <jansson.h>

typedef struct verdict {
    uint16_t close_code;
    size_t good_bytes;
    uint32_t frames_count;
    bool pong, other, control, over;
} verdict;

enum { CONTROL_PAYLOAD_MAX_BYTES = 125, CONTROL_FRAME_MAX_BYTES = 6 + CONTROL_PAYLOAD_MAX_BYTES };

/* One byte where *cuts is 0, else what follows from it. */
static size_t next_piece(uint32_t *cuts) {
    if (*cuts == 0) {
        return 1;
    }
    *cuts = *cuts * 1103515245 + 12345;
    return 1 + (*cuts >> 16) % 17;
}

static verdict watch_in_pieces(str_view stream, uint32_t message_max_bytes, uint32_t cuts) {
    frame_watch watch = {0};
    verdict all = {0};
    for (size_t at = 0; at < stream.len && !watch.over;) {
        size_t piece_bytes = next_piece(&cuts);
        piece_bytes = stream.len - at < piece_bytes ? stream.len - at : piece_bytes;
        frame_report report =
            frame_watch_advance(&watch, str_view_make(stream.ptr + at, piece_bytes), message_max_bytes);
        assert(report.good_bytes <= piece_bytes);
        assert(watch.over || (report.good_bytes == piece_bytes && report.close_code == 0));
        all.good_bytes += report.good_bytes;
        all.close_code = report.close_code;
        all.frames_count += report.frames_count;
        all.pong |= report.pong;
        all.other |= report.other;
        all.control |= report.control;
        at += piece_bytes;
    }
    all.over = watch.over;
    assert(!watch.over || frame_watch_advance(&watch, stream, message_max_bytes).good_bytes == 0);
    return all;
}

static void assert_same(verdict whole, verdict cut) {
    assert(cut.close_code == whole.close_code && cut.over == whole.over);
    assert(cut.frames_count == whole.frames_count);
    assert(cut.pong == whole.pong && cut.other == whole.other && cut.control == whole.control);
    /* Of a frame that turns out to be wrong, what was there before is passed on already: of its header, or of
     * a close frame, but never a byte of data. */
    assert(cut.good_bytes >= whole.good_bytes);
    assert(cut.good_bytes - whole.good_bytes <= (whole.close_code ? CONTROL_FRAME_MAX_BYTES - 1 : 0));
}

/* -- RFC 6455 section 5, read plainly -- */

typedef struct plain_frame {
    unsigned first, opcode;
    uint64_t payload_bytes;
    size_t header_bytes; /* 0: it is not complete */
    size_t frame_bytes;  /* 0: it is not complete */
    uint16_t close_code;
} plain_frame;

static uint16_t check_opcode(const plain_frame *frame, bool in_message) {
    bool final = frame->first & 0x80;
    if ((frame->first & 0x70) || (frame->opcode > 2 && frame->opcode < 8) || frame->opcode > 10 ||
        (frame->opcode >= 8 && !final)) {
        return 1002;
    }
    if (frame->opcode < 8 && (frame->opcode == 0) != in_message) {
        return 1002;
    }
    return frame->opcode == 1 ? 1003 : 0;
}

/* The frame that `rest` begins with; `message_bytes`: of the message under way. */
static plain_frame read_frame(str_view rest, bool in_message, uint64_t message_max_bytes,
                              uint64_t message_bytes) {
    const uint8_t *bytes = (const uint8_t *)rest.ptr;
    plain_frame frame = {.first = bytes[0], .opcode = bytes[0] & 0x0f};
    frame.close_code = check_opcode(&frame, in_message);
    if (frame.close_code || rest.len < 2) {
        return frame;
    }
    unsigned short_length = bytes[1] & 0x7f;
    bool control = frame.opcode >= 8;
    if (!(bytes[1] & 0x80) || (control && short_length > 125) || (frame.opcode == 8 && short_length == 1)) {
        frame.close_code = 1002;
        return frame;
    }
    size_t length_bytes = short_length < 126 ? 0 : short_length == 126 ? 2 : 8;
    if (length_bytes == 8 && rest.len > 2 && (bytes[2] & 0x80)) { /* known to be too long by its first byte */
        frame.close_code = 1002;
        return frame;
    }
    if (rest.len < 2 + length_bytes) {
        return frame;
    }
    frame.payload_bytes = length_bytes ? 0 : short_length;
    for (size_t i = 0; i < length_bytes; i++) {
        frame.payload_bytes = frame.payload_bytes << 8 | bytes[2 + i];
    }
    uint64_t least = length_bytes == 0 ? 0 : length_bytes == 2 ? 126 : 65536;
    if (frame.payload_bytes < least) {
        frame.close_code = 1002;
    } else if (!control && frame.payload_bytes > message_max_bytes - (frame.opcode ? 0 : message_bytes)) {
        frame.close_code = 1009;
    }
    size_t header_bytes = 2 + length_bytes + 4;
    if (frame.close_code || rest.len < header_bytes) {
        return frame;
    }
    frame.header_bytes = header_bytes;
    if (rest.len - header_bytes >= frame.payload_bytes) {
        frame.frame_bytes = header_bytes + (size_t)frame.payload_bytes;
    }
    return frame;
}

static bool is_utf8(const uint8_t *bytes, size_t count) {
    json_t *text = count > 0 ? json_stringn((const char *)bytes, count) : json_true();
    json_decref(text);
    return text != NULL;
}

/* Whether some bytes more would make it UTF-8: these are the least that each first byte of a character takes.
 */
static bool may_become_utf8(const uint8_t *bytes, size_t count) {
    static const uint8_t next[] = {0x80, 0x90, 0xa0};
    uint8_t tried[CONTROL_PAYLOAD_MAX_BYTES + 3];
    memcpy(tried, bytes, count);
    for (size_t more = 0; more <= 3; more++) {
        for (size_t i = 0; i < sizeof next; i++) {
            memset(tried + count, 0x80, more);
            if (more > 0) {
                tried[count] = next[i];
            }
            if (is_utf8(tried, count + more)) {
                return true;
            }
        }
    }
    return false;
}

/* RFC 6455 5.5.1 and 7.4: what a close frame carries, as far as it is there. */
static uint16_t check_closing(str_view rest, const plain_frame *frame) {
    uint8_t payload[CONTROL_PAYLOAD_MAX_BYTES];
    bool complete = frame->frame_bytes > 0;
    size_t count = (complete ? frame->frame_bytes : rest.len) - frame->header_bytes;
    const uint8_t *bytes = (const uint8_t *)rest.ptr + frame->header_bytes;
    for (size_t i = 0; i < count; i++) {
        payload[i] = bytes[i] ^ bytes[(int)(i % 4) - 4];
    }
    if (count < 2) {
        return 0;
    }
    unsigned code = (unsigned)payload[0] << 8 | payload[1];
    bool reserved = (code >= 1004 && code <= 1006) || (code >= 1015 && code <= 2999);
    if (code < 1000 || code >= 5000 || reserved) {
        return 1002;
    }
    bool right = complete ? is_utf8(payload + 2, count - 2) : may_become_utf8(payload + 2, count - 2);
    return right ? 0 : 1007;
}

static verdict read_plainly(str_view stream, uint32_t message_max_bytes) {
    verdict all = {0};
    bool in_message = false;
    uint64_t message_bytes = 0;
    while (all.good_bytes < stream.len && !all.over) {
        str_view rest = str_view_make(stream.ptr + all.good_bytes, stream.len - all.good_bytes);
        plain_frame frame = read_frame(rest, in_message, message_max_bytes, message_bytes);
        if (frame.opcode == 8 && frame.header_bytes && !frame.close_code) {
            frame.close_code = check_closing(rest, &frame);
        }
        all.close_code = frame.close_code;
        all.over = frame.close_code != 0 || (frame.frame_bytes && frame.opcode == 8);
        if (frame.close_code) {
            break;
        }
        all.good_bytes += frame.frame_bytes ? frame.frame_bytes : rest.len;
        if (frame.frame_bytes) {
            all.frames_count++;
            all.pong |= frame.opcode == 10;
            all.other |= frame.opcode != 10;
            all.control |= frame.opcode == 9 || (frame.opcode == 10 && frame.payload_bytes == 0);
        }
        if (frame.opcode < 8) {
            message_bytes = frame.payload_bytes + (frame.opcode ? 0 : message_bytes);
            in_message = !(frame.first & 0x80);
        }
    }
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t limits[] = {16384, 125, 10, 1048576};
    fuzz_input input = {data, size};
    uint32_t message_max_bytes = limits[fuzz_byte(&input) % 4];
    uint32_t cuts = fuzz_byte(&input);
    str_view stream = str_view_make(input.at, input.left);

    frame_watch watch = {0};
    frame_report report = frame_watch_advance(&watch, stream, message_max_bytes);
    verdict whole = {.close_code = report.close_code,
                     .good_bytes = report.good_bytes,
                     .frames_count = report.frames_count,
                     .pong = report.pong,
                     .other = report.other,
                     .control = report.control,
                     .over = watch.over};
    verdict plain = read_plainly(stream, message_max_bytes);
    assert(whole.good_bytes == plain.good_bytes);
    assert_same(plain, whole);
    assert(whole.close_code == 0 || frame_close_text(whole.close_code)[0] != '\0');
    assert_same(whole, watch_in_pieces(stream, message_max_bytes, 0));
    assert_same(whole, watch_in_pieces(stream, message_max_bytes, cuts + 1));
    return 0;
}
