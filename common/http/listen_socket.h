/* listen_socket - a listening TCP socket from "host:port": 127.0.0.1:7200, [::1]:7200, 0.0.0.0:7200,
 * localhost:0. Port 0: any. A name is looked up, and the first address that can be listened on is taken.
 * Owns: nothing, the descriptor is the caller's. Threads: any; a name's lookup blocks, so call it at start.
 */
#ifndef ZP_HTTP_LISTEN_SOCKET_H
#define ZP_HTTP_LISTEN_SOCKET_H

#include "common/base/error.h"
#include <stdbool.h>

typedef struct listen_options {
    /* Beside others of the same user that say so too; the kernel deals connections out among them
     * (SO_REUSEPORT). */
    bool shared;
    /* What each connection may keep in the kernel before it counts as not writable (TCP_NOTSENT_LOWAT), all
     * of it sent at once (TCP_NODELAY): connections inherit both. 0: as the kernel has it. */
    int unsent_max_bytes;
} listen_options;

/* Room for "[address%scope]:port". */
enum { LISTEN_ADDRESS_BYTES = 80, LISTEN_REASON_BYTES = 128 };

/* Whether `text` is host:port, as listen_socket_open wants it. Nothing is looked up. */
bool listen_socket_is_address(const char *text);

/* A descriptor that does not block and is closed on exec, and in `address` where it really listens.
 * ZP_INVALID: not host:port. ZP_SYSTEM: the system refused. Either way `reason` says why, in words. */
ZP_MUST_CHECK zp_error listen_socket_open(int *ret_fd, const char *host_port, const listen_options *options,
                                          char address[LISTEN_ADDRESS_BYTES],
                                          char reason[LISTEN_REASON_BYTES]);

#endif
