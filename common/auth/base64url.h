/* base64url - RFC 4648 section 5 without padding, as RFC 7515 has it; strict: bytes have one text only, so
 * that an altered token never passes for the one that was signed. Owns: nothing. Units: bytes. Threads: none.
 */
#ifndef ZP_AUTH_BASE64URL_H
#define ZP_AUTH_BASE64URL_H

#include "common/base/error.h"
#include "common/base/str_view.h"

/* `out` has room for 3/4 of the text. ZP_INVALID: another character (padding, '+', '/', blanks), a length
 * that nothing has, or bits behind the last byte that are not zero. */
ZP_MUST_CHECK zp_error base64url_decode(str_view text, char *out, size_t *ret_len_bytes);

#endif
