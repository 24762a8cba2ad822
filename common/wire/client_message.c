#include "common/wire/client_frame.h"
#include "common/wire/msgpack_bounds.h"
#include <msgpack.h>

/* The elements of the array form (CONTRACT A). With a messageId there are six, and the payload comes last. */
enum {
    ELEMENT_CHANNEL = 0,
    ELEMENT_TYPE = 1,
    ELEMENT_FROM = 2,
    ELEMENT_TO = 3,
    ELEMENTS_MIN = 5,
    ELEMENTS_MAX = 6
};

/* Walks the values of an array or map whose bounds have been checked. */
typedef struct value_reader {
    str_view bytes;
    size_t offset;
} value_reader;

static str_view take_value(value_reader *reader) {
    str_view rest = {reader->bytes.ptr + reader->offset, reader->bytes.len - reader->offset};
    str_view value = {rest.ptr, 0};
    if (msgpack_bounds_first(rest, &value) == ZP_OK) {
        reader->offset += value.len;
    }
    return value;
}

/* Decodes one integer, string or nil: nothing that msgpack-c would allocate for. False: `value` is something
 * else. */
static bool decode_scalar(str_view value, msgpack_object *ret_object) {
    bool is_container;
    size_t values_count, offset;
    if (msgpack_bounds_enter(value, &is_container, &values_count, &offset) == ZP_OK) {
        return false;
    }
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t used_bytes = 0;
    msgpack_unpack_return result = msgpack_unpack_next(&unpacked, value.ptr, value.len, &used_bytes);
    *ret_object = unpacked.data; /* strings point into `value` */
    msgpack_unpacked_destroy(&unpacked);
    return result == MSGPACK_UNPACK_SUCCESS;
}

static bool decode_integer(str_view value, int64_t *ret_integer) {
    msgpack_object object;
    if (!decode_scalar(value, &object)) {
        return false;
    }
    if (object.type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
        *ret_integer = object.via.i64;
        return true;
    }
    if (object.type == MSGPACK_OBJECT_POSITIVE_INTEGER && object.via.u64 <= INT64_MAX) {
        *ret_integer = (int64_t)object.via.u64;
        return true;
    }
    return false;
}

static bool decode_text(str_view value, str_view *ret_text) {
    msgpack_object object;
    if (!decode_scalar(value, &object) || object.type != MSGPACK_OBJECT_STR) {
        return false;
    }
    *ret_text = (str_view){object.via.str.ptr, object.via.str.size};
    return true;
}

/* Ids are read to see that they are ids, then forgotten: the connection's user is who speaks. */
static bool is_id(str_view value) {
    msgpack_object object;
    return decode_scalar(value, &object) &&
           (object.type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
            object.type == MSGPACK_OBJECT_NEGATIVE_INTEGER || object.type == MSGPACK_OBJECT_STR ||
            object.type == MSGPACK_OBJECT_NIL);
}

/* What a map says under the keys that we read; `type`, `status` and `payload` are empty where it is silent.
 * Other keys are passed over. False: a key that we read comes twice, so that two readers could see two
 * messages. */
typedef struct map_values {
    str_view type, status, payload;
} map_values;

static bool read_map(str_view map, map_values *ret_values) {
    *ret_values = (map_values){0};
    bool is_map;
    size_t values_count, offset;
    if (msgpack_bounds_enter(map, &is_map, &values_count, &offset) != ZP_OK || !is_map) {
        return false;
    }
    value_reader reader = {map, offset};
    for (size_t i = 0; i < values_count; i += 2) {
        str_view key = take_value(&reader), value = take_value(&reader), name = {0}, *slot = NULL;
        if (!decode_text(key, &name)) {
            continue;
        }
        if (str_view_equal(name, str_view_of("messageType"))) {
            slot = &ret_values->type;
        } else if (str_view_equal(name, str_view_of("status"))) {
            slot = &ret_values->status;
        } else if (str_view_equal(name, str_view_of("payload"))) {
            slot = &ret_values->payload;
        }
        if (!slot) {
            continue;
        }
        if (slot->len > 0) {
            return false;
        }
        *slot = value;
    }
    return true;
}

/* `value` is empty where the message names no status: then so is *ret_status. */
static bool decode_status(str_view value, str_view *ret_status) {
    *ret_status = (str_view){0};
    return value.len == 0 || decode_text(value, ret_status);
}

static zp_error parse_map(str_view bytes, client_message *ret_message) {
    map_values values;
    client_message message = {0};
    if (!read_map(bytes, &values) || !decode_integer(values.type, &message.type)) {
        return ZP_INVALID;
    }
    if (message.type == MESSAGE_STATUS && !decode_status(values.status, &message.status)) {
        return ZP_INVALID;
    }
    if (message.type == MESSAGE_CONNECTION_TEST) {
        message.payload = values.payload;
    }
    *ret_message = message;
    return ZP_OK;
}

static zp_error parse_array(str_view bytes, size_t values_count, size_t first_offset,
                            client_message *ret_message) {
    if (values_count < ELEMENTS_MIN || values_count > ELEMENTS_MAX) {
        return ZP_INVALID;
    }
    str_view elements[ELEMENTS_MAX];
    value_reader reader = {bytes, first_offset};
    for (size_t i = 0; i < values_count; i++) {
        elements[i] = take_value(&reader);
    }
    client_message message = {.array_form = true};
    int64_t channel;
    if (!decode_integer(elements[ELEMENT_CHANNEL], &channel) ||
        !decode_integer(elements[ELEMENT_TYPE], &message.type) || !is_id(elements[ELEMENT_FROM]) ||
        !is_id(elements[ELEMENT_TO])) {
        return ZP_INVALID;
    }
    str_view payload = elements[values_count - 1];
    if (message.type == MESSAGE_CONNECTION_TEST) {
        message.payload = payload;
    }
    if (message.type == MESSAGE_STATUS && !decode_text(payload, &message.status)) {
        map_values values;
        if (!read_map(payload, &values) || !decode_status(values.status, &message.status)) {
            return ZP_INVALID;
        }
    }
    *ret_message = message;
    return ZP_OK;
}

zp_error client_message_parse(str_view bytes, client_message *ret_message) {
    str_view value;
    bool is_map;
    size_t values_count, first_offset;
    /* One message is one value: bytes after it are garbage too. */
    if (msgpack_bounds_first(bytes, &value) != ZP_OK || value.len != bytes.len ||
        msgpack_bounds_enter(bytes, &is_map, &values_count, &first_offset) != ZP_OK) {
        return ZP_INVALID;
    }
    return is_map ? parse_map(bytes, ret_message)
                  : parse_array(bytes, values_count, first_offset, ret_message);
}
