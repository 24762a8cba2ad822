#include "tests/bench/load/http_answer.h"

#include <string.h>
#include <strings.h>

static const char status_line[] = "HTTP/1.1 ";
static const char length_name[] = "\ncontent-length:";

enum { STATUS_DIGITS = 3 };

static size_t digits(const char *at, const char *end) {
    size_t number = 0;
    while (at < end && *at == ' ') {
        at++;
    }
    for (; at < end && *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (size_t)(*at - '0');
    }
    return number;
}

http_answer_found http_answer_read(const char *bytes, size_t len_bytes, http_answer *ret_answer) {
    const char *head_end = memmem(bytes, len_bytes, "\r\n\r\n", 4);
    if (!head_end) {
        return HTTP_ANSWER_INCOMPLETE;
    }
    const size_t name_bytes = sizeof length_name - 1;
    const size_t line_bytes = sizeof status_line - 1;
    ret_answer->head_bytes = (size_t)(head_end - bytes) + 4;
    if (strncmp(bytes, status_line, line_bytes) != 0) {
        return HTTP_ANSWER_INVALID;
    }
    ret_answer->status = (int)digits(bytes + line_bytes, bytes + line_bytes + STATUS_DIGITS);
    for (const char *at = bytes;
         (at = memchr(at, '\n', (size_t)(head_end - at))) && head_end - at > (long)name_bytes; at++) {
        if (strncasecmp(at, length_name, name_bytes) == 0) {
            ret_answer->body_bytes = digits(at + name_bytes, head_end);
            return len_bytes < ret_answer->head_bytes + ret_answer->body_bytes ? HTTP_ANSWER_INCOMPLETE
                                                                               : HTTP_ANSWER_WHOLE;
        }
    }
    return HTTP_ANSWER_INVALID;
}
