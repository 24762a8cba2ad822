/* keys_folder - a folder of keys for tests of what BUS_SECURITY=curve does, made as ./zpresence keys makes
 * it. */
#ifndef ZP_TESTS_KEYS_FOLDER_H
#define ZP_TESTS_KEYS_FOLDER_H

#include "common/config/config.h"

enum { KEYS_PATH_BYTES = 64, KEYS_FILE_BYTES = 128 };

typedef struct keys_folder {
    char path[KEYS_PATH_BYTES];
} keys_folder;

/* With the keys of all kinds. */
void keys_folder_open(keys_folder *folder);
/* Removes it. */
void keys_folder_close(keys_folder *folder);

/* "<path>/<name>"; good until the next call. */
const char *keys_folder_file(const keys_folder *folder, const char *name);

/* A new pair as <name> and <name>_secret, over what is there. */
void keys_folder_make(const keys_folder *folder, const char *name);

/* Copies <name> of `from` to <new_name> of `to`. */
void keys_folder_copy(const keys_folder *from, const char *name, const keys_folder *to, const char *new_name);
void keys_folder_write(const keys_folder *folder, const char *name, const char *text);
void keys_folder_remove(const keys_folder *folder, const char *name);

/* The configuration of a process of that kind with these keys. The caller destroys it. */
config_t *keys_folder_config(const keys_folder *folder, process_kind kind);

#endif
