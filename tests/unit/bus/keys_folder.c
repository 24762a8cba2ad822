#include "tests/unit/bus/keys_folder.h"
#include <czmq.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const NAMES[] = {"ws-edge", "presence-core", "expiry-watcher", "http-api", "fanout"};

void keys_folder_open(keys_folder *folder) {
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/zpresence-keys-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    zsys_handler_set(NULL);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        keys_folder_make(folder, NAMES[i]);
    }
}

void keys_folder_close(keys_folder *folder) {
    zdir_t *files = zdir_new(folder->path, NULL);
    if (files) {
        zdir_remove(files, true);
    }
    zdir_destroy(&files);
}

const char *keys_folder_file(const keys_folder *folder, const char *name) {
    static char path[KEYS_FILE_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return path;
}

void keys_folder_make(const keys_folder *folder, const char *name) {
    zcert_t *pair = zcert_new();
    assert_int_equal(zcert_save(pair, keys_folder_file(folder, name)), 0);
    zcert_destroy(&pair);
}

void keys_folder_write(const keys_folder *folder, const char *name, const char *text) {
    FILE *file = fopen(keys_folder_file(folder, name), "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void keys_folder_copy(const keys_folder *from, const char *name, const keys_folder *to,
                      const char *new_name) {
    char text[4096] = "";
    FILE *file = fopen(keys_folder_file(from, name), "re");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    assert_int_equal(fclose(file), 0);
    keys_folder_write(to, new_name, text);
}

void keys_folder_remove(const keys_folder *folder, const char *name) {
    assert_int_equal(unlink(keys_folder_file(folder, name)), 0);
}

config_t *keys_folder_config(const keys_folder *folder, process_kind kind) {
    setenv("ZPRESENCE_ENV_FILE", "/dev/null", 1);
    setenv("BUS_KEYS", folder->path, 1);
    char *argv[] = {"test", NULL};
    bool leave = false;
    config_t *config = NULL;
    assert_int_equal(config_load(&config, &leave, kind, 1, argv), ZP_OK);
    unsetenv("BUS_KEYS");
    return config;
}
