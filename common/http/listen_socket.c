#include "common/http/listen_socket.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_BYTES = 256, PORT_BYTES = 6 };

/* "[host]:port" or "host:port" with a decimal port of at most 65535. */
static bool split(const char *host_port, char host[HOST_BYTES], char port[PORT_BYTES]) {
    const char *colon = strrchr(host_port, ':');
    if (!colon) {
        return false;
    }
    const char *first = host_port;
    size_t host_len = (size_t)(colon - host_port);
    if (host_len >= 2 && first[0] == '[' && colon[-1] == ']') {
        first++;
        host_len -= 2;
    } else if (memchr(first, ':', host_len)) {
        return false; /* an IPv6 address without brackets: where would its port begin? */
    }
    size_t port_len = strlen(colon + 1);
    if (host_len == 0 || host_len >= HOST_BYTES || port_len == 0 || port_len >= PORT_BYTES ||
        strspn(colon + 1, "0123456789") != port_len) {
        return false;
    }
    memcpy(host, first, host_len);
    host[host_len] = '\0';
    memcpy(port, colon + 1, port_len + 1);
    return port_len < 5 || strcmp(port, "65535") <= 0;
}

bool listen_socket_is_address(const char *text) {
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    return split(text, host, port);
}

static bool set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/* Before it listens, or the first connections would go without. */
static bool set_options(int fd, const listen_options *options) {
    return set(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
           (!options->shared || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
           (options->unsent_max_bytes == 0 ||
            (set(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
             set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, options->unsent_max_bytes)));
}

/* -1 with errno. */
static int open_one(const struct addrinfo *candidate, const listen_options *options) {
    int fd = socket(candidate->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (set_options(fd, options) && bind(fd, candidate->ai_addr, candidate->ai_addrlen) == 0 &&
        listen(fd, SOMAXCONN) == 0) {
        return fd;
    }
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static bool spell_address(int fd, char address[LISTEN_ADDRESS_BYTES]) {
    struct sockaddr_storage bound = {0};
    socklen_t bound_len = sizeof bound;
    char host[LISTEN_ADDRESS_BYTES - 10];
    char port[PORT_BYTES];
    if (getsockname(fd, (struct sockaddr *)&bound, &bound_len) != 0 ||
        getnameinfo((struct sockaddr *)&bound, bound_len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return false;
    }
    bool bracketed = bound.ss_family == AF_INET6;
    snprintf(address, LISTEN_ADDRESS_BYTES, "%s%s%s:%s", bracketed ? "[" : "", host, bracketed ? "]" : "",
             port);
    return true;
}

zp_error listen_socket_open(int *ret_fd, const char *host_port, const listen_options *options,
                            char address[LISTEN_ADDRESS_BYTES], char reason[LISTEN_REASON_BYTES]) {
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    if (!split(host_port, host, port)) {
        snprintf(reason, LISTEN_REASON_BYTES, "host:port is needed, as 127.0.0.1:7100 or [::1]:7100");
        return ZP_INVALID;
    }
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *candidates = NULL;
    int looked_up = getaddrinfo(host, port, &hints, &candidates);
    if (looked_up != 0) {
        snprintf(reason, LISTEN_REASON_BYTES, "%s", gai_strerror(looked_up));
        return ZP_SYSTEM;
    }
    int fd = -1;
    for (const struct addrinfo *at = candidates; at && fd < 0; at = at->ai_next) {
        fd = open_one(at, options);
    }
    int why = errno;
    freeaddrinfo(candidates);
    if (fd < 0 || !spell_address(fd, address)) {
        snprintf(reason, LISTEN_REASON_BYTES, "%s", strerror(fd < 0 ? why : errno));
        if (fd >= 0) {
            close(fd);
        }
        return ZP_SYSTEM;
    }
    *ret_fd = fd;
    return ZP_OK;
}
