/* client_frames - what a client makes of the frames it gets, and the frames it sends. Between client.c and
 * the pure parts; nobody else includes it. */
#ifndef ZP_BENCH_CLIENT_FRAMES_H
#define ZP_BENCH_CLIENT_FRAMES_H

#include "tests/bench/load/client.h"
#include "tests/bench/load/ws_frame.h"

/* Takes all whole frames; returns how many bytes they were. The client may have ended meanwhile (fd -1). */
size_t client_take_frames(fleet *f, client *c, const uint8_t *bytes, size_t len_bytes);

/* At most CLIENT_SAYS_MAX_BYTES of payload. What the kernel does not take at once ends the client: it sends
 * so little that only a server that stopped reading can cause that. */
void client_send_frame(fleet *f, client *c, ws_opcode opcode, const void *payload, size_t payload_bytes);

/* Of client.c */
void client_end(fleet *f, client *c, const char *reason);
void client_is_open(fleet *f, client *c);
void client_enter_state(fleet *f, client *c, client_state state);

#endif
