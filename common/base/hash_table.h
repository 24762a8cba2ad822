/* hash_table - uthash, wrapped once: it does not pass our warning flags, and it must not exit when memory is
 * out (then the element's hh.tbl stays NULL: check it after HASH_ADD). */
#ifndef ZP_BASE_HASH_TABLE_H
#define ZP_BASE_HASH_TABLE_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#pragma GCC diagnostic pop

#ifdef __clang_analyzer__
/* clang-analyzer cannot follow the links inside a table and reports freed elements as still reachable. To it,
 * taking an element out is a call that may change everything reachable from the table. */
void hash_table_unknown(void *head, void *element);
#undef HASH_DEL
#define HASH_DEL(head, element) hash_table_unknown(&(head), element)
#endif

#endif
