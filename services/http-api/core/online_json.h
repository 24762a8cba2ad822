/* online_json - the answer of GET /api/presence/online: begin, each user, end. Units: unix ms, 0 for "not
 * known". Owns: nothing. Threads: none. */
#ifndef ZP_HTTP_API_ONLINE_JSON_H
#define ZP_HTTP_API_ONLINE_JSON_H

#include "common/presence/status.h"
#include "services/http-api/core/text_buffer.h"
#include <stdint.h>

void online_json_begin(text_buffer *out);
void online_json_add(text_buffer *out, str_view user_id, presence_status status, uint64_t last_seen_ms,
                     uint64_t since_ms);
/* `last_user_id`: behind whom the next page begins; empty: there is none. */
void online_json_end(text_buffer *out, uint64_t total, str_view last_user_id);

#endif
