/* server_frame - the header of a WebSocket frame from server to client (RFC 6455 section 5.2): final,
 * unmasked. Pure. */
#ifndef ZP_WS_EDGE_SERVER_FRAME_H
#define ZP_WS_EDGE_SERVER_FRAME_H

#include <stddef.h>

enum { SERVER_FRAME_HEADER_MAX = 10 };

/* The header of a binary message of `payload_bytes`; returns its length: 2, 4 or 10. */
size_t server_frame_header(size_t payload_bytes, char out[SERVER_FRAME_HEADER_MAX]);

#endif
