/* request_head - an HTTP/1.1 WebSocket upgrade request, parsed strictly, and who it says it is from (CONTRACT
 * A, "Connect" and "Refusals"; RFC 7230, RFC 6455 section 4.2.1). Whatever is not plainly right is refused:
 * what is parsed here is never passed on as it came. Owns: nothing; results are views into the caller's
 * buffer. Units: bytes. Threads: none. */
#ifndef ZP_WS_EDGE_REQUEST_HEAD_H
#define ZP_WS_EDGE_REQUEST_HEAD_H

#include "common/auth/token_refusals.h"
#include "common/base/error.h"
#include "common/base/str_view.h"
#include "common/limits/client_address.h"
#include <stdbool.h>
#include <stddef.h>

/* X(id, HTTP status, stable code, text): every way to refuse a client before it has a WebSocket. */
#define REFUSALS(X)                                                                                          \
    X(REFUSED_MALFORMED, 400, "malformed_request", "Malformed request")                                      \
    X(REFUSED_TARGET, 400, "invalid_target", "Invalid request target")                                       \
    X(REFUSED_DUPLICATE, 400, "duplicate_header", "A header that must come once came twice")                 \
    X(REFUSED_BODY, 400, "unexpected_body", "A request with a body is not served here")                      \
    X(REFUSED_METHOD, 405, "method_not_allowed", "Only GET is served here")                                  \
    X(REFUSED_NO_UPGRADE, 426, "upgrade_required", "This is a WebSocket endpoint")                           \
    X(REFUSED_VERSION, 426, "unsupported_version", "WebSocket version 13 is required")                       \
    X(REFUSED_KEY, 400, "invalid_key", "Sec-WebSocket-Key must be 16 bytes in base64")                       \
    TOKEN_REFUSALS(X, REFUSED_)                                                                              \
    X(REFUSED_USER_ID, 400, "invalid_user_id", "The user id must be 1 to 128 bytes of text")                 \
    X(REFUSED_DEVICE, 400, "invalid_device", "The device id must be at most 64 bytes of text")               \
    X(REFUSED_ORIGIN, 403, "origin_not_allowed", "Pages of this origin may not connect here")                \
    X(REFUSED_RATE, 429, "too_many_handshakes", "Too many connections a second from this address")           \
    X(REFUSED_ADDRESS_FULL, 429, "too_many_sockets_of_address", "Too many connections from this address")    \
    X(REFUSED_USER_FULL, 429, "too_many_sockets_of_user", "Too many connections of this user")               \
    X(REFUSED_PROXY, 400, "proxy_not_trusted", "A PROXY header is taken from configured gateways only")      \
    X(REFUSED_PROXY_HEADER, 400, "invalid_proxy_header", "Malformed PROXY header")                           \
    X(REFUSED_TOO_LARGE, 431, "head_too_large", "Request head too large")                                    \
    X(REFUSED_FULL, 503, "too_many_connections", "This server has as many connections as it may have")       \
    X(REFUSED_BUSY, 503, "server_busy", "This server cannot let everybody in who comes")                     \
    X(REFUSED_EVICTED, 503, "evicted", "Others came while this request head was slow to come")               \
    X(REFUSED_STOPPING, 503, "server_stopping", "This server is stopping")

typedef enum request_refusal {
    NOT_REFUSED,
#define X(id, status, code, text) id,
    REFUSALS(X)
#undef X
        REFUSALS_COUNT
} request_refusal;

enum { REFUSAL_ANSWER_BYTES = 512 };

/* A whole HTTP/1.1 answer with a one-line JSON body, ASCII, in `out`; returns its length. `retry_after_s`:
 * when to come again, where the answer is 503. */
size_t request_refusal_answer(request_refusal refusal, unsigned retry_after_s,
                              char out[REFUSAL_ANSWER_BYTES]);
const char *request_refusal_code(request_refusal refusal);
/* Whether it is for a limit of this server, so that its operator should know. */
bool request_refusal_is_limit(request_refusal refusal);

enum { WEBSOCKET_KEY_BYTES = 24 };

typedef struct request_head {
    str_view path;                  /* as sent, without the query */
    str_view key;                   /* Sec-WebSocket-Key, checked */
    str_view origin;                /* of the page that connects; ptr NULL: not a browser */
    str_view token;                 /* never empty */
    str_view device;                /* empty: the client named none */
    str_view offered[2];            /* the first subprotocols offered */
    size_t offered_count;           /* how many were */
    bool native_token;              /* it came in header `token` or `voicepingtoken` */
    bool wire_array, statuses_full; /* ?wire=array, ?statuses=full */
    bool snapshot;                  /* ?snapshot=1 */
    forwarded_lines forwarded;      /* X-Forwarded-For */
} request_head;

/* Finds the end of the head in `bytes`, looking only at what came after the first `seen_bytes`.
 * ZP_OK: *ret_len_bytes, final empty line included. ZP_INCOMPLETE. ZP_INVALID: a line that does not end in CR
 * LF, or a control byte: no head will come of it. */
ZP_MUST_CHECK zp_error request_head_find_end(str_view bytes, size_t seen_bytes, size_t *ret_len_bytes);

/* Parses one whole head of `len_bytes`, as request_head_find_end found it. Decodes the values of the query in
 * place. */
ZP_MUST_CHECK request_refusal request_head_parse(char *bytes, size_t len_bytes, request_head *ret_head);

/* Whether this can be a user id / a device (an empty one: none was named). */
ZP_MUST_CHECK request_refusal request_head_check_user_id(str_view user_id);
ZP_MUST_CHECK request_refusal request_head_check_device(str_view device);
/* Authentication off: whether the token can be a user id, and the device a device. */
ZP_MUST_CHECK request_refusal request_head_check_identity(const request_head *head);

/* The subprotocol that the answer has to name, or a browser gives up: the device where it was offered as the
 * second name, the token only where it is the only name (a token must not land in logs on the way back).
 * Empty: none. */
str_view request_head_echo(const request_head *head);

#endif
