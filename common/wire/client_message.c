#include "common/wire/client_frame.h"
#include "common/wire/msgpack_bounds.h"
#include <inttypes.h>
#include <msgpack.h>
#include <stdio.h>

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

static bool is_container(str_view value) {
    bool is_map;
    size_t values_count, offset;
    return msgpack_bounds_enter(value, &is_map, &values_count, &offset) == ZP_OK;
}

static bool is_nil(str_view value) {
    enum { NIL = 0xc0 };
    return value.len == 1 && (unsigned char)value.ptr[0] == NIL;
}

/* Decodes one integer, string or nil: nothing that msgpack-c would allocate for. False: `value` is something
 * else. */
static bool decode_scalar(str_view value, msgpack_object *ret_object) {
    if (is_container(value)) {
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

/* What a map says under the keys that we read, each empty where it is silent. Other keys are passed over. */
typedef struct map_values {
    str_view type, status, payload, to, user_ids, group_ids, all, contacts;
} map_values;

static str_view *slot_of(map_values *values, str_view key) {
    const struct {
        const char *name;
        str_view *slot;
    } slots[] = {{"messageType", &values->type}, {"status", &values->status},
                 {"payload", &values->payload},  {"toId", &values->to},
                 {"userIds", &values->user_ids}, {"groupIds", &values->group_ids},
                 {"all", &values->all},          {"contacts", &values->contacts}};
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        if (str_view_equal(key, str_view_of(slots[i].name))) {
            return slots[i].slot;
        }
    }
    return NULL;
}

/* False: no map, or a key that we read comes twice, so that two readers could see two messages. */
static bool read_map(str_view map, map_values *ret_values) {
    *ret_values = (map_values){0};
    bool is_map;
    size_t values_count, offset;
    if (msgpack_bounds_enter(map, &is_map, &values_count, &offset) != ZP_OK || !is_map) {
        return false;
    }
    value_reader reader = {map, offset};
    for (size_t i = 0; i < values_count; i += 2) {
        str_view key = take_value(&reader), value = take_value(&reader), name = {0};
        str_view *slot = decode_text(key, &name) ? slot_of(ret_values, name) : NULL;
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

/* -- what a client watches -- */

static bool decode_boolean(str_view value, bool *ret_boolean) {
    msgpack_object object;
    if (value.len == 0) {
        *ret_boolean = false;
        return true;
    }
    if (!decode_scalar(value, &object) || object.type != MSGPACK_OBJECT_BOOLEAN) {
        return false;
    }
    *ret_boolean = object.via.boolean;
    return true;
}

static bool is_array_or_absent(str_view value) {
    bool is_map;
    size_t values_count, offset;
    return value.len == 0 ||
           (msgpack_bounds_enter(value, &is_map, &values_count, &offset) == ZP_OK && !is_map);
}

static bool decode_watches(const map_values *values, client_message *message) {
    if (!is_array_or_absent(values->user_ids) || !is_array_or_absent(values->group_ids) ||
        !decode_boolean(values->all, &message->all) ||
        !decode_boolean(values->contacts, &message->contacts)) {
        return false;
    }
    message->user_ids = values->user_ids;
    message->group_ids = values->group_ids;
    return true;
}

static bool names_a_group(int64_t type) {
    return type == MESSAGE_USER_ADD || type == MESSAGE_USER_REMOVE;
}

static bool names_watches(int64_t type) {
    return type == MESSAGE_PRESENCE_SUBSCRIBE || type == MESSAGE_PRESENCE_UNSUBSCRIBE;
}

size_t client_ids_count(str_view array) {
    bool is_map;
    size_t count, offset;
    return msgpack_bounds_enter(array, &is_map, &count, &offset) == ZP_OK ? count : 0;
}

str_view client_id_read(str_view value, char digits[CLIENT_ID_DIGITS_BYTES]) {
    int64_t integer;
    str_view id = {0};
    if (decode_integer(value, &integer)) {
        (void)snprintf(digits, CLIENT_ID_DIGITS_BYTES, "%" PRId64, integer);
        return str_view_of(digits);
    }
    return decode_text(value, &id) ? id : (str_view){0};
}

bool user_id_is_valid(str_view id) {
    return id.len > 0 && id.len <= USER_ID_MAX_BYTES && str_view_is_clean_text(id);
}

bool client_ids_next(client_ids *ids, str_view *ret_id) {
    bool is_map;
    if (!ids->begun) {
        ids->begun = true;
        if (msgpack_bounds_enter(ids->array, &is_map, &ids->count, &ids->offset) != ZP_OK) {
            ids->count = 0;
        }
    }
    if (ids->index == ids->count) {
        return false;
    }
    value_reader reader = {ids->array, ids->offset};
    *ret_id = client_id_read(take_value(&reader), ids->digits);
    ids->index++;
    ids->offset = reader.offset;
    return true;
}

/* -- the two layouts -- */

static zp_error parse_map(str_view bytes, client_message *ret_message) {
    map_values values;
    client_message message = {0};
    if (!read_map(bytes, &values) || !decode_integer(values.type, &message.type)) {
        return ZP_INVALID;
    }
    if (message.type == MESSAGE_STATUS && !decode_status(values.status, &message.status)) {
        return ZP_INVALID;
    }
    if (names_watches(message.type) && !decode_watches(&values, &message)) {
        return ZP_INVALID;
    }
    if (message.type == MESSAGE_CONNECTION_TEST) {
        message.payload = values.payload;
    }
    if (names_a_group(message.type)) {
        message.to = values.to;
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
    if (names_a_group(message.type)) {
        message.to = elements[ELEMENT_TO];
    }
    if (message.type == MESSAGE_STATUS && !decode_text(payload, &message.status)) {
        map_values values;
        if (!read_map(payload, &values) || !decode_status(values.status, &message.status)) {
            return ZP_INVALID;
        }
    }
    if (names_watches(message.type)) {
        map_values values = {0};
        bool nothing_named = message.type == MESSAGE_PRESENCE_UNSUBSCRIBE && is_nil(payload);
        if (!nothing_named && (!read_map(payload, &values) || !decode_watches(&values, &message))) {
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
