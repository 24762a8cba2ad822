#include "common/config/dotenv.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct entry {
    char *name;
    char *value;
} entry;

struct dotenv {
    entry *entries;
    size_t count, capacity;
};

static bool is_name_byte(char byte, bool first) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_' ||
           (!first && ((byte >= '0' && byte <= '9') || byte == '.' || byte == '-'));
}

/* Takes the name and '=' off *line. */
static const char *take_name(str_view *line, str_view *ret_name) {
    static const char exported[] = "export";
    size_t word = sizeof exported - 1;
    if (line->len > word && memcmp(line->ptr, exported, word) == 0 &&
        (line->ptr[word] == ' ' || line->ptr[word] == '\t')) {
        *line = str_view_trim(str_view_make(line->ptr + word, line->len - word));
    }
    size_t len = 0;
    while (len < line->len && is_name_byte(line->ptr[len], len == 0)) {
        len++;
    }
    str_view rest = str_view_trim(str_view_make(line->ptr + len, line->len - len));
    if (len == 0 || rest.len == 0 || rest.ptr[0] != '=') {
        return "NAME=value is needed";
    }
    *ret_name = str_view_make(line->ptr, len);
    *line = str_view_trim(str_view_make(rest.ptr + 1, rest.len - 1));
    return NULL;
}

static char unescape(char byte) {
    switch (byte) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return byte; /* the quote and the backslash stand for themselves */
    }
}

static bool is_escape(char byte) {
    return byte == 'n' || byte == 'r' || byte == 't' || byte == '"' || byte == '\\';
}

/* `raw` begins with its quote; the value goes to `out`, which has room for raw.len bytes. */
static const char *take_quoted(str_view raw, char *out) {
    char quote = raw.ptr[0];
    size_t used = 0;
    size_t i = 1;
    for (; i < raw.len && raw.ptr[i] != quote; i++) {
        char byte = raw.ptr[i];
        if (quote == '"' && byte == '\\' && i + 1 < raw.len && is_escape(raw.ptr[i + 1])) {
            byte = unescape(raw.ptr[++i]);
        }
        out[used++] = byte;
    }
    if (i == raw.len) {
        return "the closing quote is missing";
    }
    out[used] = '\0';
    str_view after = str_view_trim(str_view_make(raw.ptr + i + 1, raw.len - i - 1));
    return after.len == 0 || after.ptr[0] == '#' ? NULL : "only a comment may follow the closing quote";
}

static void take_unquoted(str_view raw, char *out) {
    size_t len = 0;
    while (len < raw.len &&
           !(raw.ptr[len] == '#' && (len == 0 || raw.ptr[len - 1] == ' ' || raw.ptr[len - 1] == '\t'))) {
        len++;
    }
    str_view value = str_view_trim(str_view_make(raw.ptr, len));
    memcpy(out, value.ptr, value.len);
    out[value.len] = '\0';
}

static entry *find(const dotenv_t *dotenv, str_view name) {
    for (size_t i = 0; i < dotenv->count; i++) {
        if (str_view_equal(name, str_view_of(dotenv->entries[i].name))) {
            return &dotenv->entries[i];
        }
    }
    return NULL;
}

/* Takes `value` in any case. */
static zp_error put(dotenv_t *dotenv, str_view name, char *value) {
    entry *known = find(dotenv, name);
    if (known) {
        free(known->value);
        known->value = value;
        return ZP_OK;
    }
    if (dotenv->count == dotenv->capacity) {
        size_t capacity = dotenv->capacity ? dotenv->capacity * 2 : 32;
        entry *entries = realloc(dotenv->entries, capacity * sizeof *entries);
        if (!entries) {
            free(value);
            return ZP_NO_MEMORY;
        }
        dotenv->entries = entries;
        dotenv->capacity = capacity;
    }
    char *copy = str_view_dup(name);
    if (!copy) {
        free(value);
        return ZP_NO_MEMORY;
    }
    dotenv->entries[dotenv->count++] = (entry){copy, value};
    return ZP_OK;
}

static zp_error parse_line(dotenv_t *dotenv, str_view line, const char **ret_problem) {
    line = str_view_trim(line);
    if (line.len == 0 || line.ptr[0] == '#') {
        return ZP_OK;
    }
    str_view name;
    const char *problem = take_name(&line, &name);
    if (problem) {
        *ret_problem = problem;
        return ZP_INVALID;
    }
    char *value = malloc(line.len + 1);
    if (!value) {
        return ZP_NO_MEMORY;
    }
    if (line.len > 0 && (line.ptr[0] == '"' || line.ptr[0] == '\'')) {
        problem = take_quoted(line, value);
    } else {
        take_unquoted(line, value);
    }
    if (problem) {
        free(value);
        *ret_problem = problem;
        return ZP_INVALID;
    }
    return put(dotenv, name, value);
}

zp_error dotenv_parse(dotenv_t **ret_dotenv, str_view text, dotenv_problem *ret_problem) {
    if (text.len > DOTENV_BYTES_MAX) {
        *ret_problem = (dotenv_problem){0, "larger than 64 KiB"};
        return ZP_INVALID;
    }
    dotenv_t *dotenv = calloc(1, sizeof *dotenv);
    if (!dotenv) {
        return ZP_NO_MEMORY;
    }
    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0) {
        text = str_view_make(text.ptr + 3, text.len - 3); /* a byte order mark, as Windows editors leave it */
    }
    zp_error error = ZP_OK;
    for (unsigned number = 1; text.len > 0 && error == ZP_OK; number++) {
        const char *newline = memchr(text.ptr, '\n', text.len);
        str_view line = str_view_make(text.ptr, newline ? (size_t)(newline - text.ptr) : text.len);
        size_t taken = line.len + (newline ? 1 : 0);
        text = str_view_make(text.ptr + taken, text.len - taken);
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        const char *problem = "a NUL byte";
        error = line.len > 0 && memchr(line.ptr, '\0', line.len) ? ZP_INVALID
                                                                 : parse_line(dotenv, line, &problem);
        if (error == ZP_INVALID) {
            *ret_problem = (dotenv_problem){number, problem};
        }
    }
    if (error != ZP_OK) {
        dotenv_destroy(&dotenv);
        return error;
    }
    *ret_dotenv = dotenv;
    return ZP_OK;
}

zp_error dotenv_read(dotenv_t **ret_dotenv, const char *path, dotenv_problem *ret_problem) {
    FILE *file = fopen(path, "re");
    if (!file) {
        return errno == ENOENT ? ZP_NOT_FOUND : ZP_SYSTEM;
    }
    zp_error error = ZP_NO_MEMORY;
    char *text = malloc(DOTENV_BYTES_MAX + 1); /* one more, to see that it is too large */
    if (text) {
        errno = 0;
        size_t len = fread(text, 1, DOTENV_BYTES_MAX + 1, file);
        error = ferror(file) ? ZP_SYSTEM : dotenv_parse(ret_dotenv, str_view_make(text, len), ret_problem);
    }
    int why = errno;
    free(text);
    (void)fclose(file);
    errno = why;
    return error;
}

void dotenv_destroy(dotenv_t **dotenv) {
    if (!*dotenv) {
        return;
    }
    for (size_t i = 0; i < (*dotenv)->count; i++) {
        free((*dotenv)->entries[i].name);
        free((*dotenv)->entries[i].value);
    }
    free((*dotenv)->entries);
    free(*dotenv);
    *dotenv = NULL;
}

const char *dotenv_get(const dotenv_t *dotenv, const char *name) {
    const entry *found = find(dotenv, str_view_of(name));
    return found ? found->value : NULL;
}
