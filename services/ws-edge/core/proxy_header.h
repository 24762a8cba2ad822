/* proxy_header - what a gateway says in front of a connection, of whom it speaks for: HAProxy's PROXY
 * protocol, version 1 (a line) and version 2 (binary; its TLVs are passed over). proxy-protocol.txt,
 * sections 2.1 and 2.2. Strict: what begins as one and is not exactly one is broken. Whether to believe it is
 * the caller's. Owns: nothing. Units: bytes. Threads: none. */
#ifndef ZP_WS_EDGE_PROXY_HEADER_H
#define ZP_WS_EDGE_PROXY_HEADER_H

#include "common/base/address_list.h"
#include "common/base/str_view.h"

enum { PROXY_HEADER_MAX_BYTES = 1024 }; /* TLVs included */

typedef enum proxy_header_state {
    PROXY_HEADER_ABSENT,
    PROXY_HEADER_UNCLEAR, /* too few bytes to tell whether it is one */
    PROXY_HEADER_PART,    /* it is one, of which more is to come */
    PROXY_HEADER_WHOLE,
    PROXY_HEADER_BROKEN,
} proxy_header_state;

typedef struct proxy_header {
    size_t len_bytes;
    /* False: the gateway speaks for itself (LOCAL, as health checks are), or does not tell by an IP address
     * (UNKNOWN, a UNIX socket): the connection's own address counts. */
    bool names_client;
    ip_address client;
} proxy_header;

/* `bytes`: a connection from its beginning, as far as it has come. *ret_header is set where it is WHOLE. */
proxy_header_state proxy_header_read(str_view bytes, proxy_header *ret_header);

#endif
