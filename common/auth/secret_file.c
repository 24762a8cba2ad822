#include "common/auth/secret_file.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>

static size_t without_line_ends(const char *bytes, size_t len_bytes) {
    while (len_bytes > 0 && (bytes[len_bytes - 1] == '\n' || bytes[len_bytes - 1] == '\r')) {
        len_bytes--;
    }
    return len_bytes;
}

zp_error secret_file_read(const char *path, secret_text *ret_text, const char **ret_reason) {
    FILE *file = fopen(path, "re");
    if (!file) {
        *ret_reason = strerror(errno);
        return ZP_INVALID;
    }
    setvbuf(file, NULL, _IONBF, 0); /* no second copy of the secret */
    size_t len_bytes = fread(ret_text->bytes, 1, sizeof ret_text->bytes, file);
    const char *reason = ferror(file)                        ? strerror(errno)
                         : len_bytes > SECRET_FILE_MAX_BYTES ? "the file is too large"
                                                             : NULL;
    fclose(file);
    if (reason) {
        *ret_reason = reason;
        secret_text_wipe(ret_text);
        return ZP_INVALID;
    }
    ret_text->len_bytes = without_line_ends(ret_text->bytes, len_bytes);
    return ZP_OK;
}

void secret_text_wipe(secret_text *text) {
    OPENSSL_cleanse(text, sizeof *text);
}
