/* arguments - the argument list of one Redis command, built up in one buffer that is used again.
 * Owns: its bytes and tables. Threads: none. Errors: memory that is out is remembered until arguments_clear,
 * and arguments_ready then says so: callers check once, at the end. */
#ifndef ZP_PRESENCE_CORE_ARGUMENTS_H
#define ZP_PRESENCE_CORE_ARGUMENTS_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include <stdint.h>

/* Zeroed: empty. */
typedef struct arguments {
    char *bytes;
    size_t len_bytes, capacity_bytes;
    size_t *ends; /* where each argument ends in `bytes` */
    const char **pointers;
    size_t *lengths;
    size_t count, capacity;
    bool out_of_memory;
} arguments_t;

/* Empties the list. What it holds is kept for the next use, unless that is more than any usual command needs.
 */
void arguments_clear(arguments_t *arguments);
void arguments_free(arguments_t *arguments);

void arguments_add(arguments_t *arguments, str_view text);
void arguments_add_number(arguments_t *arguments, uint64_t number);
void arguments_add_key(arguments_t *arguments, const char *prefix, str_view id);

/* For an argument that is put together from pieces: any number of these, then arguments_end. */
void arguments_append(arguments_t *arguments, str_view piece);
void arguments_append_number(arguments_t *arguments, uint64_t number);
/* As a JSON string, quotes included. `text` is UTF-8. */
void arguments_append_json(arguments_t *arguments, str_view text);
void arguments_end(arguments_t *arguments);

/* A view of argument `index`, good until the next change. */
str_view arguments_get(const arguments_t *arguments, size_t index);

/* Fills `pointers` and `lengths`, good until the next change. ZP_NO_MEMORY. */
ZP_MUST_CHECK zp_error arguments_ready(arguments_t *arguments);

#endif
