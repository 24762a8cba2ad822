/* url_decode - %HH of a piece of a URL (RFC 3986, 2.1), in place: a decoded text is never longer. Owns:
 * nothing. Threads: none. */
#ifndef ZP_BASE_URL_DECODE_H
#define ZP_BASE_URL_DECODE_H

#include "common/base/str_view.h"

typedef enum url_part {
    URL_PATH,  /* + is itself */
    URL_QUERY, /* + is a space, as URLSearchParams writes it (application/x-www-form-urlencoded) */
} url_part;

/* False: a % without two hex digits; *ret_value is untouched, the text may be cut. What comes out may hold
 * any bytes, NUL too. */
bool url_decode(char *text, size_t len_bytes, url_part part, str_view *ret_value);

#endif
