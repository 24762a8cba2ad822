/* client_log - who a client is, as log lines say it: connection=1f user=123 from=10.0.0.7. The connection is
 * the one that `explain` names. Threads: none. */
#ifndef ZP_WS_EDGE_CLIENT_LOG_H
#define ZP_WS_EDGE_CLIENT_LOG_H

#include "common/limits/address_limits.h"
#include "common/wire/client_frame.h"
#include "services/ws-edge/core/sessions.h"

typedef struct client_log_text {
    char text[sizeof "connection= user= from=" + 16 + ESCAPED_ID_BYTES + NETWORK_TEXT_BYTES];
} client_log_text;

/* Of one that has not left yet: a user that is gone is "". In `out`, which it returns the text of. */
const char *client_log(const edge_client *client, client_log_text *out);

#endif
