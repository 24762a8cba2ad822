/* With fortification the headers define a recv of their own. */
#undef _FORTIFY_SOURCE
#include "services/ws-edge/recv_tap.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

static _Thread_local recv_tap_fn *tap;
static _Thread_local void *tap_context;

/* Found by libwebsockets in place of the C library's: the program comes first in the search order. */
__attribute__((visibility("default"))) ssize_t recv(int fd, void *buffer, size_t len_bytes, int flags) {
    ssize_t got = recvfrom(fd, buffer, len_bytes, flags, NULL, NULL);
    bool is_end = got == 0 || (got < 0 && errno == ECONNRESET);
    if ((got <= 0 && !is_end) || !tap || (flags & MSG_PEEK)) {
        return got;
    }
    if (is_end && tap(tap_context, fd, buffer, 0) > 0) {
        return got;
    }
    if (is_end) {
        errno = EAGAIN;
        return -1;
    }
    size_t passed_bytes = tap(tap_context, fd, buffer, (size_t)got);
    if (passed_bytes == 0) {
        errno = EAGAIN;
        return -1;
    }
    return (ssize_t)passed_bytes;
}

bool recv_tap_set(recv_tap_fn *fn, void *context) {
    assert(!tap); /* one reader for each thread */
    if (dlsym(RTLD_DEFAULT, "recv") != (void *)recv) {
        return false;
    }
    tap = fn;
    tap_context = context;
    return true;
}

void recv_tap_clear(void) {
    tap = NULL;
    tap_context = NULL;
}
