/* api_keys - the keys of programs: who holds one may do what it is for. Of a key only its SHA-256 is kept,
 * and it may be given as that, so that the file that lists them holds no secret. Which key is presented is
 * found by looking at every one, in time that depends on none of them. Owns: names and hashes. Threads: none.
 */
#ifndef ZP_AUTH_API_KEYS_H
#define ZP_AUTH_API_KEYS_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include <stdbool.h>

enum {
    API_KEYS_MAX = 256,
    API_KEY_NAME_MAX_BYTES = 64,
    API_KEY_SHORT_BYTES = 16, /* a secret below it can be guessed */
};

/* What a key is for; or-ed. */
typedef enum api_key_area {
    API_KEY_READ = 1,
    API_KEY_WRITE = 2,
    API_KEY_OPS = 4,
} api_key_area;

typedef struct api_key {
    char name[API_KEY_NAME_MAX_BYTES + 1]; /* letters, digits, '.', '_', '-' */
    unsigned areas;
    bool is_short; /* of a secret that was given as it is */
    unsigned char sha256[32];
} api_key;

typedef struct api_keys {
    api_key list[API_KEYS_MAX];
    size_t count;
} api_keys;

/* Adds the keys of `text`: `name:area+area:secret`, areas being read, write and ops, separated by `separator`
 * (and blanks around it). The secret is one as sent, or `sha256=` and 64 hex digits; it may hold colons.
 * Where separator is '\n', empty lines and such that begin with '#' are passed over. ZP_INVALID:
 * *ret_reason is a static text, *ret_number which entry (from 1) it is of. */
ZP_MUST_CHECK zp_error api_keys_parse(api_keys *keys, str_view text, char separator, const char **ret_reason,
                                      size_t *ret_number);

/* The key that was presented; NULL: none of ours. */
const api_key *api_keys_find(const api_keys *keys, str_view presented);

void api_keys_wipe(api_keys *keys);

#endif
