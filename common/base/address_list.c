#include "common/base/address_list.h"
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>

enum { IPV4_BYTES = 4, IPV4_IN_IPV6_BYTES = 12, BITS_PER_BYTE = 8, IPV4_BITS = 32, IP_BITS = 128 };

static const uint8_t ipv4_prefix[IPV4_IN_IPV6_BYTES] = {[10] = 0xff, [11] = 0xff};

static void take_ipv4(const void *bytes, ip_address *ret_address) {
    memcpy(ret_address->bytes, ipv4_prefix, sizeof ipv4_prefix);
    memcpy(ret_address->bytes + sizeof ipv4_prefix, bytes, IPV4_BYTES);
}

bool ip_address_of(const struct sockaddr *address, ip_address *ret_address) {
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        take_ipv4(&in.sin_addr, ret_address);
        return true;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof in6);
        memcpy(ret_address->bytes, &in6.sin6_addr, sizeof ret_address->bytes);
        return true;
    }
    return false;
}

bool ip_address_is_ipv4(const ip_address *address) {
    return memcmp(address->bytes, ipv4_prefix, sizeof ipv4_prefix) == 0;
}

const char *ip_address_text(const ip_address *address, char out[IP_TEXT_BYTES]) {
    static_assert(IP_TEXT_BYTES >= INET6_ADDRSTRLEN, "the longest text has no room");
    bool ipv4 = ip_address_is_ipv4(address);
    const char *text = inet_ntop(ipv4 ? AF_INET : AF_INET6, address->bytes + (ipv4 ? IPV4_IN_IPV6_BYTES : 0),
                                 out, IP_TEXT_BYTES);
    assert(text);
    return text;
}

bool ip_address_parse(str_view text, ip_address *ret_address) {
    char copy[INET6_ADDRSTRLEN];
    struct in_addr in;
    struct in6_addr in6;
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.ptr, '\0', text.len)) {
        return false;
    }
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, &in) == 1) {
        take_ipv4(&in, ret_address);
        return true;
    }
    if (inet_pton(AF_INET6, copy, &in6) == 1) {
        memcpy(ret_address->bytes, &in6, sizeof ret_address->bytes);
        return true;
    }
    return false;
}

/* Decimal digits, `most` at the most. */
static bool read_bits(str_view text, unsigned most, unsigned *ret_bits) {
    unsigned bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || bits > most) {
            return false;
        }
        bits = bits * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *ret_bits = bits;
    return text.len > 0 && bits <= most;
}

static bool add(address_list *list, str_view item) {
    if (list->count == ADDRESS_LIST_MAX) {
        return false;
    }
    const char *slash = memchr(item.ptr, '/', item.len);
    size_t address_bytes = slash ? (size_t)(slash - item.ptr) : item.len;
    ip_address address;
    if (!ip_address_parse(str_view_make(item.ptr, address_bytes), &address)) {
        return false;
    }
    unsigned own_bits = ip_address_is_ipv4(&address) ? IPV4_BITS : IP_BITS, bits = own_bits;
    if (slash && !read_bits(str_view_make(slash + 1, item.len - address_bytes - 1), own_bits, &bits)) {
        return false;
    }
    list->networks[list->count].address = address;
    list->networks[list->count++].bits = bits + IP_BITS - own_bits;
    return true;
}

zp_error address_list_parse(const char *text, address_list *ret_list) {
    address_list list = {.count = 0};
    if (str_view_trim(str_view_of(text)).len == 0) {
        *ret_list = list;
        return ZP_OK;
    }
    for (const char *at = text;; at++) {
        size_t item_bytes = strcspn(at, ",");
        str_view item = str_view_trim(str_view_make(at, item_bytes));
        if (item.len == 0 || !add(&list, item)) {
            return ZP_INVALID;
        }
        at += item_bytes;
        if (*at == '\0') {
            break;
        }
    }
    *ret_list = list;
    return ZP_OK;
}

static bool same_bits(const ip_address *a, const ip_address *b, unsigned bits) {
    size_t whole = bits / BITS_PER_BYTE;
    unsigned rest = bits % BITS_PER_BYTE;
    if (memcmp(a->bytes, b->bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (BITS_PER_BYTE - rest) == 0;
}

bool address_list_has(const address_list *list, const ip_address *address) {
    for (size_t i = 0; i < list->count; i++) {
        if (same_bits(&list->networks[i].address, address, list->networks[i].bits)) {
            return true;
        }
    }
    return false;
}
