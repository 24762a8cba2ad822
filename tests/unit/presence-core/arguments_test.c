/* arguments and arena: what the calls to Redis and the questions of peers are made in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/presence-core/core/arena.h"
#include "services/presence-core/core/arguments.h"

static void assert_argument(const arguments_t *arguments, size_t index, const char *expected) {
    assert_int_equal(arguments->lengths[index], strlen(expected));
    assert_memory_equal(arguments->pointers[index], expected, strlen(expected));
}

static void arguments_are_what_was_added(void **state) {
    (void)state;
    arguments_t arguments = {0};
    arguments_add(&arguments, str_view_of("EVALSHA"));
    arguments_add(&arguments, str_view_of(""));
    arguments_add_number(&arguments, 0);
    arguments_add_number(&arguments, UINT64_MAX);
    arguments_add_key(&arguments, "presence:user:", str_view_of("a b"));
    arguments_append(&arguments, str_view_of("["));
    arguments_append_number(&arguments, 7);
    arguments_append(&arguments, str_view_of("]"));
    arguments_end(&arguments);
    assert_int_equal(arguments_ready(&arguments), ZP_OK);
    assert_int_equal(arguments.count, 6);
    assert_argument(&arguments, 0, "EVALSHA");
    assert_argument(&arguments, 1, "");
    assert_argument(&arguments, 2, "0");
    assert_argument(&arguments, 3, "18446744073709551615");
    assert_argument(&arguments, 4, "presence:user:a b");
    assert_argument(&arguments, 5, "[7]");
    arguments_free(&arguments);
}

static void many_arguments_stay_whole_while_the_buffer_grows(void **state) {
    (void)state;
    arguments_t arguments = {0};
    for (int round = 0; round < 2; round++) {
        arguments_clear(&arguments);
        for (uint64_t i = 0; i < 50000; i++) {
            arguments_add_number(&arguments, i * i);
        }
        assert_int_equal(arguments_ready(&arguments), ZP_OK);
        assert_argument(&arguments, 49999, "2499900001");
        assert_argument(&arguments, 0, "0");
    }
    arguments_clear(&arguments);
    assert_int_equal(arguments.capacity_bytes, 0); /* more than any usual command needs is not kept */
    arguments_free(&arguments);
}

static void texts_are_escaped_as_json(void **state) {
    (void)state;
    arguments_t arguments = {0};
    arguments_append_json(&arguments, str_view_of("plain"));
    arguments_end(&arguments);
    arguments_append_json(&arguments, str_view_of("\"q\" \\ \n\x01 \xf0\x9f\x98\x80"));
    arguments_end(&arguments);
    arguments_append_json(&arguments, str_view_of(""));
    arguments_end(&arguments);
    assert_int_equal(arguments_ready(&arguments), ZP_OK);
    assert_argument(&arguments, 0, "\"plain\"");
    assert_argument(&arguments, 1, "\"\\\"q\\\" \\\\ \\u000a\\u0001 \xf0\x9f\x98\x80\"");
    assert_argument(&arguments, 2, "\"\"");
    arguments_free(&arguments);
}

static void an_arena_gives_what_fits_and_no_more(void **state) {
    (void)state;
    arena_t arena;
    assert_int_equal(arena_init(&arena, 1000), ZP_OK);
    char *first = arena_take(&arena, 1);
    char *second = arena_take(&arena, 500);
    assert_non_null(first);
    assert_non_null(second);
    assert_int_equal((uintptr_t)second % _Alignof(max_align_t), 0);
    memset(second, 'x', 500);
    assert_null(arena_take(&arena, 600));
    assert_null(arena_take(&arena, SIZE_MAX));
    assert_null(arena_take(&arena, SIZE_MAX - 7));
    assert_non_null(arena_take(&arena, 400));
    arena_reset(&arena);
    assert_ptr_equal(arena_take(&arena, 900), first);
    arena_free(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_are_what_was_added),
        cmocka_unit_test(many_arguments_stay_whole_while_the_buffer_grows),
        cmocka_unit_test(texts_are_escaped_as_json),
        cmocka_unit_test(an_arena_gives_what_fits_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
