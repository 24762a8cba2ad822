#include "services/ws-edge/core/proxy_header.h"

#include <stdint.h>

enum {
    LINE_MAX_BYTES = 107, /* its CR LF included */
    PORT_MAX = 65535,
    PORT_DIGITS_MAX = 5,
    BINARY_FIXED_BYTES = 16,
    VERSION_AT = 12,
    FAMILY_AT = 13,
    LENGTH_AT = 14,
    VERSION_2 = 2,
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    FAMILY_NONE = 0,
    FAMILY_IPV4 = 1,
    FAMILY_IPV6 = 2,
    FAMILY_UNIX = 3,
    TRANSPORT_NONE = 0,
    TRANSPORT_STREAM = 1,
    IPV4_ADDRESSES_BYTES = 12, /* two addresses, two ports */
    IPV6_ADDRESSES_BYTES = 36,
    UNIX_ADDRESSES_BYTES = 216,
    IPV4_IN_IPV6_BYTES = 12,
};

static const char line_signature[] = "PROXY ";
static const char binary_signature[] = "\r\n\r\n\0\r\nQUIT\n";

/* -- version 1 -- */

/* The text up to the next blank, or the end; takes both off. */
static str_view take_word(str_view *rest) {
    const char *blank = rest->len > 0 ? memchr(rest->ptr, ' ', rest->len) : NULL;
    size_t len = blank ? (size_t)(blank - rest->ptr) : rest->len;
    size_t skip = blank ? len + 1 : len;
    str_view word = str_view_make(rest->ptr, len);
    rest->ptr += skip;
    rest->len -= skip;
    return word;
}

static bool is_port(str_view text) {
    unsigned port = 0;
    if (text.len == 0 || text.len > PORT_DIGITS_MAX || (text.len > 1 && text.ptr[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    return port <= PORT_MAX;
}

/* In the spelling of its family: "::ffff:192.0.2.1" is one of TCP6. */
static bool is_address(str_view text, bool ipv6, ip_address *ret_address) {
    bool has_colon = text.len > 0 && memchr(text.ptr, ':', text.len);
    return has_colon == ipv6 && ip_address_parse(text, ret_address);
}

/* Without the signature and the CR LF. */
static bool read_line(str_view line, proxy_header *header) {
    str_view family = take_word(&line);
    if (str_view_equal(family, str_view_of("UNKNOWN"))) {
        return true; /* what follows is to be ignored */
    }
    bool ipv6 = str_view_equal(family, str_view_of("TCP6"));
    if (!ipv6 && !str_view_equal(family, str_view_of("TCP4"))) {
        return false;
    }
    str_view client = take_word(&line);
    str_view here = take_word(&line);
    str_view client_port = take_word(&line);
    ip_address ours;
    header->names_client = is_address(client, ipv6, &header->client);
    return header->names_client && is_address(here, ipv6, &ours) && is_port(client_port) && is_port(line);
}

static proxy_header_state read_version_1(str_view bytes, proxy_header *header) {
    size_t looked_at = bytes.len < LINE_MAX_BYTES ? bytes.len : LINE_MAX_BYTES;
    const char *end = memchr(bytes.ptr, '\n', looked_at);
    if (!end) {
        return looked_at == LINE_MAX_BYTES ? PROXY_HEADER_BROKEN : PROXY_HEADER_PART;
    }
    if (end[-1] != '\r') {
        return PROXY_HEADER_BROKEN;
    }
    header->len_bytes = (size_t)(end - bytes.ptr) + 1;
    const char *first = bytes.ptr + sizeof line_signature - 1;
    str_view line = str_view_make(first, (size_t)(end - 1 - first));
    return read_line(line, header) ? PROXY_HEADER_WHOLE : PROXY_HEADER_BROKEN;
}

/* -- version 2 -- */

/* `addresses`: what follows the fixed part, TLVs included. */
static bool read_addresses(unsigned family, str_view addresses, proxy_header *header) {
    static const size_t least_bytes[] = {[FAMILY_NONE] = 0,
                                         [FAMILY_IPV4] = IPV4_ADDRESSES_BYTES,
                                         [FAMILY_IPV6] = IPV6_ADDRESSES_BYTES,
                                         [FAMILY_UNIX] = UNIX_ADDRESSES_BYTES};
    if (addresses.len < least_bytes[family]) {
        return false;
    }
    if (family == FAMILY_IPV4) {
        header->client = (ip_address){.bytes = {[10] = 0xff, [11] = 0xff}};
        memcpy(header->client.bytes + IPV4_IN_IPV6_BYTES, addresses.ptr, IP_BYTES - IPV4_IN_IPV6_BYTES);
    } else if (family == FAMILY_IPV6) {
        memcpy(header->client.bytes, addresses.ptr, IP_BYTES);
    }
    header->names_client = family == FAMILY_IPV4 || family == FAMILY_IPV6;
    return true;
}

static proxy_header_state read_version_2(str_view bytes, proxy_header *header) {
    if (bytes.len < BINARY_FIXED_BYTES) {
        return PROXY_HEADER_PART;
    }
    const uint8_t *at = (const uint8_t *)bytes.ptr;
    unsigned version = at[VERSION_AT] >> 4U;
    unsigned command = at[VERSION_AT] & 0xfU;
    unsigned family = at[FAMILY_AT] >> 4U;
    unsigned transport = at[FAMILY_AT] & 0xfU;
    size_t rest_bytes = (size_t)at[LENGTH_AT] << 8U | at[LENGTH_AT + 1];
    if (version != VERSION_2 || command > COMMAND_PROXY ||
        rest_bytes > PROXY_HEADER_MAX_BYTES - BINARY_FIXED_BYTES) {
        return PROXY_HEADER_BROKEN;
    }
    if (command == COMMAND_PROXY && (family > FAMILY_UNIX || transport > TRANSPORT_STREAM)) {
        return PROXY_HEADER_BROKEN; /* no TCP connection */
    }
    header->len_bytes = BINARY_FIXED_BYTES + rest_bytes;
    if (bytes.len < header->len_bytes) {
        return PROXY_HEADER_PART;
    }
    if (command == COMMAND_LOCAL || transport == TRANSPORT_NONE) {
        return PROXY_HEADER_WHOLE;
    }
    str_view addresses = str_view_make(at + BINARY_FIXED_BYTES, rest_bytes);
    return read_addresses(family, addresses, header) ? PROXY_HEADER_WHOLE : PROXY_HEADER_BROKEN;
}

/* -- -- */

typedef enum match { DIFFERS, BEGINS_LIKE, HAS } match;

static match compare(str_view bytes, const char *signature, size_t signature_bytes) {
    size_t both_bytes = bytes.len < signature_bytes ? bytes.len : signature_bytes;
    if (memcmp(bytes.ptr, signature, both_bytes) != 0) {
        return DIFFERS;
    }
    return both_bytes == signature_bytes ? HAS : BEGINS_LIKE;
}

proxy_header_state proxy_header_read(str_view bytes, proxy_header *ret_header) {
    if (bytes.len == 0) {
        return PROXY_HEADER_UNCLEAR;
    }
    if (bytes.ptr[0] != line_signature[0] && bytes.ptr[0] != binary_signature[0]) {
        return PROXY_HEADER_ABSENT; /* as nearly every connection begins */
    }
    match line = compare(bytes, line_signature, sizeof line_signature - 1);
    match binary = compare(bytes, binary_signature, sizeof binary_signature - 1);
    if (line == DIFFERS && binary == DIFFERS) {
        return PROXY_HEADER_ABSENT;
    }
    if (line == BEGINS_LIKE || binary == BEGINS_LIKE) {
        return PROXY_HEADER_UNCLEAR;
    }
    proxy_header header = {.len_bytes = 0};
    proxy_header_state state = line == HAS ? read_version_1(bytes, &header) : read_version_2(bytes, &header);
    if (state == PROXY_HEADER_WHOLE) {
        *ret_header = header;
    }
    return state;
}
