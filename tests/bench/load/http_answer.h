/* http_answer - whether an HTTP/1.1 answer with a Content-Length is whole. Pure.
 * Owns: nothing. Threads: none. */
#ifndef ZP_BENCH_HTTP_ANSWER_H
#define ZP_BENCH_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct http_answer {
    int status;
    size_t head_bytes, body_bytes;
} http_answer;

typedef enum http_answer_found {
    HTTP_ANSWER_WHOLE,
    HTTP_ANSWER_INCOMPLETE,
    HTTP_ANSWER_INVALID
} http_answer_found;

/* An answer without Content-Length is invalid. */
http_answer_found http_answer_read(const char *bytes, size_t len_bytes, http_answer *ret_answer);

#endif
