#include "common/wire/msgpack_bounds.h"
#include <stdint.h>

/* The header of one value: bytes that belong to it alone, and how many values follow inside it. */
typedef struct header {
    uint64_t own_bytes;
    uint64_t values_count;
    bool is_container, is_map;
} header;

/* A big-endian number of 1, 2 or 4 bytes after the first. False: the bytes end before it does. */
static bool read_size(str_view bytes, size_t size_bytes, uint64_t *ret_size) {
    if (bytes.len < 1 + size_bytes) {
        return false;
    }
    uint64_t size = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        size = size << 8 | (uint8_t)bytes.ptr[1 + i];
    }
    *ret_size = size;
    return true;
}

static bool read_data_header(str_view bytes, size_t size_bytes, uint64_t extra_bytes, header *ret_header) {
    uint64_t size;
    if (!read_size(bytes, size_bytes, &size)) {
        return false;
    }
    *ret_header = (header){.own_bytes = 1 + size_bytes + extra_bytes + size};
    return true;
}

static bool read_container_header(str_view bytes, size_t size_bytes, bool is_map, header *ret_header) {
    uint64_t size;
    if (!read_size(bytes, size_bytes, &size)) {
        return false;
    }
    *ret_header = (header){1 + size_bytes, is_map ? 2 * size : size, true, is_map};
    return true;
}

/* The first bytes as the MessagePack specification lists them. */
static bool read_header(str_view bytes, header *ret_header) {
    if (bytes.len == 0) {
        return false;
    }
    uint8_t first = (uint8_t)bytes.ptr[0];
    *ret_header = (header){.own_bytes = 1};
    if (first <= 0x7f || first >= 0xe0) { /* small integers */
        return true;
    }
    if (first <= 0x8f) { /* small map */
        *ret_header = (header){1, 2 * (uint64_t)(first & 0x0f), true, true};
        return true;
    }
    if (first <= 0x9f) { /* small array */
        *ret_header = (header){1, first & 0x0f, true, false};
        return true;
    }
    if (first <= 0xbf) { /* small string */
        ret_header->own_bytes = 1 + (uint64_t)(first & 0x1f);
        return true;
    }
    switch (first) {
    case 0xc0: /* nil */
    case 0xc2: /* false */
    case 0xc3: /* true */
        return true;
    case 0xc4: /* bin 8, 16, 32 */
    case 0xc5:
    case 0xc6:
        return read_data_header(bytes, (size_t)1 << (first - 0xc4), 0, ret_header);
    case 0xc7: /* ext 8, 16, 32: a type byte too */
    case 0xc8:
    case 0xc9:
        return read_data_header(bytes, (size_t)1 << (first - 0xc7), 1, ret_header);
    case 0xca: /* float 32 */
    case 0xcb: /* float 64 */
        ret_header->own_bytes = first == 0xca ? 5 : 9;
        return true;
    case 0xcc: /* uint 8, 16, 32, 64 */
    case 0xcd:
    case 0xce:
    case 0xcf:
        ret_header->own_bytes = 1 + (1u << (first - 0xcc));
        return true;
    case 0xd0: /* int 8, 16, 32, 64 */
    case 0xd1:
    case 0xd2:
    case 0xd3:
        ret_header->own_bytes = 1 + (1u << (first - 0xd0));
        return true;
    case 0xd4: /* fixext 1, 2, 4, 8, 16 */
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
        ret_header->own_bytes = 2 + (1u << (first - 0xd4));
        return true;
    case 0xd9: /* str 8, 16, 32 */
    case 0xda:
    case 0xdb:
        return read_data_header(bytes, (size_t)1 << (first - 0xd9), 0, ret_header);
    case 0xdc: /* array 16, 32 */
    case 0xdd:
        return read_container_header(bytes, (size_t)2 << (first - 0xdc), false, ret_header);
    case 0xde: /* map 16, 32 */
    case 0xdf:
        return read_container_header(bytes, (size_t)2 << (first - 0xde), true, ret_header);
    default: /* 0xc1 is never used */
        return false;
    }
}

zp_error msgpack_bounds_first(str_view bytes, str_view *ret_value) {
    uint64_t awaited_counts[MSGPACK_DEPTH_MAX]; /* values that are still to come, of each open container */
    size_t depth = 0, offset = 0;
    do {
        header next;
        str_view rest = {bytes.ptr + offset, bytes.len - offset};
        /* Each value takes a byte at least, so what is claimed beyond the bytes left cannot be true. */
        if (!read_header(rest, &next) || next.own_bytes > rest.len ||
            next.values_count > rest.len - next.own_bytes) {
            return ZP_INVALID;
        }
        offset += (size_t)next.own_bytes;
        if (next.values_count > 0) {
            if (depth == MSGPACK_DEPTH_MAX) {
                return ZP_INVALID;
            }
            awaited_counts[depth++] = next.values_count;
            continue;
        }
        while (depth > 0 && --awaited_counts[depth - 1] == 0) {
            depth--;
        }
    } while (depth > 0);
    *ret_value = (str_view){bytes.ptr, offset};
    return ZP_OK;
}

zp_error msgpack_bounds_enter(str_view bytes, bool *ret_is_map, size_t *ret_values_count,
                              size_t *ret_first_offset) {
    header container;
    if (!read_header(bytes, &container) || !container.is_container) {
        return ZP_INVALID;
    }
    *ret_is_map = container.is_map;
    *ret_values_count = (size_t)container.values_count;
    *ret_first_offset = (size_t)container.own_bytes;
    return ZP_OK;
}
