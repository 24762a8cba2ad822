/* client_message: any bytes as a message of a client. Where a value ends is what msgpack-c says too; what is
 * understood, said again in both layouts, is understood the same; and the echo of a 25 can be read. */
#include "common/wire/client_frame.h"
#include "common/wire/msgpack_bounds.h"
#include "tests/fuzz/fuzz.h"
#include <msgpack.h>

/* msgpack-c takes an array or map of 16 or 32 bits at its word, and reserves memory for it, before it has
 * seen an element: without one in the bytes it can be asked about anything. */
static bool claims_little(str_view bytes) {
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.ptr[i];
        if (byte >= 0xdc && byte <= 0xdf) {
            return false;
        }
    }
    return true;
}

static int depth_of(const msgpack_object *object) {
    int deepest = 0;
    if (object->type == MSGPACK_OBJECT_ARRAY) {
        for (uint32_t i = 0; i < object->via.array.size; i++) {
            int depth = depth_of(&object->via.array.ptr[i]);
            deepest = depth > deepest ? depth : deepest;
        }
        return deepest + (object->via.array.size > 0);
    }
    if (object->type == MSGPACK_OBJECT_MAP) {
        for (uint32_t i = 0; i < object->via.map.size; i++) {
            int of_key = depth_of(&object->via.map.ptr[i].key);
            int of_value = depth_of(&object->via.map.ptr[i].val);
            deepest = of_key > deepest ? of_key : deepest;
            deepest = of_value > deepest ? of_value : deepest;
        }
        return deepest + (object->via.map.size > 0);
    }
    return 0;
}

/* Two readers of one format: what one calls a value, the other must, or they see two messages. */
static void check_bounds(str_view bytes) {
    str_view value;
    bool bounded = msgpack_bounds_first(bytes, &value) == ZP_OK;
    if (!bounded && !claims_little(bytes)) {
        return;
    }
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t used_bytes = 0;
    msgpack_unpack_return result = msgpack_unpack_next(&unpacked, bytes.ptr, bytes.len, &used_bytes);
    if (bounded) {
        assert(result == MSGPACK_UNPACK_SUCCESS);
        assert(value.ptr == bytes.ptr && value.len == used_bytes);
    } else {
        assert(result != MSGPACK_UNPACK_SUCCESS || depth_of(&unpacked.data) > MSGPACK_DEPTH_MAX);
    }
    msgpack_unpacked_destroy(&unpacked);
}

/* -- said again -- */

static void pack_text(msgpack_packer *packer, str_view text) {
    msgpack_pack_str(packer, text.len);
    msgpack_pack_str_body(packer, text.ptr, text.len);
}

static void pack_payload(msgpack_packer *packer, msgpack_sbuffer *buffer, const client_message *message) {
    if (message->type == MESSAGE_STATUS && message->status.len > 0) {
        pack_text(packer, message->status);
    } else if (message->payload.len > 0) {
        msgpack_sbuffer_write(buffer, message->payload.ptr, message->payload.len);
    } else if (message->type == MESSAGE_STATUS) {
        msgpack_pack_map(packer, 0);
    } else {
        msgpack_pack_nil(packer);
    }
}

static bool names_watches(const client_message *message) {
    return message->type == MESSAGE_PRESENCE_SUBSCRIBE || message->type == MESSAGE_PRESENCE_UNSUBSCRIBE;
}

static bool names_a_group(const client_message *message) {
    return message->type == MESSAGE_USER_ADD || message->type == MESSAGE_USER_REMOVE;
}

/* What a 33 or 34 says, under its keys; `head` more pairs of the same map come from elsewhere. */
static void pack_watches(msgpack_packer *packer, msgpack_sbuffer *buffer, const client_message *message,
                         size_t head) {
    bool has_users = message->user_ids.len > 0, has_groups = message->group_ids.len > 0;
    msgpack_pack_map(packer, head + 2 + (size_t)has_users + (size_t)has_groups);
    pack_text(packer, str_view_of("all"));
    (void)(message->all ? msgpack_pack_true(packer) : msgpack_pack_false(packer));
    pack_text(packer, str_view_of("contacts"));
    (void)(message->contacts ? msgpack_pack_true(packer) : msgpack_pack_false(packer));
    if (has_users) {
        pack_text(packer, str_view_of("userIds"));
        msgpack_sbuffer_write(buffer, message->user_ids.ptr, message->user_ids.len);
    }
    if (has_groups) {
        pack_text(packer, str_view_of("groupIds"));
        msgpack_sbuffer_write(buffer, message->group_ids.ptr, message->group_ids.len);
    }
}

static void say_as_array(msgpack_packer *packer, msgpack_sbuffer *buffer, const client_message *message) {
    msgpack_pack_array(packer, 6);
    msgpack_pack_int(packer, 0);
    msgpack_pack_int64(packer, message->type);
    msgpack_pack_int(packer, 7);
    if (message->to.len > 0) {
        msgpack_sbuffer_write(buffer, message->to.ptr, message->to.len);
    } else {
        msgpack_pack_nil(packer);
    }
    pack_text(packer, str_view_of("message-id"));
    if (names_watches(message)) {
        pack_watches(packer, buffer, message, 0);
    } else {
        pack_payload(packer, buffer, message);
    }
}

static void say_as_map(msgpack_packer *packer, msgpack_sbuffer *buffer, const client_message *message) {
    bool has_status = message->status.len > 0, has_payload = message->payload.len > 0;
    bool has_to = message->to.len > 0;
    if (names_watches(message)) {
        pack_watches(packer, buffer, message, 1);
    } else {
        msgpack_pack_map(packer, 1 + (size_t)has_status + (size_t)has_payload + (size_t)has_to);
    }
    if (has_status) {
        pack_text(packer, str_view_of("status"));
        pack_payload(packer, buffer, message);
    }
    if (has_payload) {
        pack_text(packer, str_view_of("payload"));
        pack_payload(packer, buffer, message);
    }
    if (has_to) {
        pack_text(packer, str_view_of("toId"));
        msgpack_sbuffer_write(buffer, message->to.ptr, message->to.len);
    }
    pack_text(packer, str_view_of("messageType"));
    msgpack_pack_int64(packer, message->type);
}

/* What a map says and an array cannot: what it names is a map inside the array, and may then be too deep to
 * be read (MSGPACK_DEPTH_MAX); and every array has a toId that is one. */
static bool is_for_maps_only(const client_message *message, str_view as_array) {
    str_view value;
    bool too_deep = msgpack_bounds_first(as_array, &value) != ZP_OK;
    return !message->array_form && (names_watches(message) ? too_deep : names_a_group(message));
}

static void check_said_again(const client_message *message, bool as_array) {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    if (as_array) {
        say_as_array(&packer, &buffer, message);
    } else {
        say_as_map(&packer, &buffer, message);
    }
    client_message again;
    zp_error error = client_message_parse(str_view_make(buffer.data, buffer.size), &again);
    if (error != ZP_OK && as_array && is_for_maps_only(message, str_view_make(buffer.data, buffer.size))) {
        msgpack_sbuffer_destroy(&buffer);
        return;
    }
    assert(error == ZP_OK);
    assert(again.type == message->type && again.array_form == as_array);
    assert(str_view_equal(again.status, message->status));
    assert(str_view_equal(again.user_ids, message->user_ids) &&
           str_view_equal(again.group_ids, message->group_ids));
    assert(again.all == message->all && again.contacts == message->contacts);
    bool nil_for_nobody = as_array && message->to.len == 0 && names_a_group(message);
    assert(str_view_equal(again.to, nil_for_nobody ? str_view_of("\xc0") : message->to));
    bool nil_for_none = as_array && message->payload.len == 0 && message->type == MESSAGE_CONNECTION_TEST;
    assert(str_view_equal(again.payload, nil_for_none ? str_view_of("\xc0") : message->payload));
    msgpack_sbuffer_destroy(&buffer);
}

/* -- ids -- */

/* Every element of the array is one step, and a text is within the message. */
static void check_ids(str_view array) {
    bool is_map;
    size_t values_count = 0, offset, steps = 0;
    client_ids ids = {.array = array};
    str_view id;
    while (client_ids_next(&ids, &id)) {
        bool in_digits = id.ptr == ids.digits;
        assert(id.len == 0 || in_digits || fuzz_is_within(id, array));
        steps++;
    }
    assert(array.len == 0 || msgpack_bounds_enter(array, &is_map, &values_count, &offset) == ZP_OK);
    assert(steps == values_count);
}

/* -- the echo -- */

static void check_echo(str_view payload) {
    enum { AROUND_BYTES = 64 };
    size_t out_bytes = payload.len + AROUND_BYTES;
    char *out = malloc(out_bytes);
    assert(out);
    for (int form = 0; form < WIRE_FORMS_COUNT; form++) {
        size_t len_bytes = 0;
        assert(client_frame_connection_ack((wire_form)form, str_view_of("user"), payload, out, out_bytes,
                                           &len_bytes) == ZP_OK);
        client_message echoed;
        assert(client_message_parse(str_view_make(out, len_bytes), &echoed) == ZP_OK);
        assert(echoed.type == MESSAGE_CONNECTION_ACK);
        assert(payload.len == 0 || memcmp(out + len_bytes - payload.len, payload.ptr, payload.len) == 0);
        /* One byte less of room, and it says so instead of writing beyond. */
        assert(client_frame_connection_ack((wire_form)form, str_view_of("user"), payload, out, len_bytes - 1,
                                           &len_bytes) == ZP_TOO_LARGE);
    }
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str_view bytes = str_view_make(data, size);
    check_bounds(bytes);
    client_message message;
    if (client_message_parse(bytes, &message) != ZP_OK) {
        return 0;
    }
    assert(fuzz_is_within(message.status, bytes) && fuzz_is_within(message.payload, bytes));
    assert(message.status.len == 0 || message.type == MESSAGE_STATUS);
    assert(message.payload.len == 0 || message.type == MESSAGE_CONNECTION_TEST);
    assert(fuzz_is_within(message.user_ids, bytes) && fuzz_is_within(message.group_ids, bytes));
    assert(names_watches(&message) || (message.user_ids.len == 0 && message.group_ids.len == 0));
    assert(fuzz_is_within(message.to, bytes) && (names_a_group(&message) || message.to.len == 0));
    check_ids(message.user_ids);
    check_ids(message.group_ids);
    check_said_again(&message, true);
    check_said_again(&message, false);
    if (message.type == MESSAGE_CONNECTION_TEST) {
        check_echo(message.payload);
    }
    return 0;
}
