#include "common/auth/api_keys.h"
#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

static_assert(sizeof((api_key *)0)->sha256 == SHA256_DIGEST_LENGTH, "a hash fits");

static const char hash_prefix[] = "sha256=";

typedef struct area_name {
    const char *name;
    unsigned area;
} area_name;

static const area_name area_names[] = {
    {"read", API_KEY_READ}, {"write", API_KEY_WRITE}, {"ops", API_KEY_OPS}};

/* The part before the first `mark`; *rest is what follows it. ptr NULL: there is none. */
static str_view cut(str_view *rest, char mark) {
    const char *at = rest->len > 0 ? memchr(rest->ptr, mark, rest->len) : NULL;
    if (!at) {
        return (str_view){0};
    }
    str_view part = str_view_make(rest->ptr, (size_t)(at - rest->ptr));
    *rest = str_view_make(at + 1, rest->len - part.len - 1);
    return part;
}

static bool read_name(str_view name, char out[API_KEY_NAME_MAX_BYTES + 1]) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    if (name.len == 0 || name.len > API_KEY_NAME_MAX_BYTES) {
        return false;
    }
    memcpy(out, name.ptr, name.len);
    out[name.len] = '\0';
    return strspn(out, allowed) == name.len;
}

static unsigned area_of(str_view name) {
    for (size_t i = 0; i < sizeof area_names / sizeof *area_names; i++) {
        if (str_view_equal(name, str_view_of(area_names[i].name))) {
            return area_names[i].area;
        }
    }
    return 0;
}

/* 0: one of them is no area. */
static unsigned read_areas(str_view names) {
    unsigned areas = 0;
    for (bool last = false; !last;) {
        str_view name = cut(&names, '+');
        last = !name.ptr;
        unsigned area = area_of(last ? names : name);
        if (area == 0) {
            return 0;
        }
        areas |= area;
    }
    return areas;
}

static int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hash(str_view hex, unsigned char out[SHA256_DIGEST_LENGTH]) {
    if (hex.len != (size_t)2 * SHA256_DIGEST_LENGTH) {
        return false;
    }
    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        int high = digit_of(hex.ptr[2 * i]), low = digit_of(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static void hash(str_view secret, unsigned char out[SHA256_DIGEST_LENGTH]) {
    SHA256((const unsigned char *)secret.ptr, secret.len, out);
}

static const char *read_secret(str_view secret, api_key *key) {
    size_t prefix_bytes = sizeof hash_prefix - 1;
    if (secret.len == 0) {
        return "its secret is empty";
    }
    if (secret.len >= prefix_bytes && memcmp(secret.ptr, hash_prefix, prefix_bytes) == 0) {
        str_view hex = str_view_make(secret.ptr + prefix_bytes, secret.len - prefix_bytes);
        return read_hash(hex, key->sha256) ? NULL : "64 hex digits are needed behind sha256=";
    }
    for (size_t i = 0; i < secret.len; i++) {
        if (secret.ptr[i] <= ' ' || secret.ptr[i] > '~') {
            return "a secret has no blanks and no bytes but ASCII: it has to fit into a header";
        }
    }
    key->is_short = secret.len < API_KEY_SHORT_BYTES;
    hash(secret, key->sha256);
    return NULL;
}

/* NULL: it is one. */
static const char *read_entry(str_view entry, const api_keys *known, api_key *key) {
    str_view rest = entry;
    str_view name = cut(&rest, ':');
    str_view areas = name.ptr ? cut(&rest, ':') : name;
    if (!areas.ptr) {
        return "name:area+area:secret is needed";
    }
    if (!read_name(name, key->name)) {
        return "a name has 1 to 64 letters, digits, '.', '_' and '-'";
    }
    key->areas = read_areas(areas);
    if (key->areas == 0) {
        return "areas are read, write and ops, with + in between";
    }
    const char *reason = read_secret(rest, key);
    for (size_t i = 0; i < known->count && !reason; i++) {
        if (strcmp(known->list[i].name, key->name) == 0) {
            reason = "its name is taken";
        } else if (CRYPTO_memcmp(known->list[i].sha256, key->sha256, sizeof key->sha256) == 0) {
            reason = "its secret is another key's too";
        }
    }
    return reason;
}

zp_error api_keys_parse(api_keys *keys, str_view text, char separator, const char **ret_reason,
                        size_t *ret_number) {
    size_t number = 0;
    for (bool last = false; !last;) {
        str_view entry = cut(&text, separator);
        last = !entry.ptr;
        entry = last ? text : entry;
        entry.len -= entry.len > 0 && entry.ptr[entry.len - 1] == '\r';
        entry = str_view_trim(entry);
        number++;
        if (entry.len == 0 || (separator == '\n' && entry.ptr[0] == '#')) {
            continue;
        }
        api_key key = {0};
        const char *reason =
            keys->count == API_KEYS_MAX ? "there are more than 256 keys" : read_entry(entry, keys, &key);
        if (reason) {
            *ret_reason = reason;
            *ret_number = number;
            return ZP_INVALID;
        }
        keys->list[keys->count++] = key;
    }
    return ZP_OK;
}

/* All ones where `equal`, else 0, without a branch on it. */
static size_t mask_of(int difference) {
    return (size_t)0 - (size_t)(1 ^ ((unsigned)difference & 1U));
}

const api_key *api_keys_find(const api_keys *keys, str_view presented) {
    unsigned char sha256[SHA256_DIGEST_LENGTH];
    hash(presented, sha256);
    size_t found = 0; /* its index + 1 */
    for (size_t i = 0; i < keys->count; i++) {
        int difference = CRYPTO_memcmp(keys->list[i].sha256, sha256, sizeof sha256) != 0;
        found |= (i + 1) & mask_of(difference);
    }
    OPENSSL_cleanse(sha256, sizeof sha256);
    return found > 0 ? &keys->list[found - 1] : NULL;
}

void api_keys_wipe(api_keys *keys) {
    OPENSSL_cleanse(keys, sizeof *keys);
}
