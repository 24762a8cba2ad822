/* settings_table - settings.def as rows: what each setting accepts, in code and in words.
 * Owns: nothing, the rows are constant. Units: as each row says. Threads: any. */
#ifndef ZP_CONFIG_SETTINGS_TABLE_H
#define ZP_CONFIG_SETTINGS_TABLE_H

#include "common/config/config.h"
#include "common/config/text_form.h"
#include <stddef.h>

typedef enum setting_type {
    SETTING_BOOL,
    SETTING_INTEGER,
    SETTING_TEXT,
    SETTING_SECRET,
    SETTING_ONE_OF
} setting_type;

typedef struct setting_row {
    const char *name;
    const char *unit; /* INTEGER only, else "" */
    const char *fallback;
    int64_t smallest, largest; /* INTEGER only */
    const char *choices;       /* ONE_OF only: "a|b", else "" */
    const char *help;
    setting_type type;
    unsigned users; /* process kinds, or-ed */
    text_form form; /* TEXT only */
} setting_row;

const setting_row *setting_row_of(setting_id id);

/* Whether `text` is a value of this row; for BOOL and INTEGER *ret_integer is its number. An empty text never
 * is a value of a BOOL, INTEGER or ONE_OF: it stands for the default, which is the caller's to take. */
ZP_MUST_CHECK bool setting_accepts(const setting_row *row, const char *text, int64_t *ret_integer);

/* "a whole number of seconds from 1 to 86400", "true or false", "one of all, role, none". Returns `out`. */
enum { SETTING_WORDS_BYTES = 128 };
const char *setting_accepted_words(const setting_row *row, char out[SETTING_WORDS_BYTES]);

/* The same for a column: "1 to 86400", "true, false", "all, role, none", "host:port", "" for any text.
 * Returns `out`. */
const char *setting_accepted_column(const setting_row *row, char out[SETTING_WORDS_BYTES]);

#endif
