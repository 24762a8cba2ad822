/* client_frame - MessagePack of the client contract, out and in, as pure functions (proto/WIRE.md).
 * Owns: nothing; encoders write into the caller's buffer. Threads: none. */
#ifndef ZP_WIRE_CLIENT_FRAME_H
#define ZP_WIRE_CLIENT_FRAME_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include "common/presence/status.h"
#include "common/wire/wire_form.h"
#include <stdbool.h>
#include <stdint.h>

#define CLIENT_MESSAGE_TYPES(X)                                                                              \
    X(MESSAGE_STATUS, 5)                                                                                     \
    X(MESSAGE_LOGIN_DUPLICATED, 9)                                                                           \
    X(MESSAGE_USER_ADD, 15)                                                                                  \
    X(MESSAGE_USER_REMOVE, 16)                                                                               \
    X(MESSAGE_CONNECTION_TEST, 25)                                                                           \
    X(MESSAGE_CONNECTION_ACK, 26)                                                                            \
    X(MESSAGE_HEARTBEAT, 30)                                                                                 \
    X(MESSAGE_PRESENCE_UPDATE, 31)                                                                           \
    X(MESSAGE_PRESENCE_SNAPSHOT, 32)                                                                         \
    X(MESSAGE_PRESENCE_SUBSCRIBE, 33)                                                                        \
    X(MESSAGE_PRESENCE_UNSUBSCRIBE, 34)                                                                      \
    X(MESSAGE_PRESENCE_ERROR, 35)

typedef enum client_message_type {
#define X(id, value) id = value,
    CLIENT_MESSAGE_TYPES(X)
#undef X
} client_message_type;

enum {
    USER_ID_MAX_BYTES = 128,
    ESCAPED_ID_BYTES = STR_VIEW_ESCAPED_BYTES(USER_ID_MAX_BYTES), /* in a log line (str_view_escape) */
    DEVICE_MAX_BYTES = 64,
    /* No 31 of a valid user id is longer, in any form. */
    CLIENT_UPDATE_MAX_BYTES = 320,
    CLIENT_ERROR_MAX_BYTES = 512,
    CLIENT_LOGIN_DUPLICATED_MAX_BYTES = 256,
    CLIENT_ID_DIGITS_BYTES = 24,
    /* A 32 of one user fits, in any form. */
    CLIENT_SNAPSHOT_MIN_BYTES = 512,
};

/* A type 31. Returns false, and writes nothing, where a client of that form sees no change from `from` to
 * `to`. */
bool client_frame_update(wire_form form, str_view user_id, presence_status from, presence_status to,
                         uint64_t at_ms, char out[CLIENT_UPDATE_MAX_BYTES], size_t *ret_len_bytes);

/* A type 35; `reconnect_after_ms` is left out where negative. `code` and `message` are ours: short ASCII. */
size_t client_frame_error(wire_form form, str_view user_id, const char *code, const char *message,
                          int64_t reconnect_after_ms, char out[CLIENT_ERROR_MAX_BYTES]);

/* A type 9, to the connection that has to go. */
size_t client_frame_login_duplicated(wire_form form, str_view user_id,
                                     char out[CLIENT_LOGIN_DUPLICATED_MAX_BYTES]);

/* One of those who are told of. */
typedef struct snapshot_user {
    str_view user_id;
    str_view device;       /* array forms; empty: not known */
    uint64_t last_seen_ms; /* 0: never, as nil */
    presence_status status;
} snapshot_user;

/* A type 32 of the first of `users`, as many as fit into `out_bytes` (CLIENT_SNAPSHOT_MIN_BYTES or more), for
 * the client of `to_user_id`. `at_ms` and `total` (users online in all) are told in array forms. Returns how
 * many users are in it. */
size_t client_frame_snapshot(wire_form form, str_view to_user_id, uint64_t at_ms, uint64_t total,
                             const snapshot_user *users, size_t users_count, char *out, size_t out_bytes,
                             size_t *ret_len_bytes);

/* A type 26 that echoes `payload`, one complete MessagePack value, into `out`. ZP_TOO_LARGE: does not fit. */
ZP_MUST_CHECK zp_error client_frame_connection_ack(wire_form form, str_view user_id, str_view payload,
                                                   char *out, size_t out_bytes, size_t *ret_len_bytes);

/* What a client said: views into the message that was parsed. */
typedef struct client_message {
    int64_t type;
    bool array_form;  /* it came as an array: answer in arrays */
    str_view status;  /* of a 5; empty where there is none */
    str_view payload; /* of a 25: the raw MessagePack value to echo; empty where there is none */
    str_view to; /* of a 15 or 16: the raw value of toId, for client_id_read; empty where there is none */
    str_view user_ids, group_ids; /* of a 33 or 34: raw arrays, for client_ids_next; empty: not named */
    bool all, contacts;           /* of a 33 */
} client_message;

/* Both forms (map, and array of five or six), bounded in depth and size whatever the bytes claim.
 * ZP_INVALID: garbage. */
ZP_MUST_CHECK zp_error client_message_parse(str_view bytes, client_message *ret_message);

/* Walks through an array of ids, zeroed but for `array`, which client_message_parse has given. */
typedef struct client_ids {
    str_view array;
    size_t count; /* set by the first step */
    size_t index, offset;
    bool begun;
    char digits[CLIENT_ID_DIGITS_BYTES]; /* an integer, as text */
} client_ids;

/* An id: a text of any bytes within `value`, or an integer in decimal digits, for which there are `digits`;
 * empty where the value is neither. */
str_view client_id_read(str_view value, char digits[CLIENT_ID_DIGITS_BYTES]);

/* 1 to USER_ID_MAX_BYTES of text without control characters: of a user, and of a group. */
bool user_id_is_valid(str_view id);

/* How many there are, those said twice included. Cost: O(1). */
size_t client_ids_count(str_view array);

/* *ret_id is the next one, as client_id_read says it, until the step after. False: there are no more. */
bool client_ids_next(client_ids *ids, str_view *ret_id);

#endif
