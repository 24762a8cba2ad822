/* process_json - a ProcessInfo as presence:services keeps it, for people who look with redis-cli too. */
#ifndef ZP_PRESENCE_CORE_PROCESS_JSON_H
#define ZP_PRESENCE_CORE_PROCESS_JSON_H

#include "common/base/str_view.h"
#include "proto/valid.h"
#include <jansson.h>

/* A heap text, NULL where memory is out. The caller frees it. */
char *process_json_dup(const Zp__ProcessInfo *process);

typedef struct process_figures {
    Zp__Figure items[VALID_FIGURES_MAX];
    Zp__Figure *pointers[VALID_FIGURES_MAX];
} process_figures;

/* Fills `process`, whose texts live in the JSON that is returned (json_decref it), and whose figures are put
 * into `figures`: those beyond VALID_FIGURES_MAX, and those that are no numbers, are left out. NULL: it is no
 * such JSON. */
json_t *process_json_read(str_view text, Zp__ProcessInfo *process, process_figures *figures);

#endif
