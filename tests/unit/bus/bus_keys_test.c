/* bus_keys: what a process needs of its folder, what it refuses, and what it reads again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/bus/bus_keys.h"
#include "tests/unit/bus/keys_folder.h"
#include <czmq.h>
#include <sys/stat.h>

/* Long after the start, and after what was read last. */
static uint64_t later_ms = 100000;

static uint64_t later(void) {
    return later_ms += 1000;
}

/* The public key of a certificate. */
static const uint8_t *key_in(const keys_folder *folder, const char *name) {
    static uint8_t key[BUS_KEY_BYTES];
    zcert_t *certificate = zcert_load(keys_folder_file(folder, name));
    assert_non_null(certificate);
    memcpy(key, zcert_public_key(certificate), sizeof key);
    zcert_destroy(&certificate);
    return key;
}

static zp_error load(const keys_folder *folder, process_kind kind, bus_keys_t **ret_keys) {
    config_t *config = keys_folder_config(folder, kind);
    zp_error error = bus_keys_new(ret_keys, config);
    config_destroy(&config);
    return error;
}

static bool is_usable(const keys_folder *folder, process_kind kind) {
    bus_keys_t *keys = NULL;
    zp_error error = load(folder, kind, &keys);
    assert_true((error == ZP_OK) == (keys != NULL));
    assert_true(error == ZP_OK || error == ZP_INVALID);
    bus_keys_destroy(&keys);
    return error == ZP_OK;
}

static void a_process_needs_its_own_secret_and_the_certificates_of_its_peers_and_no_more(void **state) {
    (void)state;
    keys_folder folder;
    keys_folder_open(&folder);
    static const char *const OTHERS[] = {
        "ws-edge",  "presence-core_secret", "expiry-watcher", "expiry-watcher_secret",
        "http-api", "http-api_secret",      "fanout_secret"};
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++) {
        keys_folder_remove(&folder, OTHERS[i]);
    }
    assert_true(is_usable(&folder, EDGE));
    static const char *const NEEDED[] = {"ws-edge_secret", "presence-core", "fanout"};
    for (size_t i = 0; i < sizeof NEEDED / sizeof *NEEDED; i++) {
        keys_folder_copy(&folder, NEEDED[i], &folder, "kept");
        keys_folder_remove(&folder, NEEDED[i]);
        assert_false(is_usable(&folder, EDGE));
        keys_folder_copy(&folder, "kept", &folder, NEEDED[i]);
        assert_int_equal(chmod(keys_folder_file(&folder, NEEDED[i]), S_IRUSR | S_IWUSR), 0);
        assert_true(is_usable(&folder, EDGE));
    }
    keys_folder_close(&folder);
    assert_false(is_usable(&folder, EDGE));
}

static void a_secret_that_others_may_read_is_refused(void **state) {
    (void)state;
    keys_folder folder;
    keys_folder_open(&folder);
    static const mode_t MODES[] = {0640, 0604, 0620, 0601};
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++) {
        assert_int_equal(chmod(keys_folder_file(&folder, "fanout_secret"), MODES[i]), 0);
        assert_false(is_usable(&folder, FANOUT));
    }
    assert_true(is_usable(&folder, EDGE)); /* who does not read it does not mind */
    assert_int_equal(chmod(keys_folder_file(&folder, "fanout_secret"), 0400), 0);
    assert_true(is_usable(&folder, FANOUT));
    keys_folder_close(&folder);
}

static void what_is_no_certificate_is_refused(void **state) {
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "nonsense",
        "curve\n    public-key = \"too short\"\n",
        "curve\n    public-key = \"~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\"\n", /* no Z85 */
        "curve\n    public-key = \"0000000000000000000000000000000000000000\n",
        "curve\nx\n\t\"\n\x01\xff",
    };
    keys_folder folder;
    keys_folder_open(&folder);
    static char large[8192];
    memset(large, '#', sizeof large - 1);
    for (size_t i = 0; i <= sizeof TEXTS / sizeof *TEXTS; i++) {
        const char *text = i < sizeof TEXTS / sizeof *TEXTS ? TEXTS[i] : large;
        keys_folder_write(&folder, "presence-core", text);
        assert_false(is_usable(&folder, WATCHER));
        keys_folder_write(&folder, "expiry-watcher_secret", text);
        assert_false(is_usable(&folder, WATCHER));
    }
    keys_folder_close(&folder);
}

static void a_pair_that_is_none_is_refused(void **state) {
    (void)state;
    keys_folder folder;
    keys_folder_open(&folder);
    zcert_t *one = zcert_new(), *other = zcert_new();
    zcert_t *mixed = zcert_new_from(zcert_public_key(one), zcert_secret_key(other));
    assert_int_equal(zcert_save_secret(mixed, keys_folder_file(&folder, "fanout_secret")), 0);
    assert_false(is_usable(&folder, FANOUT));
    zcert_destroy(&mixed);
    zcert_destroy(&other);
    zcert_destroy(&one);
    keys_folder_close(&folder);
}

static void two_kinds_with_one_key_are_refused(void **state) {
    (void)state;
    keys_folder folder;
    keys_folder_open(&folder);
    keys_folder_copy(&folder, "ws-edge", &folder, "expiry-watcher");
    assert_false(is_usable(&folder, CORE));
    keys_folder_close(&folder);
}

static void a_key_belongs_to_the_kind_whose_file_has_it(void **state) {
    (void)state;
    keys_folder folder, stranger;
    keys_folder_open(&folder);
    keys_folder_open(&stranger);
    bus_keys_t *keys = NULL;
    assert_int_equal(load(&folder, FANOUT, &keys), ZP_OK);
    assert_int_equal(bus_keys_owner(keys, key_in(&folder, "ws-edge"), later()), EDGE);
    assert_int_equal(bus_keys_owner(keys, key_in(&folder, "http-api"), later()), API);
    assert_int_equal(bus_keys_owner(keys, key_in(&folder, "presence-core"), later()), CORE);
    /* Of those with whom a fanout has nothing to do it knows nothing. */
    assert_int_equal(bus_keys_owner(keys, key_in(&folder, "expiry-watcher"), later()), 0);
    assert_int_equal(bus_keys_owner(keys, key_in(&stranger, "ws-edge"), later()), 0);
    assert_memory_equal(bus_keys_of(keys, CORE, later()), key_in(&folder, "presence-core"), BUS_KEY_BYTES);
    assert_memory_equal(bus_keys_own_public(keys), key_in(&folder, "fanout"), BUS_KEY_BYTES);
    bus_keys_destroy(&keys);
    keys_folder_close(&folder);
    keys_folder_close(&stranger);
}

/* As keys are changed: ARCHITECTURE.md. */
static void a_changed_folder_is_read_again(void **state) {
    (void)state;
    keys_folder folder, next;
    keys_folder_open(&folder);
    keys_folder_open(&next);
    bus_keys_t *keys = NULL;
    assert_int_equal(load(&folder, CORE, &keys), ZP_OK);
    uint8_t old_key[BUS_KEY_BYTES];
    memcpy(old_key, key_in(&folder, "ws-edge"), sizeof old_key);

    assert_int_equal(bus_keys_owner(keys, old_key, later()), EDGE);
    keys_folder_copy(&folder, "ws-edge", &folder, "ws-edge.old");
    keys_folder_copy(&next, "ws-edge", &folder, "ws-edge");
    assert_int_equal(bus_keys_owner(keys, key_in(&next, "ws-edge"), later_ms), 0); /* not yet */
    assert_int_equal(bus_keys_owner(keys, key_in(&next, "ws-edge"), later()), EDGE);
    assert_int_equal(bus_keys_owner(keys, old_key, later()), EDGE);
    assert_memory_equal(bus_keys_of(keys, EDGE, later()), key_in(&next, "ws-edge"), BUS_KEY_BYTES);
    keys_folder_remove(&folder, "ws-edge.old");
    assert_int_equal(bus_keys_owner(keys, old_key, later()), 0);

    /* A copy of a certificate harms nobody. */
    keys_folder_copy(&folder, "ws-edge", &folder, "ws-edge.copy");
    assert_int_equal(bus_keys_owner(keys, key_in(&next, "ws-edge"), later()), EDGE);
    /* One that cannot be read counts as gone, */
    keys_folder_write(&folder, "ws-edge", "half wri");
    keys_folder_remove(&folder, "ws-edge.copy");
    assert_int_equal(bus_keys_owner(keys, key_in(&next, "ws-edge"), later()), 0);
    assert_null(bus_keys_of(keys, EDGE, later()));
    assert_int_equal(bus_keys_owner(keys, key_in(&folder, "http-api"), later()), API);
    /* a folder that cannot be read stays as it was. */
    uint8_t api_key[BUS_KEY_BYTES];
    memcpy(api_key, key_in(&folder, "http-api"), sizeof api_key);
    keys_folder_close(&folder);
    assert_int_equal(bus_keys_owner(keys, api_key, later()), API);
    bus_keys_destroy(&keys);
    keys_folder_close(&next);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_needs_its_own_secret_and_the_certificates_of_its_peers_and_no_more),
        cmocka_unit_test(a_secret_that_others_may_read_is_refused),
        cmocka_unit_test(what_is_no_certificate_is_refused),
        cmocka_unit_test(a_pair_that_is_none_is_refused),
        cmocka_unit_test(two_kinds_with_one_key_are_refused),
        cmocka_unit_test(a_key_belongs_to_the_kind_whose_file_has_it),
        cmocka_unit_test(a_changed_folder_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
