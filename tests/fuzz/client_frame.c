/* client_frame: whatever the server says. msgpack-c reads it back key by key, in the order of the contract.
 * Input: form, statuses, a number, lengths of the error's texts, the user id; then the room for a snapshot
 * and its users. */
#include "common/wire/client_frame.h"
#include "common/base/clock.h"
#include "common/wire/msgpack_bounds.h"
#include "tests/fuzz/fuzz.h"
#include <msgpack.h>

static bool is_full(wire_form form) {
    return form == WIRE_MAP_FULL || form == WIRE_ARRAY_FULL;
}

static bool is_array(wire_form form) {
    return form == WIRE_ARRAY_BASIC || form == WIRE_ARRAY_FULL;
}

static presence_status seen_in(wire_form form, presence_status status) {
    return is_full(form) && status != STATUS_INVISIBLE ? status : status_basic(status);
}

static void read_frame(msgpack_unpacked *unpacked, const char *bytes, size_t len_bytes) {
    str_view value;
    assert(msgpack_bounds_first(str_view_make(bytes, len_bytes), &value) == ZP_OK && value.len == len_bytes);
    msgpack_unpacked_init(unpacked);
    size_t used_bytes = 0;
    assert(msgpack_unpack_next(unpacked, bytes, len_bytes, &used_bytes) == MSGPACK_UNPACK_SUCCESS);
    assert(used_bytes == len_bytes);
}

static void assert_text(const msgpack_object *object, str_view expected) {
    assert(object->type == MSGPACK_OBJECT_STR);
    assert(str_view_equal(str_view_make(object->via.str.ptr, object->via.str.size), expected));
}

static void assert_number(const msgpack_object *object, uint64_t expected) {
    assert(object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 == expected);
}

/* The value of key number `at`, which must be `key`. */
static const msgpack_object *value_at(const msgpack_object *map, uint32_t at, const char *key) {
    assert(map->type == MSGPACK_OBJECT_MAP && at < map->via.map.size);
    assert_text(&map->via.map.ptr[at].key, str_view_of(key));
    return &map->via.map.ptr[at].val;
}

/* The payload of the array form, behind channel, type, sender and receiver. */
static const msgpack_object *payload_of(const msgpack_object *array, uint64_t channel, uint64_t type,
                                        str_view to_id) {
    assert(array->type == MSGPACK_OBJECT_ARRAY && array->via.array.size == 5);
    const msgpack_object *elements = array->via.array.ptr;
    assert_number(&elements[0], channel);
    assert_number(&elements[1], type);
    assert_number(&elements[2], 0);
    assert_text(&elements[3], to_id);
    return &elements[4];
}

static void check_update(wire_form form, str_view user_id, presence_status from, presence_status to,
                         uint64_t at_ms) {
    char frame[CLIENT_UPDATE_MAX_BYTES], timestamp[CLOCK_ISO8601_BYTES];
    size_t len_bytes = 0;
    bool written = client_frame_update(form, user_id, from, to, at_ms, frame, &len_bytes);
    assert(written == (seen_in(form, from) != seen_in(form, to)));
    if (!written) {
        return;
    }
    msgpack_unpacked unpacked;
    read_frame(&unpacked, frame, len_bytes);
    const msgpack_object *map = &unpacked.data;
    str_view status = str_view_of(status_name(seen_in(form, to)));
    if (is_array(form)) {
        map = payload_of(map, 0, MESSAGE_PRESENCE_UPDATE, str_view_of("broadcast"));
        assert_text(value_at(map, 0, "type"), str_view_of("presence_update"));
        assert_text(value_at(map, 1, "userId"), user_id);
        assert_text(value_at(map, 2, "status"), status);
        assert_number(value_at(map, 3, "timestamp"), at_ms);
        assert(map->via.map.size == 4);
    } else {
        assert_number(value_at(map, 0, "messageType"), MESSAGE_PRESENCE_UPDATE);
        assert_text(value_at(map, 1, "fromId"), user_id);
        assert_text(value_at(map, 2, "toId"), str_view_of(""));
        assert_text(value_at(map, 3, "status"), status);
        assert_text(value_at(map, 4, "timestamp"), str_view_of(clock_iso8601(at_ms, timestamp)));
        assert_number(value_at(map, 5, "channelType"), 1);
        assert(map->via.map.size == 6);
    }
    msgpack_unpacked_destroy(&unpacked);
}

static void check_error(wire_form form, str_view user_id, const char *code, const char *text,
                        int64_t reconnect_after_ms) {
    char frame[CLIENT_ERROR_MAX_BYTES];
    size_t len_bytes = client_frame_error(form, user_id, code, text, reconnect_after_ms, frame);
    msgpack_unpacked unpacked;
    read_frame(&unpacked, frame, len_bytes);
    const msgpack_object *map = &unpacked.data;
    uint32_t at = 0;
    if (is_array(form)) {
        map = payload_of(map, 1, MESSAGE_PRESENCE_ERROR, user_id);
    } else {
        assert_number(value_at(map, at++, "messageType"), MESSAGE_PRESENCE_ERROR);
    }
    assert_text(value_at(map, at++, "code"), str_view_of(code));
    assert_text(value_at(map, at++, "message"), str_view_of(text));
    if (reconnect_after_ms >= 0) {
        assert_number(value_at(map, at++, "reconnectAfterMs"), (uint64_t)reconnect_after_ms);
    }
    assert(map->via.map.size == at);
    msgpack_unpacked_destroy(&unpacked);
}

static void check_login_duplicated(wire_form form, str_view user_id) {
    char frame[CLIENT_LOGIN_DUPLICATED_MAX_BYTES];
    size_t len_bytes = client_frame_login_duplicated(form, user_id, frame);
    msgpack_unpacked unpacked;
    read_frame(&unpacked, frame, len_bytes);
    const msgpack_object *text = &unpacked.data;
    if (is_array(form)) {
        text = payload_of(text, 1, MESSAGE_LOGIN_DUPLICATED, user_id);
    } else {
        assert_number(value_at(text, 0, "messageType"), MESSAGE_LOGIN_DUPLICATED);
        assert_text(value_at(text, 1, "toId"), user_id);
        text = value_at(text, 2, "message");
    }
    assert(text->type == MSGPACK_OBJECT_STR && text->via.str.size > 0);
    msgpack_unpacked_destroy(&unpacked);
}

/* -- snapshots -- */

static void check_snapshot_user(wire_form form, const msgpack_object *map, const snapshot_user *user) {
    char last_seen_text[CLOCK_ISO8601_BYTES];
    assert_text(value_at(map, 0, "userId"), user->user_id);
    assert_text(value_at(map, 1, "status"), str_view_of(status_name(seen_in(form, user->status))));
    const msgpack_object *last_seen = value_at(map, 2, "lastSeen");
    if (user->last_seen_ms == 0) {
        assert(last_seen->type == MSGPACK_OBJECT_NIL);
    } else if (is_array(form)) {
        assert_number(last_seen, user->last_seen_ms);
    } else {
        assert_text(last_seen, str_view_of(clock_iso8601(user->last_seen_ms, last_seen_text)));
    }
    if (is_array(form)) {
        assert_text(value_at(map, 3, "deviceId"), user->device);
    }
    assert(map->via.map.size == (is_array(form) ? 4 : 3));
}

static void check_snapshot(wire_form form, str_view to_user_id, uint64_t number, const snapshot_user *users,
                           size_t users_count, size_t out_bytes) {
    char *out = malloc(out_bytes);
    assert(out);
    size_t len_bytes = 0;
    size_t count = client_frame_snapshot(form, to_user_id, number, number / 2, users, users_count, out,
                                         out_bytes, &len_bytes);
    /* One fits at least, or who asks for the rest would ask for ever. */
    assert(len_bytes <= out_bytes && count <= users_count && (count > 0 || users_count == 0));
    msgpack_unpacked unpacked;
    read_frame(&unpacked, out, len_bytes);
    const msgpack_object *map = &unpacked.data;
    uint32_t at = 0;
    if (is_array(form)) {
        map = payload_of(map, 0, MESSAGE_PRESENCE_SNAPSHOT, to_user_id);
        assert_number(value_at(map, at++, "timestamp"), number);
        assert_number(value_at(map, at++, "totalOnline"), number / 2);
    } else {
        assert_number(value_at(map, at++, "messageType"), MESSAGE_PRESENCE_SNAPSHOT);
    }
    const msgpack_object *list = value_at(map, at++, "users");
    assert(map->via.map.size == at);
    assert(list->type == MSGPACK_OBJECT_ARRAY && list->via.array.size == count);
    for (size_t i = 0; i < count; i++) {
        check_snapshot_user(form, &list->via.array.ptr[i], &users[i]);
    }
    msgpack_unpacked_destroy(&unpacked);
    free(out);
}

static snapshot_user take_user(fuzz_input *input) {
    snapshot_user user = {.status = (presence_status)(fuzz_byte(input) % 5)};
    size_t id_bytes = fuzz_byte(input) % (USER_ID_MAX_BYTES + 1);
    size_t device_bytes = fuzz_byte(input) % (DEVICE_MAX_BYTES + 1);
    user.last_seen_ms = fuzz_number(input);
    user.user_id = fuzz_take(input, id_bytes);
    user.device = fuzz_take(input, device_bytes);
    return user;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { USERS_MAX = 20, ROOM_STEP_BYTES = 16 };
    static const char longest[] = "0123456789012345678901234567890123456789012345678901234567890123456789"
                                  "0123456789012345678901234567890123456789012345678901234567890123456789";
    fuzz_input input = {data, size};
    wire_form form = (wire_form)(fuzz_byte(&input) % WIRE_FORMS_COUNT);
    presence_status from = (presence_status)(fuzz_byte(&input) % 5);
    presence_status to = (presence_status)(fuzz_byte(&input) % 5);
    uint64_t number = fuzz_number(&input);
    const char *code = longest + sizeof longest - 1 - fuzz_byte(&input) % 33;
    const char *text = longest + sizeof longest - 1 - fuzz_byte(&input) % (sizeof longest);
    str_view user_id = fuzz_take(&input, fuzz_byte(&input) % (USER_ID_MAX_BYTES + 1));
    check_update(form, user_id, from, to, number);
    check_error(form, user_id, code, text, (int64_t)number);
    check_login_duplicated(form, user_id);

    size_t out_bytes = CLIENT_SNAPSHOT_MIN_BYTES + (size_t)fuzz_byte(&input) * ROOM_STEP_BYTES;
    snapshot_user users[USERS_MAX];
    size_t users_count = 0;
    while (input.left > 0 && users_count < USERS_MAX) {
        users[users_count++] = take_user(&input);
    }
    check_snapshot(form, user_id, number, users, users_count, out_bytes);
    return 0;
}
