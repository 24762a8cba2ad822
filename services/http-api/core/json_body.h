/* json_body - request bodies as JSON: what is none, and members of objects. A member that is null is as good
 * as absent. Owns: nothing; the caller does what is parsed. Threads: none. Uses jansson, which does no I/O
 * here. */
#ifndef ZP_HTTP_API_JSON_BODY_H
#define ZP_HTTP_API_JSON_BODY_H

#include "common/base/error.h"
#include "services/http-api/core/api_error.h"
#include <jansson.h>

/* Any JSON. A text with a NUL is a bad text of a good body. Not API_OK: nothing is kept. */
ZP_MUST_CHECK api_error json_body_parse(str_view bytes, json_t **ret_json);
/* An object. */
ZP_MUST_CHECK api_error json_body_parse_object(str_view bytes, json_t **ret_object);

/* NULL: absent, or null. Of equal keys the last counts. */
const json_t *json_body_member(const json_t *object, const char *key);

/* Of a string; empty where it is none. */
str_view json_body_text(const json_t *value);

#endif
