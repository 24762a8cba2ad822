/* config_print - what --help and --print-config say, made from the settings table.
 * Owns: nothing. Errors: none; a stdout that cannot be written to is its reader's loss. Threads: none. */
#ifndef ZP_CONFIG_CONFIG_PRINT_H
#define ZP_CONFIG_CONFIG_PRINT_H

#include "common/config/config.h"
#include <stdio.h>

/* The settings of this kind of process: name, default with unit, what is accepted, help; and which of
 * them only make sense together. */
void config_print_help(FILE *out, process_kind kind);

/* One row of --print-config, in the form that a .env file has: "NAME=value  # from .env". */
void config_print_value(FILE *out, setting_id id, const char *value, const char *source);

#endif
