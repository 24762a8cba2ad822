/* api_error - every way in which this API refuses: HTTP status, stable code, text. The texts of CONTRACT B
 * and the VoicePing guide are literal: existing clients may compare them. */
#ifndef ZP_HTTP_API_API_ERROR_H
#define ZP_HTTP_API_API_ERROR_H

#include "common/auth/token_refusals.h"
#include "services/http-api/core/text_buffer.h"

/* X(id, HTTP status, code, text) */
#define API_ERRORS(X)                                                                                        \
    X(API_OK, 200, "ok", "")                                                                                 \
    X(API_INVALID_JSON, 400, "invalid_json", "Invalid JSON")                                                 \
    X(API_IDS_NOT_ARRAY, 400, "user_ids_not_array", "userIds must be an array")                              \
    X(API_INVALID_ID, 400, "invalid_user_id",                                                                \
      "each of userIds must be a string or an integer, 1 to 128 bytes without control characters")           \
    X(API_NUMBER_TOO_LARGE, 400, "number_too_large",                                                         \
      "a number exceeds 64 bits: send such user ids as strings")                                             \
    X(API_MALFORMED_HEAD, 400, "malformed_head",                                                             \
      "the head is malformed, or leaves open where the body ends")                                           \
    X(API_MALFORMED_TARGET, 400, "malformed_target",                                                         \
      "a % in the path or the query has no two hex digits behind it")                                        \
    X(API_INVALID_USER, 400, "invalid_user_id",                                                              \
      "a user id has 1 to 128 bytes of UTF-8 without control characters")                                    \
    X(API_INVALID_STATUS, 400, "invalid_status", "status must be online, away, busy, offline or invisible")  \
    X(API_INVALID_SOCKET_ID, 400, "invalid_socket_id",                                                       \
      "socket_id has at most 64 bytes of printable ASCII without spaces")                                    \
    X(API_INVALID_FLAG, 400, "invalid_flag", "a flag of the query must be true or false")                    \
    X(API_INVALID_LIMIT, 400, "invalid_limit", "limit must be a whole number in its range")                  \
    X(API_BODY_NOT_OBJECT, 400, "body_not_object", "Request body must be a JSON object")                     \
    X(API_USERNAME_MISSING, 400, "username_missing", "Username is required")                                 \
    X(API_TOKEN_MISSING, 400, "session_token_missing", "Session token is required")                          \
    X(API_FIELD_MISSING, 400, "field_missing", "a field of the request body is missing")                     \
    X(API_INVALID_FIELD, 400, "invalid_field", "a field of the request body is not what it must be")         \
    X(API_CONTACT_IS_SELF, 400, "contact_is_self", "nobody is a contact of their own")                       \
    X(API_TOO_MANY_CONTACTS, 400, "too_many_contacts", "the user has as many contacts as there may be")      \
    X(API_IDS_MISSING, 400, "user_ids_missing", "userIds is missing, or names nobody")                       \
    X(API_INVALID_STATUSES, 400, "invalid_statuses", "statuses must be basic or full")                       \
    X(API_INVALID_CURSOR, 400, "invalid_cursor", "cursor must be what `next` was in an answer")              \
    TOKEN_REFUSALS(X, API_)                                                                                  \
    X(API_KEY_MISSING, 401, "api_key_missing", "An API key is required")                                     \
    X(API_KEY_WRONG, 401, "api_key_wrong", "The API key is none of ours")                                    \
    X(API_FORBIDDEN, 403, "forbidden", "This token or key is not for that")                                  \
    X(API_NOT_YOURS, 403, "not_yours", "A user may write only what is their own")                            \
    X(API_USER_UNKNOWN, 404, "user_unknown", "User not found")                                               \
    X(API_NOBODY, 404, "contact_user_unknown", "Contact user not found")                                     \
    X(API_CONTACT_UNKNOWN, 404, "contact_unknown", "Contact not found")                                      \
    X(API_SESSION_UNKNOWN, 404, "session_unknown", "Session not found")                                      \
    X(API_NOT_FOUND, 404, "not_found", "Not found")                                                          \
    X(API_METHOD_NOT_ALLOWED, 405, "method_not_allowed", "Method not allowed")                               \
    X(API_TOO_MANY_IDS, 413, "too_many_user_ids", "too many userIds in one query")                           \
    X(API_BODY_TOO_LARGE, 413, "body_too_large", "the request body is too large")                            \
    X(API_FIELD_TOO_LARGE, 413, "field_too_large", "a field of the request body is too large")               \
    X(API_TARGET_TOO_LONG, 414, "target_too_long", "the path and query are too long")                        \
    X(API_RATE_LIMITED, 429, "rate_limited", "too many requests a second from this address")                 \
    X(API_HEAD_TOO_LARGE, 431, "head_too_large", "the request head is too large")                            \
    X(API_FETCH_FAILED, 500, "fetch_failed", "Failed to fetch presence status")                              \
    X(API_NO_MEMORY, 500, "no_memory", "out of memory")                                                      \
    X(API_TOO_MANY_ACCOUNTS, 503, "too_many_accounts", "no more users can be registered")                    \
    X(API_UNAVAILABLE, 503, "unavailable", "presence is out of reach: ask again later")                      \
    X(API_NOT_ACKNOWLEDGED, 503, "not_acknowledged",                                                         \
      "it was not acknowledged in time, and may not have been taken: say it again")                          \
    X(API_REBUILDING, 503, "rebuilding", "presence is being rebuilt after a loss of data: ask again later")  \
    X(API_TOO_MANY_STREAMS, 503, "too_many_streams", "too many event streams are open: try again later")     \
    X(API_DISABLED, 503, "presence_disabled", "Presence is disabled")

typedef enum api_error {
#define X(id, status, code, text) id,
    API_ERRORS(X)
#undef X
        API_ERRORS_COUNT
} api_error;

unsigned api_error_http_status(api_error error);

const char *api_error_code(api_error error);

/* {"error": text, "code": code, "details": details}; no details where NULL. */
void api_error_add_body(text_buffer *out, api_error error, const char *details);
/* The same without the braces. */
void api_error_add_members(text_buffer *out, api_error error, const char *details);

#endif
