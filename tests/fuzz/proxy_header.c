/* proxy_header: any bytes as the beginning of a connection of a gateway. The same however they arrive, and
 * whatever comes behind; what is known to be broken, or to be none, stays so; the client of a whole one, said
 * again in either version, is the same. */
#include "services/ws-edge/core/proxy_header.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>

static bool is_final(proxy_header_state state) {
    return state != PROXY_HEADER_UNCLEAR && state != PROXY_HEADER_PART;
}

static void check_pieces(const uint8_t *data, size_t size, proxy_header_state whole_state,
                         const proxy_header *whole) {
    proxy_header_state state = PROXY_HEADER_UNCLEAR;
    proxy_header header = {.len_bytes = 0};
    size_t arrived = 0;
    while (!is_final(state) && arrived < size) {
        char *copy = fuzz_copy(data, ++arrived); /* of exactly that size: nothing beyond it is looked at */
        state = proxy_header_read(str_view_make(copy, arrived), &header);
        free(copy);
        assert(is_final(state) || arrived < PROXY_HEADER_MAX_BYTES);
    }
    assert(state == whole_state);
    if (state == PROXY_HEADER_WHOLE) {
        assert(header.len_bytes == arrived && header.len_bytes == whole->len_bytes);
        assert(header.names_client == whole->names_client);
        assert(memcmp(&header.client, &whole->client, sizeof header.client) == 0);
    }
}

static void check_again(str_view bytes, const ip_address *client) {
    proxy_header again;
    assert(proxy_header_read(bytes, &again) == PROXY_HEADER_WHOLE);
    assert(again.len_bytes == bytes.len && again.names_client);
    assert(memcmp(&again.client, client, sizeof *client) == 0);
}

static void check_said_again(const ip_address *client) {
    bool ipv4 = ip_address_is_ipv4(client);
    char address[IP_TEXT_BYTES];
    char line[128];
    ip_address_text(client, address);
    int len =
        snprintf(line, sizeof line, "PROXY %s %s %s 1 65535\r\n", ipv4 ? "TCP4" : "TCP6", address, address);
    check_again(str_view_make(line, (size_t)len), client);
    char binary[16 + 36] = "\r\n\r\n\0\r\nQUIT\n\x21";
    size_t skipped = ipv4 ? 12 : 0;
    binary[13] = ipv4 ? 0x11 : 0x21;
    binary[15] = ipv4 ? 12 : 36;
    memcpy(binary + 16, client->bytes + skipped, IP_BYTES - skipped);
    check_again(str_view_make(binary, 16 + (size_t)binary[15]), client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    proxy_header header = {.len_bytes = 0};
    proxy_header_state state = proxy_header_read(str_view_make(data, size), &header);
    check_pieces(data, size, state, &header);
    if (state == PROXY_HEADER_WHOLE) {
        assert(header.len_bytes > 0 && header.len_bytes <= PROXY_HEADER_MAX_BYTES &&
               header.len_bytes <= size);
        if (header.names_client) {
            check_said_again(&header.client);
        }
    }
    return 0;
}
