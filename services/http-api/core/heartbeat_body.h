/* heartbeat_body - what POST /api/calls/presence says: {"username", "status"?, "socket_id"?} (the overview,
 * "Update User Presence"). Owns: the parsed JSON. Threads: none. */
#ifndef ZP_HTTP_API_HEARTBEAT_BODY_H
#define ZP_HTTP_API_HEARTBEAT_BODY_H

#include "common/base/error.h"
#include "common/presence/status.h"
#include "services/http-api/core/api_error.h"

enum { HEARTBEAT_SOCKET_ID_MAX_BYTES = 64 };

typedef struct heartbeat_body {
    const char *username; /* 1 to 128 bytes of clean UTF-8 */
    const char
        *socket_id; /* printable ASCII without spaces, at most 64 bytes; "default" where none was given */
    presence_status status;
    struct json_t *json; /* what the texts point into */
} heartbeat_body;

/* Other keys are ignored; null is as good as absent. Not API_OK: nothing is kept. */
ZP_MUST_CHECK api_error heartbeat_body_parse(str_view body, heartbeat_body *ret_body);
void heartbeat_body_free(heartbeat_body *body);

#endif
