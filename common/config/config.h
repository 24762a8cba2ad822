/* config - the settings of this process: environment over .env over default, checked against settings.def.
 * Owns: its values. Units: as the table says; config_ms() gives milliseconds whatever the unit. Threads: read
 * only after loading. */
#ifndef ZP_CONFIG_CONFIG_H
#define ZP_CONFIG_CONFIG_H

#include "common/base/error.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum process_kind {
    EDGE = 1,
    CORE = 2,
    WATCHER = 4,
    API = 8,
    FANOUT = 16,
} process_kind;

/* "ws-edge", "presence-core", ... */
const char *process_kind_name(process_kind kind);
/* The kind of that name; 0: there is none. */
process_kind process_kind_named(const char *name);

typedef enum setting_id {
#define BOOL(name, fallback, users, help) SETTING_##name,
#define INTEGER(name, unit, fallback, smallest, largest, users, help) SETTING_##name,
#define TEXT(name, form, fallback, users, help) SETTING_##name,
#define SECRET(name, fallback, users, help) SETTING_##name,
#define ONE_OF(name, fallback, choices, users, help) SETTING_##name,
#include "common/config/settings.def"
#undef BOOL
#undef INTEGER
#undef TEXT
#undef SECRET
#undef ONE_OF
    SETTINGS_COUNT
} setting_id;

typedef struct config config_t;

/* Reads `.env` of the working directory (or the file that ZPRESENCE_ENV_FILE names), then the environment,
 * which wins. Handles --help, --version and --print-config (secrets masked) by printing to stdout and setting
 * *ret_exit, *ret_config staying as it is; --check-config sets both: whoever has more to check does so, then
 * leaves. ZP_INVALID: for each value that is refused one clear line, naming the setting, the value and what
 * is accepted, is on stderr, and likewise for numbers that do not go together (setting_rules.def). Then
 * --check-config sets both all the same, with defaults for what is refused: more is looked at in one go. */
ZP_MUST_CHECK zp_error config_load(config_t **ret_config, bool *ret_exit, process_kind kind, int argc,
                                   char **argv);
void config_destroy(config_t **config);

bool config_bool(const config_t *config, setting_id id);
int64_t config_integer(const config_t *config, setting_id id);
/* A duration in milliseconds, from a row in "ms" or "s". */
uint64_t config_ms(const config_t *config, setting_id id);
const char *config_text(const config_t *config, setting_id id); /* TEXT, SECRET, ONE_OF; never NULL */

/* Also PROCESS_NAME with its default filled in: printable ASCII without spaces, at most 64 bytes. */
const char *config_process_name(const config_t *config);
process_kind config_process_kind(const config_t *config);

#endif
