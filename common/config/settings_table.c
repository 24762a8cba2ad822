#include "common/config/settings_table.h"
#include "common/base/str_view.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const setting_row rows[SETTINGS_COUNT] = {
#define BOOL(name, fallback, users, help)                                                                    \
    {#name, "", fallback, 0, 0, "", help, SETTING_BOOL, users, TEXT_ANY},
#define INTEGER(name, unit, fallback, smallest, largest, users, help)                                        \
    {#name, unit, #fallback, smallest, largest, "", help, SETTING_INTEGER, users, TEXT_ANY},
#define TEXT(name, form, fallback, users, help)                                                              \
    {#name, "", fallback, 0, 0, "", help, SETTING_TEXT, users, TEXT_##form},
#define SECRET(name, fallback, users, help)                                                                  \
    {#name, "", fallback, 0, 0, "", help, SETTING_SECRET, users, TEXT_ANY},
#define ONE_OF(name, fallback, choices, users, help)                                                         \
    {#name, "", fallback, 0, 0, choices, help, SETTING_ONE_OF, users, TEXT_ANY},
#include "common/config/settings.def"
#undef BOOL
#undef INTEGER
#undef TEXT
#undef SECRET
#undef ONE_OF
};

const setting_row *setting_row_of(setting_id id) {
    assert(id >= 0 && id < SETTINGS_COUNT);
    return &rows[id];
}

static bool accepts_integer(const setting_row *row, const char *text, int64_t *ret_integer) {
    /* Digits only: strtoll alone would take "+5", " 5" and "0x5". */
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
        return false;
    }
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno != 0 || value < row->smallest || value > row->largest) {
        return false;
    }
    *ret_integer = value;
    return true;
}

static bool accepts_bool(const char *text, int64_t *ret_integer) {
    bool value = strcmp(text, "true") == 0;
    if (!value && strcmp(text, "false") != 0) {
        return false;
    }
    *ret_integer = value;
    return true;
}

static bool accepts_choice(const char *choices, const char *text) {
    size_t len = strlen(text);
    for (const char *choice = choices; len > 0 && *choice != '\0';) {
        size_t choice_len = strcspn(choice, "|");
        if (choice_len == len && memcmp(choice, text, len) == 0) {
            return true;
        }
        choice += choice_len;
        choice += *choice == '|';
    }
    return false;
}

bool setting_accepts(const setting_row *row, const char *text, int64_t *ret_integer) {
    switch (row->type) {
    case SETTING_BOOL:
        return accepts_bool(text, ret_integer);
    case SETTING_INTEGER:
        return accepts_integer(row, text, ret_integer);
    case SETTING_ONE_OF:
        return accepts_choice(row->choices, text);
    case SETTING_TEXT:
        return text_form_accepts(row->form, text);
    case SETTING_SECRET:
        break;
    }
    return true;
}

/* "a|b|c" as "a, b, c". */
static const char *spell_choices(const char *choices, char *out, size_t out_bytes) {
    size_t used = 0;
    for (; *choices != '\0' && used + 3 < out_bytes; choices++) {
        if (*choices == '|') {
            out[used++] = ',';
            out[used++] = ' ';
        } else {
            out[used++] = *choices;
        }
    }
    out[used] = '\0';
    return out;
}

static const char *spell_unit(const char *unit) {
    if (strcmp(unit, "s") == 0) {
        return "seconds";
    }
    return strcmp(unit, "ms") == 0 ? "milliseconds" : unit;
}

const char *setting_accepted_words(const setting_row *row, char out[SETTING_WORDS_BYTES]) {
    char choices[SETTING_WORDS_BYTES - 16];
    switch (row->type) {
    case SETTING_BOOL:
        snprintf(out, SETTING_WORDS_BYTES, "true or false");
        break;
    case SETTING_INTEGER:
        snprintf(out, SETTING_WORDS_BYTES, "a whole number%s%s from %" PRId64 " to %" PRId64,
                 row->unit[0] ? " of " : "", spell_unit(row->unit), row->smallest, row->largest);
        break;
    case SETTING_ONE_OF:
        snprintf(out, SETTING_WORDS_BYTES, "one of %s", spell_choices(row->choices, choices, sizeof choices));
        break;
    case SETTING_TEXT:
        snprintf(out, SETTING_WORDS_BYTES, "%s", text_form_words(row->form));
        break;
    case SETTING_SECRET:
        snprintf(out, SETTING_WORDS_BYTES, "%s", text_form_words(TEXT_ANY));
        break;
    }
    return out;
}

const char *setting_accepted_column(const setting_row *row, char out[SETTING_WORDS_BYTES]) {
    switch (row->type) {
    case SETTING_BOOL:
        snprintf(out, SETTING_WORDS_BYTES, "true, false");
        break;
    case SETTING_INTEGER:
        snprintf(out, SETTING_WORDS_BYTES, "%" PRId64 " to %" PRId64, row->smallest, row->largest);
        break;
    case SETTING_ONE_OF:
        spell_choices(row->choices, out, SETTING_WORDS_BYTES);
        break;
    case SETTING_TEXT:
        snprintf(out, SETTING_WORDS_BYTES, "%s", text_form_column(row->form));
        break;
    case SETTING_SECRET:
        out[0] = '\0';
        break;
    }
    return out;
}
