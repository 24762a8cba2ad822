/* openapi_text - openapi.json, made into a source file by embed_file.cmake. */
#ifndef ZP_HTTP_API_OPENAPI_TEXT_H
#define ZP_HTTP_API_OPENAPI_TEXT_H

#include <stddef.h>

extern const char openapi_text[];
extern const size_t openapi_text_bytes;

#endif
