#include "services/ws-edge/client_log.h"

#include "services/ws-edge/ws_server.h"

#include <stdio.h>

const char *client_log(const edge_client *client, client_log_text *out) {
    char user[ESCAPED_ID_BYTES];
    char from[NETWORK_TEXT_BYTES];
    str_view user_id = str_view_of(client->user ? client->user->id : "");
    (void)snprintf(out->text, sizeof out->text, "connection=%llx user=%s from=%s",
                   (unsigned long long)client->number, str_view_escape(user_id, user, sizeof user),
                   client_network_text(ws_socket_from(client->socket), from));
    return out->text;
}
