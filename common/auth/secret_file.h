/* secret_file - the text of a file that holds a secret: a key, a list of API keys. No copy is left behind.
 * Owns: nothing. Units: bytes. Threads: any; it blocks, so read it at start. */
#ifndef ZP_AUTH_SECRET_FILE_H
#define ZP_AUTH_SECRET_FILE_H

#include "common/base/error.h"
#include "common/base/str_view.h"

enum { SECRET_FILE_MAX_BYTES = 65536 };

typedef struct secret_text {
    char bytes[SECRET_FILE_MAX_BYTES + 1];
    size_t len_bytes;
} secret_text;

/* Without the line ends behind it, which are an editor's. ZP_INVALID: *ret_reason, a static text that lives
 * until the next call of the C library, without a byte of the file. */
ZP_MUST_CHECK zp_error secret_file_read(const char *path, secret_text *ret_text, const char **ret_reason);
void secret_text_wipe(secret_text *text);

#endif
