/* recv_tap - what libwebsockets reads from a client's socket, seen before libwebsockets sees it.
 *
 * Why: libwebsockets 4.1.6 takes unmasked frames (`this_frame_masked` is stored and never looked at) and
 * tells nobody of PINGs and empty PONGs, and has no hook between the socket and its parser. It reads through
 * recv(2), which this module defines for the whole program, as any program may (ELF symbol interposition).
 * The definition calls recvfrom(2), as the C library's does, and then a function of this thread, where one is
 * set. No other thread pays or notices. Threads: one function for each thread. */
#ifndef ZP_WS_EDGE_RECV_TAP_H
#define ZP_WS_EDGE_RECV_TAP_H

#include <stdbool.h>
#include <sys/types.h>

/* `got_bytes` came from `fd`. Returns how many of them the reader gets; 0: as if none had come (EAGAIN). None
 * came: the peer's end, which the reader sees where 1 is returned. */
typedef size_t recv_tap_fn(void *context, int fd, const char *bytes, size_t got_bytes);

/* False: this program's recv is not ours (a build that hides symbols), so nothing would ever be seen. */
bool recv_tap_set(recv_tap_fn *fn, void *context);
void recv_tap_clear(void);

#endif
