/* dotenv - NAME=value lines of a .env file, as the guide writes them.
 *
 *     # a comment               NAME=value   # a comment: '#' at the start or after a space
 *     export NAME=value         NAME="a b\n" with the escapes \n \r \t \" \\
 *     NAME=                     NAME='as it stands'
 *
 * A quoted value ends on its line. The last of several lines with one name counts.
 * Owns: the names and values. Errors: the first malformed line, by number. Threads: none. */
#ifndef ZP_CONFIG_DOTENV_H
#define ZP_CONFIG_DOTENV_H

#include "common/base/error.h"
#include "common/base/str_view.h"

typedef struct dotenv dotenv_t;

enum { DOTENV_BYTES_MAX = 65536 };

typedef struct dotenv_problem {
    unsigned line;    /* 0: the file as a whole */
    const char *text; /* static */
} dotenv_problem;

/* ZP_INVALID with *ret_problem, ZP_NO_MEMORY. */
ZP_MUST_CHECK zp_error dotenv_parse(dotenv_t **ret_dotenv, str_view text, dotenv_problem *ret_problem);

/* The same from a file. Further ZP_NOT_FOUND: no such file; ZP_SYSTEM: it cannot be read (errno says why). */
ZP_MUST_CHECK zp_error dotenv_read(dotenv_t **ret_dotenv, const char *path, dotenv_problem *ret_problem);

void dotenv_destroy(dotenv_t **dotenv);

/* NULL: not there. Lives as long as the dotenv. */
const char *dotenv_get(const dotenv_t *dotenv, const char *name);

#endif
