/* json_fields - fields of JSON objects as this API writes them: `"key":value`, a comma in front where
 * something stands before it in the same object. Owns: nothing. Threads: none. */
#ifndef ZP_HTTP_API_JSON_FIELDS_H
#define ZP_HTTP_API_JSON_FIELDS_H

#include "services/http-api/core/text_buffer.h"
#include <stdint.h>

/* A comma where something stands before in the list or object, then what opens an object. */
void json_begin_item(text_buffer *out);

void json_add_key(text_buffer *out, const char *key);
void json_add_text(text_buffer *out, const char *key, str_view value);
/* null where it is empty. */
void json_add_text_or_null(text_buffer *out, const char *key, const char *value);
void json_add_number(text_buffer *out, const char *key, uint64_t value);
void json_add_bool(text_buffer *out, const char *key, bool value);
/* ISO 8601 of unix ms; null for 0. */
void json_add_time(text_buffer *out, const char *key, uint64_t unix_ms);

#endif
