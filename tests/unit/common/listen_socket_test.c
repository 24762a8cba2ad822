#include "common/http/listen_socket.h"
#include "common_fixture.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const listen_options alone = {0}, beside = {.shared = true};

static char address[LISTEN_ADDRESS_BYTES];
static char reason[LISTEN_REASON_BYTES];

static void port_zero_is_any_port_and_the_address_tells_which(void **state) {
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "0.0.0.0", "localhost"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char asked[64];
        snprintf(asked, sizeof asked, "%s:0", hosts[i]);
        int fd = -1;
        assert_int_equal(listen_socket_open(&fd, asked, &alone, address, reason), ZP_OK);
        assert_lacks(address, ":0");
        int flags = fcntl(fd, F_GETFL);
        assert_true(flags & O_NONBLOCK);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
    }
}

static void an_ipv6_address_stands_in_brackets(void **state) {
    (void)state;
    int fd = -1;
    if (listen_socket_open(&fd, "[::1]:0", &alone, address, reason) == ZP_OK) {
        assert_memory_equal(address, "[::1]:", 6);
        close(fd);
    } else { /* a machine without IPv6 says that it is one */
        assert_true(strstr(reason, "family not supported") || strstr(reason, "Cannot assign"));
    }
}

static void a_port_that_is_taken_is_refused_with_the_reason(void **state) {
    (void)state;
    int fd = -1;
    int other = -1;
    assert_int_equal(listen_socket_open(&fd, "127.0.0.1:0", &alone, address, reason), ZP_OK);
    char taken[LISTEN_ADDRESS_BYTES];
    memcpy(taken, address, sizeof taken);
    assert_int_equal(listen_socket_open(&other, taken, &alone, address, reason), ZP_SYSTEM);
    assert_string_equal(reason, "Address already in use");
    assert_int_equal(other, -1);
    close(fd);
}

static void those_who_share_an_address_may_all_listen_on_it(void **state) {
    (void)state;
    int fds[3] = {-1, -1, -1};
    assert_int_equal(listen_socket_open(&fds[0], "127.0.0.1:0", &beside, address, reason), ZP_OK);
    char shared[LISTEN_ADDRESS_BYTES];
    memcpy(shared, address, sizeof shared);
    assert_int_equal(listen_socket_open(&fds[1], shared, &beside, address, reason), ZP_OK);
    assert_string_equal(address, shared);
    assert_int_equal(listen_socket_open(&fds[2], shared, &alone, address, reason), ZP_SYSTEM);
    assert_string_equal(reason, "Address already in use");
    close(fds[0]);
    close(fds[1]);
}

static int option_of(int fd, int option) {
    int value = -1;
    socklen_t value_bytes = sizeof value;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, option, &value, &value_bytes), 0);
    return value;
}

static void connections_inherit_what_is_set_for_them(void **state) {
    (void)state;
    static const int unsent_max_bytes[] = {0, 4321};
    for (size_t i = 0; i < 2; i++) {
        const listen_options options = {.unsent_max_bytes = unsent_max_bytes[i]};
        int fd = -1;
        assert_int_equal(listen_socket_open(&fd, "127.0.0.1:0", &options, address, reason), ZP_OK);
        struct sockaddr_in at = {0};
        socklen_t at_bytes = sizeof at;
        assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &at_bytes), 0);
        int client = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(client, (struct sockaddr *)&at, at_bytes), 0);
        int accepted = accept(fd, NULL, NULL);
        assert_true(accepted >= 0);
        assert_int_equal(option_of(accepted, TCP_NODELAY) != 0, i == 1);
        assert_int_equal(option_of(accepted, TCP_NOTSENT_LOWAT) == 4321, i == 1);
        close(accepted);
        close(client);
        close(fd);
    }
}

static void anything_but_host_and_port_is_refused(void **state) {
    (void)state;
    static const char *const malformed[] = {"",
                                            ":",
                                            ":80",
                                            "127.0.0.1",
                                            "127.0.0.1:",
                                            "127.0.0.1:65536",
                                            "127.0.0.1:-1",
                                            "::1:80",
                                            "[::1:80",
                                            "::1]:80",
                                            "[]:80",
                                            "127.0.0.1:x",
                                            "127.0.0.1: 80",
                                            "127.0.0.1:80x",
                                            "host:+80",
                                            "host:000080",
                                            "host:99999"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        int fd = -1;
        if (listen_socket_open(&fd, malformed[i], &alone, address, reason) != ZP_INVALID) {
            fail_msg("\"%s\" was not refused", malformed[i]);
        }
        assert_contains(reason, "host:port is needed");
    }
}

static void an_address_of_another_machine_is_refused(void **state) {
    (void)state;
    int fd = -1;
    assert_int_equal(listen_socket_open(&fd, "192.0.2.1:0", &alone, address, reason), ZP_SYSTEM);
    assert_string_equal(reason, "Cannot assign requested address");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_zero_is_any_port_and_the_address_tells_which),
        cmocka_unit_test(an_ipv6_address_stands_in_brackets),
        cmocka_unit_test(a_port_that_is_taken_is_refused_with_the_reason),
        cmocka_unit_test(those_who_share_an_address_may_all_listen_on_it),
        cmocka_unit_test(connections_inherit_what_is_set_for_them),
        cmocka_unit_test(anything_but_host_and_port_is_refused),
        cmocka_unit_test(an_address_of_another_machine_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
