/* tv_json - the envelope of the SmartTV overview's endpoints: {"success": true, ...}, or {"success": false,
 * "error", "code"}. Refusals of these paths are in it whoever refuses (http_request.c). Owns: nothing.
 * Threads: none. */
#ifndef ZP_HTTP_API_TV_JSON_H
#define ZP_HTTP_API_TV_JSON_H

#include "services/http-api/core/api_error.h"
#include <stdbool.h>

/* Whether a path, as the client wrote it, is one of these endpoints' (/api/calls/ and /api/users/). */
bool tv_json_is_path(const char *path);

/* {"success":true: members follow (core/json_fields.h), then tv_json_end. */
void tv_json_begin(text_buffer *out);
void tv_json_end(text_buffer *out);

/* {"success": false, "error", "code", "details"}; no details where NULL. */
void tv_json_add_refusal(text_buffer *out, api_error error, const char *details);

#endif
