/* account_body - the JSON bodies of the accounts' endpoints: which fields an endpoint reads, and what each
 * must be. A field that is null counts as missing, one that is not asked for is ignored, of equal ones the
 * last counts. Owns: what the fields point into. Threads: none. */
#ifndef ZP_HTTP_API_ACCOUNT_BODY_H
#define ZP_HTTP_API_ACCOUNT_BODY_H

#include "common/base/error.h"
#include "services/http-api/core/api_error.h"
#include <stddef.h>

/* X(id, name, least bytes, most bytes, what it must be): the texts. A most of 0 is DISPLAY_NAME_MAX. */
#define ACCOUNT_TEXTS(X)                                                                                     \
    X(TEXT_USERNAME, "username", 1, 128, "username must be a text of 1 to 128 bytes")                        \
    X(TEXT_DISPLAY_NAME, "display_name", 0, 0, "display_name must be a text")                                \
    X(TEXT_DEVICE_TYPE, "device_type", 0, 64, "device_type must be a text of at most 64 bytes")              \
    X(TEXT_SESSION_TYPE, "session_type", 1, 64, "session_type must be a text of 1 to 64 bytes")              \
    X(TEXT_ROOM_NAME, "room_name", 0, 128, "room_name must be a text of at most 128 bytes")                  \
    X(TEXT_SESSION_TOKEN, "session_token", 1, 256, "session_token must be a text of 1 to 256 bytes")         \
    X(TEXT_CONTACT, "contact", 1, 128, "contact must be a text of 1 to 128 bytes")

typedef enum account_text {
#define X(id, name, least, most, must) id,
    ACCOUNT_TEXTS(X)
#undef X
        ACCOUNT_TEXTS_COUNT
} account_text;

/* What an endpoint reads: ACCOUNT_READS(TEXT_...) of each text, and these two. */
#define ACCOUNT_READS(text) (1u << (text))
enum { ACCOUNT_READS_METADATA = 1 << 16, ACCOUNT_READS_FAVORITE = 1 << 17 };

typedef enum account_favorite { FAVORITE_MISSING, FAVORITE_FALSE, FAVORITE_TRUE } account_favorite;

typedef struct account_limits {
    size_t display_name_max_bytes, metadata_max_bytes;
} account_limits;

typedef struct account_body {
    const char *texts[ACCOUNT_TEXTS_COUNT]; /* clean UTF-8; NULL: missing */
    char *metadata;                         /* a JSON object, compact; NULL: missing */
    account_favorite favorite;
    struct json_t *json; /* what the texts point into */
} account_body;

/* `reads`: what the endpoint reads. Where an empty body is one without fields: `may_be_empty`. Not API_OK:
 * nothing is kept; *ret_details says which field, or is NULL (static). */
ZP_MUST_CHECK api_error account_body_parse(str_view body, unsigned reads, bool may_be_empty,
                                           const account_limits *limits, account_body *ret_body,
                                           const char **ret_details);
void account_body_free(account_body *body);

/* Whether `text` is a JSON object. */
bool account_body_is_object(const char *text);

#endif
