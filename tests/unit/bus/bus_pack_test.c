/* bus_pack: one buffer for message after message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/bus/bus_pack.h"
#include "proto/watcher_core.pb-c.h"

static str_view pack_hint(bus_buffer *buffer, char *user, size_t count) {
    char *users[300];
    for (size_t i = 0; i < count; i++) {
        users[i] = user;
    }
    Zp__Hint hint = ZP__HINT__INIT;
    hint.n_user_ids = count;
    hint.user_ids = users;
    Zp__WatcherToCore message = ZP__WATCHER_TO_CORE__INIT;
    message.body_case = ZP__WATCHER_TO_CORE__BODY_HINT;
    message.hint = &hint;
    return bus_pack(buffer, &message.base);
}

static size_t unpacked_count(str_view payload) {
    Zp__WatcherToCore *message = zp__watcher_to_core__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    assert_non_null(message);
    size_t count = message->hint->n_user_ids;
    zp__watcher_to_core__free_unpacked(message, NULL);
    return count;
}

static void what_is_packed_unpacks_and_the_buffer_is_used_again(void **state) {
    (void)state;
    bus_buffer buffer = {0};
    assert_int_equal(unpacked_count(pack_hint(&buffer, "user", 300)), 300);
    const char *bytes = buffer.bytes;
    size_t capacity_bytes = buffer.capacity_bytes;
    assert_int_equal(unpacked_count(pack_hint(&buffer, "user", 3)), 3);
    assert_int_equal(unpacked_count(pack_hint(&buffer, "user", 300)), 300);
    assert_ptr_equal(buffer.bytes, bytes);
    assert_int_equal(buffer.capacity_bytes, capacity_bytes);
    bus_buffer_free(&buffer);
    assert_null(buffer.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_packed_unpacks_and_the_buffer_is_used_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
