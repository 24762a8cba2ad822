/* proxy_header: what gateways say in front of a connection, to the byte (proxy-protocol.txt), and what is
 * none. */
#include "services/ws-edge/core/proxy_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

static str_view with_length(const char *text, size_t len_bytes) {
    return str_view_make(text, len_bytes);
}
#define BYTES(literal) with_length(literal, sizeof(literal) - 1)

/* Whole, however much comes behind it; cut anywhere, it is not there yet. */
static void assert_whole(str_view bytes, const char *client_text) {
    proxy_header header = {.len_bytes = 0};
    char more[PROXY_HEADER_MAX_BYTES + 16];
    assert_true(bytes.len + sizeof "GET /" <= sizeof more);
    memcpy(more, bytes.ptr, bytes.len);
    memcpy(more + bytes.len, "GET /", sizeof "GET /");
    for (size_t behind = 0; behind <= 5; behind += 5) {
        assert_int_equal(proxy_header_read(str_view_make(more, bytes.len + behind), &header),
                         PROXY_HEADER_WHOLE);
        assert_int_equal(header.len_bytes, bytes.len);
        assert_int_equal(header.names_client, client_text != NULL);
    }
    if (client_text) {
        char text[IP_TEXT_BYTES];
        assert_string_equal(ip_address_text(&header.client, text), client_text);
    }
    for (size_t cut = 0; cut < bytes.len; cut++) {
        proxy_header_state state = proxy_header_read(str_view_make(bytes.ptr, cut), &header);
        assert_true(state == PROXY_HEADER_UNCLEAR || state == PROXY_HEADER_PART);
    }
}

static void assert_state(str_view bytes, proxy_header_state wanted) {
    proxy_header header;
    proxy_header_state got = proxy_header_read(bytes, &header);
    if (got != wanted) {
        fail_msg("\"%.*s\": %d, not %d", (int)bytes.len, bytes.ptr, (int)got, (int)wanted);
    }
}

static void a_line_names_the_client(void **state) {
    (void)state;
    assert_whole(BYTES("PROXY TCP4 192.0.2.7 127.0.0.1 56324 443\r\n"), "192.0.2.7");
    assert_whole(BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255");
    assert_whole(BYTES("PROXY TCP4 192.0.2.7 127.0.0.1 0 1\r\n"), "192.0.2.7");
    assert_whole(BYTES("PROXY TCP6 2001:db8::7 ::1 56324 443\r\n"), "2001:db8::7");
    assert_whole(BYTES("PROXY TCP6 ::ffff:192.0.2.7 ::1 56324 443\r\n"), "192.0.2.7");
    assert_whole(BYTES("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void a_gateway_may_not_know_who_it_is(void **state) {
    (void)state;
    assert_whole(BYTES("PROXY UNKNOWN\r\n"), NULL);
    assert_whole(BYTES("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), NULL);
}

static void a_line_that_is_not_exactly_one_is_broken(void **state) {
    (void)state;
    static const char *const lines[] = {
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.7\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 1\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 1 2 \r\n",
        "PROXY TCP4  192.0.2.7 127.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 -1 2\r\n",
        "PROXY TCP4 192.0.2.7 127.0.0.1 1 2\n",
        "PROXY TCP4 192.0.2.07 127.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2 127.0.0.1 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP4 ::ffff:192.0.2.7 127.0.0.1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 ::1 1 2\r\n",
        "PROXY TCP6 ::1 127.0.0.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 127.0.0.1 1 2\r\n",
        "PROXY tcp4 192.0.2.7 127.0.0.1 1 2\r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWNS\r\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_state(str_view_of(lines[i]), PROXY_HEADER_BROKEN);
    }
    char endless[120];
    memset(endless, 'x', sizeof endless);
    snprintf(endless, sizeof endless, "PROXY UNKNOWN");
    endless[13] = ' ';
    assert_state(str_view_make(endless, 106), PROXY_HEADER_PART);
    assert_state(str_view_make(endless, 107), PROXY_HEADER_BROKEN);
}

/* `length`: what the header says follows its fixed part, of which `given` bytes of `rest` do. */
static str_view binary(char *out, unsigned version_command, unsigned family, size_t length, str_view rest) {
    memcpy(out, signature, sizeof signature);
    out[12] = (char)version_command;
    out[13] = (char)family;
    out[14] = (char)(length >> 8U);
    out[15] = (char)length;
    memset(out + 16, 'x', length);
    memcpy(out + 16, rest.ptr, rest.len < length ? rest.len : length);
    return str_view_make(out, 16 + length);
}

static void a_binary_header_names_the_client(void **state) {
    (void)state;
    char out[65536 + 16];
    str_view ipv4 = BYTES("\xc0\0\2\7\x7f\0\0\1\xdc\4\1\xbb");
    assert_whole(binary(out, 0x21, 0x11, 12, ipv4), "192.0.2.7");
    str_view ipv6 =
        BYTES("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xdc\4\1\xbb");
    assert_whole(binary(out, 0x21, 0x21, 36, ipv6), "2001:db8::7");
    str_view mapped =
        BYTES("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xdc\4\1\xbb");
    assert_whole(binary(out, 0x21, 0x21, 36, mapped), "192.0.2.7");
    /* what else it says is passed over */
    assert_whole(binary(out, 0x21, 0x11, 12 + 300, ipv4), "192.0.2.7");
    assert_whole(binary(out, 0x21, 0x11, PROXY_HEADER_MAX_BYTES - 16, ipv4), "192.0.2.7");
}

static void a_binary_header_may_name_nobody(void **state) {
    (void)state;
    char out[65536 + 16];
    str_view none = BYTES("");
    assert_whole(binary(out, 0x20, 0x00, 0, none), NULL);  /* LOCAL: a health check */
    assert_whole(binary(out, 0x20, 0x11, 12, none), NULL); /* its addresses are to be ignored */
    assert_whole(binary(out, 0x20, 0xff, 0, none), NULL);  /* as is its family */
    assert_whole(binary(out, 0x21, 0x00, 0, none), NULL);  /* UNSPEC */
    assert_whole(binary(out, 0x21, 0x00, 20, none), NULL);
    assert_whole(binary(out, 0x21, 0x10, 12, none), NULL);
    assert_whole(binary(out, 0x21, 0x31, 216, none), NULL); /* a UNIX socket */
}

static void a_binary_header_that_is_not_exactly_one_is_broken(void **state) {
    (void)state;
    char out[65536 + 16];
    str_view none = BYTES("");
    assert_state(binary(out, 0x11, 0x11, 12, none), PROXY_HEADER_BROKEN); /* version 1 in binary */
    assert_state(binary(out, 0x31, 0x11, 12, none), PROXY_HEADER_BROKEN);
    assert_state(binary(out, 0x22, 0x11, 12, none), PROXY_HEADER_BROKEN); /* no such command */
    assert_state(binary(out, 0x21, 0x12, 12, none), PROXY_HEADER_BROKEN); /* UDP */
    assert_state(binary(out, 0x21, 0x41, 12, none), PROXY_HEADER_BROKEN); /* no such family */
    assert_state(binary(out, 0x21, 0x11, 11, none), PROXY_HEADER_BROKEN);
    assert_state(binary(out, 0x21, 0x21, 35, none), PROXY_HEADER_BROKEN);
    assert_state(binary(out, 0x21, 0x31, 215, none), PROXY_HEADER_BROKEN);
    assert_state(binary(out, 0x21, 0x11, PROXY_HEADER_MAX_BYTES - 15, none), PROXY_HEADER_BROKEN);
    /* One that is too long is known at its length: nobody waits for the rest. */
    assert_state(str_view_make(binary(out, 0x21, 0x11, 65535, none).ptr, 16), PROXY_HEADER_BROKEN);
}

static void a_request_is_no_header(void **state) {
    (void)state;
    static const char *const requests[] = {"G",        "GET / HTTP/1.1\r\n", "PO",     "POST / ", "PROXYTCP4",
                                           "PROPFIND", "\r\n\r\nG",          "\r\n\n", "\n",      "x"};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        assert_state(str_view_of(requests[i]), PROXY_HEADER_ABSENT);
    }
    assert_state(BYTES("\r\n\r\n\0\r\nQUIT\r"), PROXY_HEADER_ABSENT);
    assert_state(BYTES(""), PROXY_HEADER_UNCLEAR);
    assert_state(BYTES("P"), PROXY_HEADER_UNCLEAR);
    assert_state(BYTES("\r\n\r\n"), PROXY_HEADER_UNCLEAR);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_names_the_client),
        cmocka_unit_test(a_gateway_may_not_know_who_it_is),
        cmocka_unit_test(a_line_that_is_not_exactly_one_is_broken),
        cmocka_unit_test(a_binary_header_names_the_client),
        cmocka_unit_test(a_binary_header_may_name_nobody),
        cmocka_unit_test(a_binary_header_that_is_not_exactly_one_is_broken),
        cmocka_unit_test(a_request_is_no_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
