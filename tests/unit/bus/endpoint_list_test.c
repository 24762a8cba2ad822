/* endpoint_list: names, files and plain endpoints, and what happens when one of them cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/bus/endpoint_bag.h"
#include "common/bus/endpoint_list.h"
#include "tests/unit/bus/bus_fixture.h"

enum { WAIT_MS = 20000 };

static const char *const SETTINGS[] = {"ENDPOINT_REFRESH_MS", "50", "ENDPOINTS_MAX", "3", NULL};

typedef struct world {
    bus_fixture fixture;
    endpoint_list_t *list;
    endpoint_bag present;
    size_t changes;
    const char *awaited;
    bool awaited_present;
    char path[64];
} world;

static void rebuild_without(endpoint_bag *bag, const char *endpoint) {
    endpoint_bag rest = {0};
    for (size_t i = 0; i < bag->count; i++) {
        if (strcmp(bag->texts[i], endpoint) != 0) {
            assert_int_equal(endpoint_bag_add(&rest, bag->texts[i], 100), ZP_OK);
        }
    }
    endpoint_bag_free(bag);
    *bag = rest;
}

static void on_change(void *context, const char *endpoint, bool present) {
    world *at = context;
    at->changes++;
    assert_int_not_equal(endpoint_bag_has(&at->present, endpoint), present);
    if (present) {
        assert_int_equal(endpoint_bag_add(&at->present, endpoint, 100), ZP_OK);
    } else {
        rebuild_without(&at->present, endpoint);
    }
}

static zp_error open_list(world *at, const char *text) {
    return endpoint_list_new(&at->list, &at->fixture.bus, text, on_change, at);
}

static int open_world(void **state) {
    world *at = calloc(1, sizeof *at);
    bus_fixture_open(&at->fixture, SETTINGS);
    (void)snprintf(at->path, sizeof at->path, "/tmp/zpresence-endpoints-XXXXXX");
    int file = mkstemp(at->path);
    assert_true(file >= 0);
    close(file);
    *state = at;
    return 0;
}

static int close_world(void **state) {
    world *at = *state;
    endpoint_list_destroy(&at->list);
    bus_fixture_close(&at->fixture);
    endpoint_bag_free(&at->present);
    (void)unlink(at->path);
    free(at);
    return 0;
}

static void write_file(const world *at, const char *text) {
    char temporary[128];
    (void)snprintf(temporary, sizeof temporary, "%s.new", at->path);
    FILE *stream = fopen(temporary, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(rename(temporary, at->path), 0);
}

static zp_error open_file_list(world *at) {
    char text[128];
    (void)snprintf(text, sizeof text, "file:%s", at->path);
    return open_list(at, text);
}

static bool awaited_is_so(void *context) {
    const world *at = context;
    return endpoint_bag_has(&at->present, at->awaited) == at->awaited_present;
}

static bool await(world *at, const char *endpoint, bool present) {
    at->awaited = endpoint;
    at->awaited_present = present;
    return bus_fixture_run_until(&at->fixture, awaited_is_so, at, WAIT_MS);
}

static void plain_endpoints_are_there_at_once_and_each_once(void **state) {
    world *at = *state;
    assert_int_equal(open_list(at, " tcp://127.0.0.1:1 ,tcp://[::1]:2,tcp://127.0.0.1:1"), ZP_OK);
    assert_int_equal(at->present.count, 2);
    assert_true(endpoint_bag_has(&at->present, "tcp://127.0.0.1:1"));
    assert_true(endpoint_bag_has(&at->present, "tcp://[::1]:2"));
}

static void a_plain_list_does_not_wake_the_loop(void **state) {
    world *at = *state;
    assert_int_equal(open_list(at, "tcp://127.0.0.1:1"), ZP_OK);
    assert_in_range(bus_fixture_run_for(&at->fixture, 300), 1, 3);
}

static void a_malformed_or_empty_list_is_refused(void **state) {
    world *at = *state;
    assert_int_equal(open_list(at, "tcp://127.0.0.1:1,127.0.0.1:2"), ZP_INVALID);
    assert_int_equal(open_list(at, ""), ZP_INVALID);
    assert_int_equal(open_list(at, " , "), ZP_INVALID);
    assert_null(at->list);
    assert_int_equal(at->changes, 0);
}

static void a_name_gives_all_its_addresses(void **state) {
    world *at = *state;
    assert_int_equal(open_list(at, "dns+tcp://localhost:7300"), ZP_OK);
    assert_true(await(at, "tcp://127.0.0.1:7300", true));
    size_t changes = at->changes;
    (void)bus_fixture_run_for(&at->fixture, 300); /* looked up again and again, nothing changes */
    assert_int_equal(at->changes, changes);
}

static void a_name_that_is_not_known_gives_nothing_and_harms_nobody(void **state) {
    world *at = *state;
    assert_int_equal(open_list(at, "dns+tcp://nobody.invalid:7300,tcp://127.0.0.1:1"), ZP_OK);
    (void)bus_fixture_run_for(&at->fixture, 300);
    assert_int_equal(at->present.count, 1);
}

static void a_list_may_go_while_its_names_are_looked_up(void **state) {
    world *at = *state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(
            open_list(at, "dns+tcp://localhost:1,dns+tcp://nobody.invalid:2,dns+tcp://localhost:3"), ZP_OK);
        if (i % 2 == 0) {
            uv_run(&at->fixture.loop, UV_RUN_NOWAIT);
        }
        endpoint_list_destroy(&at->list);
        endpoint_bag_free(&at->present);
        at->changes = 0;
    }
    (void)bus_fixture_run_for(&at->fixture, 200);
    assert_int_equal(at->changes, 0);
}

static void a_file_is_followed(void **state) {
    world *at = *state;
    write_file(at, "tcp://127.0.0.1:1\n\ntcp://127.0.0.1:2, tcp://127.0.0.1:1\r\n");
    assert_int_equal(open_file_list(at), ZP_OK);
    assert_int_equal(at->present.count, 2);
    write_file(at, "tcp://127.0.0.1:2\ntcp://127.0.0.1:3");
    assert_true(await(at, "tcp://127.0.0.1:3", true));
    assert_false(endpoint_bag_has(&at->present, "tcp://127.0.0.1:1"));
    assert_int_equal(at->changes, 4);
    write_file(at, "");
    assert_true(await(at, "tcp://127.0.0.1:3", false));
    assert_int_equal(at->present.count, 0);
}

static void a_file_that_is_not_there_yet_is_empty_and_one_that_goes_keeps_what_it_gave(void **state) {
    world *at = *state;
    (void)unlink(at->path);
    assert_int_equal(open_file_list(at), ZP_OK);
    assert_int_equal(at->present.count, 0);
    write_file(at, "tcp://127.0.0.1:1");
    assert_true(await(at, "tcp://127.0.0.1:1", true));
    (void)unlink(at->path);
    (void)bus_fixture_run_for(&at->fixture, 200);
    assert_int_equal(at->present.count, 1);
}

static void what_a_file_says_wrongly_is_left_out(void **state) {
    world *at = *state;
    write_file(at, "tcp://127.0.0.1:1\nnonsense\nfile:/etc/passwd\ntcp://127.0.0.1:2\n");
    assert_int_equal(open_file_list(at), ZP_OK);
    assert_int_equal(at->present.count, 2);
}

static void a_file_that_is_too_large_keeps_what_it_gave(void **state) {
    world *at = *state;
    write_file(at, "tcp://127.0.0.1:1");
    assert_int_equal(open_file_list(at), ZP_OK);
    char *large = malloc(70001);
    memset(large, '\n', 70000);
    large[70000] = '\0';
    write_file(at, large);
    free(large);
    (void)bus_fixture_run_for(&at->fixture, 200);
    assert_int_equal(at->present.count, 1);
}

static void a_file_may_name_names(void **state) {
    world *at = *state;
    write_file(at, "dns+tcp://localhost:7");
    assert_int_equal(open_file_list(at), ZP_OK);
    assert_true(await(at, "tcp://127.0.0.1:7", true));
    write_file(at, "tcp://127.0.0.1:8");
    assert_true(await(at, "tcp://127.0.0.1:7", false));
    assert_int_equal(at->present.count, 1);
}

static void no_more_than_the_limit_is_taken(void **state) {
    world *at = *state;
    assert_int_equal(open_list(at, "tcp://127.0.0.1:1,tcp://127.0.0.1:2,tcp://127.0.0.1:3,tcp://127.0.0.1:4"),
                     ZP_OK);
    assert_int_equal(at->present.count, 3);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(plain_endpoints_are_there_at_once_and_each_once),
        TEST(a_plain_list_does_not_wake_the_loop),
        TEST(a_malformed_or_empty_list_is_refused),
        TEST(a_name_gives_all_its_addresses),
        TEST(a_name_that_is_not_known_gives_nothing_and_harms_nobody),
        TEST(a_list_may_go_while_its_names_are_looked_up),
        TEST(a_file_is_followed),
        TEST(a_file_that_is_not_there_yet_is_empty_and_one_that_goes_keeps_what_it_gave),
        TEST(what_a_file_says_wrongly_is_left_out),
        TEST(a_file_that_is_too_large_keeps_what_it_gave),
        TEST(a_file_may_name_names),
        TEST(no_more_than_the_limit_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
