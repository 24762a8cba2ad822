#include "common/wire/client_frame.h"
#include "common/base/clock.h"
#include <assert.h>
#include <msgpack.h>

/* Arrays name no channel of a group here, nor a sender: these say so (CONTRACT A, "The array form"). */
enum { ARRAY_CHANNEL_GROUP = 0, ARRAY_CHANNEL_PRIVATE = 1, ARRAY_FROM_SERVER = 0, MAP_CHANNEL_GROUP = 1 };

/* Where a packer writes: the caller's bytes, never beyond them. */
typedef struct frame_buffer {
    char *out;
    size_t capacity_bytes, len_bytes;
    bool overflowed;
} frame_buffer;

static int write_into_buffer(void *data, const char *bytes, size_t len_bytes) {
    frame_buffer *buffer = data;
    if (len_bytes > buffer->capacity_bytes - buffer->len_bytes) {
        buffer->overflowed = true;
        return -1;
    }
    memcpy(buffer->out + buffer->len_bytes, bytes, len_bytes);
    buffer->len_bytes += len_bytes;
    return 0;
}

static void begin_frame(msgpack_packer *packer, frame_buffer *buffer, char *out, size_t capacity_bytes) {
    buffer->out = out;
    buffer->capacity_bytes = capacity_bytes;
    buffer->len_bytes = 0;
    buffer->overflowed = false;
    msgpack_packer_init(packer, buffer, write_into_buffer);
}

static void pack_view(msgpack_packer *packer, str_view text) {
    msgpack_pack_str(packer, text.len);
    msgpack_pack_str_body(packer, text.ptr, text.len);
}

static void pack_text(msgpack_packer *packer, const char *text) {
    pack_view(packer, str_view_of(text));
}

/* The status as a client of that form sees it. */
static presence_status seen_as(wire_form form, presence_status status) {
    return !wire_form_is_full(form) || status == STATUS_INVISIBLE ? status_basic(status) : status;
}

static void pack_array_head(msgpack_packer *packer, int channel, int type, str_view to_id) {
    msgpack_pack_array(packer, 5);
    msgpack_pack_int(packer, channel);
    msgpack_pack_int(packer, type);
    msgpack_pack_int(packer, ARRAY_FROM_SERVER);
    pack_view(packer, to_id);
}

static void pack_update_map(msgpack_packer *packer, str_view user_id, const char *status, uint64_t at_ms) {
    char timestamp[CLOCK_ISO8601_BYTES];
    msgpack_pack_map(packer, 6);
    pack_text(packer, "messageType");
    msgpack_pack_int(packer, MESSAGE_PRESENCE_UPDATE);
    pack_text(packer, "fromId");
    pack_view(packer, user_id);
    pack_text(packer, "toId");
    pack_text(packer, "");
    pack_text(packer, "status");
    pack_text(packer, status);
    pack_text(packer, "timestamp");
    pack_text(packer, clock_iso8601(at_ms, timestamp));
    pack_text(packer, "channelType");
    msgpack_pack_int(packer, MAP_CHANNEL_GROUP);
}

static void pack_update_array(msgpack_packer *packer, str_view user_id, const char *status, uint64_t at_ms) {
    pack_array_head(packer, ARRAY_CHANNEL_GROUP, MESSAGE_PRESENCE_UPDATE, str_view_of("broadcast"));
    msgpack_pack_map(packer, 4);
    pack_text(packer, "type");
    pack_text(packer, "presence_update");
    pack_text(packer, "userId");
    pack_view(packer, user_id);
    pack_text(packer, "status");
    pack_text(packer, status);
    pack_text(packer, "timestamp");
    msgpack_pack_uint64(packer, at_ms);
}

bool client_frame_update(wire_form form, str_view user_id, presence_status from, presence_status to,
                         uint64_t at_ms, char out[CLIENT_UPDATE_MAX_BYTES], size_t *ret_len_bytes) {
    assert(user_id.len <= USER_ID_MAX_BYTES);
    presence_status seen = seen_as(form, to);
    if (seen == seen_as(form, from)) {
        return false;
    }
    frame_buffer buffer;
    msgpack_packer packer;
    begin_frame(&packer, &buffer, out, CLIENT_UPDATE_MAX_BYTES);
    if (wire_form_is_array(form)) {
        pack_update_array(&packer, user_id, status_name(seen), at_ms);
    } else {
        pack_update_map(&packer, user_id, status_name(seen), at_ms);
    }
    assert(!buffer.overflowed);
    *ret_len_bytes = buffer.len_bytes;
    return true;
}

size_t client_frame_error(wire_form form, str_view user_id, const char *code, const char *message,
                          int64_t reconnect_after_ms, char out[CLIENT_ERROR_MAX_BYTES]) {
    frame_buffer buffer;
    msgpack_packer packer;
    begin_frame(&packer, &buffer, out, CLIENT_ERROR_MAX_BYTES);
    size_t keys_count = reconnect_after_ms < 0 ? 2 : 3;
    if (wire_form_is_array(form)) {
        pack_array_head(&packer, ARRAY_CHANNEL_PRIVATE, MESSAGE_PRESENCE_ERROR, user_id);
        msgpack_pack_map(&packer, keys_count);
    } else {
        msgpack_pack_map(&packer, keys_count + 1);
        pack_text(&packer, "messageType");
        msgpack_pack_int(&packer, MESSAGE_PRESENCE_ERROR);
    }
    pack_text(&packer, "code");
    pack_text(&packer, code);
    pack_text(&packer, "message");
    pack_text(&packer, message);
    if (reconnect_after_ms >= 0) {
        pack_text(&packer, "reconnectAfterMs");
        msgpack_pack_int64(&packer, reconnect_after_ms);
    }
    assert(!buffer.overflowed);
    return buffer.len_bytes;
}

zp_error client_frame_connection_ack(wire_form form, str_view user_id, str_view payload, char *out,
                                     size_t out_bytes, size_t *ret_len_bytes) {
    frame_buffer buffer;
    msgpack_packer packer;
    begin_frame(&packer, &buffer, out, out_bytes);
    if (wire_form_is_array(form)) {
        pack_array_head(&packer, ARRAY_CHANNEL_PRIVATE, MESSAGE_CONNECTION_ACK, user_id);
        if (payload.len == 0) {
            msgpack_pack_nil(&packer);
        }
    } else {
        msgpack_pack_map(&packer, payload.len > 0 ? 2 : 1);
        pack_text(&packer, "messageType");
        msgpack_pack_int(&packer, MESSAGE_CONNECTION_ACK);
        if (payload.len > 0) {
            pack_text(&packer, "payload");
        }
    }
    if (payload.len > 0) {
        (void)write_into_buffer(&buffer, payload.ptr, payload.len);
    }
    if (buffer.overflowed) {
        return ZP_TOO_LARGE;
    }
    *ret_len_bytes = buffer.len_bytes;
    return ZP_OK;
}

size_t client_frame_login_duplicated(wire_form form, str_view user_id,
                                     char out[CLIENT_LOGIN_DUPLICATED_MAX_BYTES]) {
    static const char text[] = "this user has logged in on another device";
    frame_buffer buffer;
    msgpack_packer packer;
    begin_frame(&packer, &buffer, out, CLIENT_LOGIN_DUPLICATED_MAX_BYTES);
    if (wire_form_is_array(form)) {
        pack_array_head(&packer, ARRAY_CHANNEL_PRIVATE, MESSAGE_LOGIN_DUPLICATED, user_id);
    } else {
        msgpack_pack_map(&packer, 3);
        pack_text(&packer, "messageType");
        msgpack_pack_int(&packer, MESSAGE_LOGIN_DUPLICATED);
        pack_text(&packer, "toId");
        pack_view(&packer, user_id);
        pack_text(&packer, "message");
    }
    pack_text(&packer, text);
    assert(!buffer.overflowed);
    return buffer.len_bytes;
}

/* -- snapshots -- */

enum {
    SNAPSHOT_USER_MAP_BYTES = 80,   /* of one user in a map form, without the user id: at most */
    SNAPSHOT_USER_ARRAY_BYTES = 64, /* in an array form, without user id and device */
    SNAPSHOT_HEAD_BYTES = 64,       /* around the users, without the user id that an array names */
};

/* How many of the first of `users` fit, with what stands around them. */
static size_t snapshot_fitting(wire_form form, str_view to_user_id, const snapshot_user *users,
                               size_t users_count, size_t out_bytes) {
    size_t bytes = SNAPSHOT_HEAD_BYTES + (wire_form_is_array(form) ? to_user_id.len : 0);
    for (size_t i = 0; i < users_count; i++) {
        bytes += users[i].user_id.len;
        bytes += wire_form_is_array(form) ? SNAPSHOT_USER_ARRAY_BYTES + users[i].device.len
                                          : SNAPSHOT_USER_MAP_BYTES;
        if (bytes > out_bytes) {
            return i;
        }
    }
    return users_count;
}

static void pack_snapshot_user(msgpack_packer *packer, wire_form form, const snapshot_user *user) {
    char last_seen[CLOCK_ISO8601_BYTES];
    msgpack_pack_map(packer, wire_form_is_array(form) ? 4 : 3);
    pack_text(packer, "userId");
    pack_view(packer, user->user_id);
    pack_text(packer, "status");
    pack_text(packer, status_name(seen_as(form, user->status)));
    pack_text(packer, "lastSeen");
    if (user->last_seen_ms == 0) {
        msgpack_pack_nil(packer);
    } else if (wire_form_is_array(form)) {
        msgpack_pack_uint64(packer, user->last_seen_ms);
    } else {
        pack_text(packer, clock_iso8601(user->last_seen_ms, last_seen));
    }
    if (wire_form_is_array(form)) {
        pack_text(packer, "deviceId");
        pack_view(packer, user->device);
    }
}

size_t client_frame_snapshot(wire_form form, str_view to_user_id, uint64_t at_ms, uint64_t total,
                             const snapshot_user *users, size_t users_count, char *out, size_t out_bytes,
                             size_t *ret_len_bytes) {
    assert(out_bytes >= CLIENT_SNAPSHOT_MIN_BYTES);
    frame_buffer buffer;
    msgpack_packer packer;
    begin_frame(&packer, &buffer, out, out_bytes);
    size_t count = snapshot_fitting(form, to_user_id, users, users_count, out_bytes);
    if (wire_form_is_array(form)) {
        pack_array_head(&packer, ARRAY_CHANNEL_GROUP, MESSAGE_PRESENCE_SNAPSHOT, to_user_id);
        msgpack_pack_map(&packer, 3);
        pack_text(&packer, "timestamp");
        msgpack_pack_uint64(&packer, at_ms);
        pack_text(&packer, "totalOnline");
        msgpack_pack_uint64(&packer, total);
    } else {
        msgpack_pack_map(&packer, 2);
        pack_text(&packer, "messageType");
        msgpack_pack_int(&packer, MESSAGE_PRESENCE_SNAPSHOT);
    }
    pack_text(&packer, "users");
    msgpack_pack_array(&packer, count);
    for (size_t i = 0; i < count; i++) {
        pack_snapshot_user(&packer, form, &users[i]);
    }
    assert(!buffer.overflowed);
    *ret_len_bytes = buffer.len_bytes;
    return count;
}
