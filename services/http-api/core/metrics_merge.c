#include "services/http-api/core/metrics_merge.h"
#include "common/base/hash_table.h"
#include <stdlib.h>

typedef struct family {
    UT_hash_handle hh;
    str_view name, help, type; /* what stands behind the name in its two lines */
    text_buffer samples;
} family;

struct metrics_merge {
    family *families; /* uthash by name, in the order in which they came */
};

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:";
static const char value_bytes[] = "0123456789.eE+-";

metrics_merge_t *metrics_merge_new(void) {
    return calloc(1, sizeof(metrics_merge_t));
}

void metrics_merge_destroy(metrics_merge_t **merge) {
    if (!*merge) {
        return;
    }
    family *at = (*merge)->families;
    while (at) {
        family *next = at->hh.next;
        HASH_DEL((*merge)->families, at);
        text_free(&at->samples);
        free(at);
        at = next;
    }
    free(*merge);
    *merge = NULL;
}

static bool skip(str_view *rest, const char *prefix) {
    size_t prefix_bytes = strlen(prefix);
    if (rest->len < prefix_bytes || memcmp(rest->ptr, prefix, prefix_bytes) != 0) {
        return false;
    }
    *rest = str_view_make(rest->ptr + prefix_bytes, rest->len - prefix_bytes);
    return true;
}

/* The bytes at the beginning of `rest` that are of `allowed`. */
static str_view take_span(str_view *rest, const char *allowed) {
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] != '\0' && strchr(allowed, rest->ptr[len])) {
        len++;
    }
    str_view span = str_view_make(rest->ptr, len);
    *rest = str_view_make(rest->ptr + len, rest->len - len);
    return span;
}

static bool is_known_type(str_view type) {
    static const char *const types[] = {"counter", "gauge", "histogram", "summary", "untyped"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (str_view_equal(type, str_view_of(types[i]))) {
            return true;
        }
    }
    return false;
}

/* Behind the name: {a="b",c="d"}, where a quote and a backslash in a value are escaped; empty where there are
 * none. */
static bool skip_labels(str_view *rest) {
    if (!skip(rest, "{")) {
        return true;
    }
    while (!skip(rest, "}")) {
        if (take_span(rest, name_bytes).len == 0 || !skip(rest, "=\"")) {
            return false;
        }
        while (!skip(rest, "\"")) {
            if (rest->len < 2 || rest->ptr[0] == '\0') {
                return false;
            }
            size_t taken = rest->ptr[0] == '\\' ? 2 : 1;
            *rest = str_view_make(rest->ptr + taken, rest->len - taken);
        }
        if (!skip(rest, ",") && (rest->len == 0 || rest->ptr[0] != '}')) {
            return false;
        }
    }
    return true;
}

static bool is_value(str_view text) {
    static const char *const words[] = {"NaN", "+Inf", "-Inf", "Inf"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (str_view_equal(text, str_view_of(words[i]))) {
            return true;
        }
    }
    str_view rest = text;
    return take_span(&rest, value_bytes).len > 0 && rest.len == 0;
}

static bool is_of_family(str_view name, const family *of) {
    static const char *const endings[] = {"", "_bucket", "_sum", "_count"};
    str_view rest = name;
    if (rest.len < of->name.len || memcmp(rest.ptr, of->name.ptr, of->name.len) != 0) {
        return false;
    }
    rest = str_view_make(name.ptr + of->name.len, name.len - of->name.len);
    bool plain =
        str_view_equal(of->type, str_view_of("counter")) || str_view_equal(of->type, str_view_of("gauge"));
    for (size_t i = 0; i < (plain ? 1 : sizeof endings / sizeof *endings); i++) {
        if (str_view_equal(rest, str_view_of(endings[i]))) {
            return true;
        }
    }
    return false;
}

static bool is_sample(str_view line, const family *of) {
    str_view rest = line;
    str_view name = take_span(&rest, name_bytes);
    return of && name.len > 0 && is_of_family(name, of) && skip_labels(&rest) && skip(&rest, " ") &&
           is_value(rest);
}

/* The family of that name; a new one where there is none yet. NULL: there is no room, or no memory. */
static family *family_of(metrics_merge_t *merge, str_view name) {
    family *found = NULL;
    HASH_FIND(hh, merge->families, name.ptr, name.len, found);
    if (found || HASH_COUNT(merge->families) >= MERGED_FAMILIES_MAX) {
        return found;
    }
    found = calloc(1, sizeof *found);
    if (!found) {
        return NULL;
    }
    found->name = name;
    HASH_ADD_KEYPTR(hh, merge->families, name.ptr, name.len, found);
    if (!found->hh.tbl) {
        free(found);
        return NULL;
    }
    return found;
}

/* One text as it is gone through: HELP, then TYPE, then the samples. */
typedef struct reading {
    str_view help_name, help;
    family *current; /* NULL: its samples are left out */
} reading;

static bool take_type(metrics_merge_t *merge, reading *at, str_view line) {
    str_view name = take_span(&line, name_bytes);
    at->current = NULL;
    if (name.len == 0 || !skip(&line, " ") || !is_known_type(line)) {
        return false;
    }
    family *of = family_of(merge, name);
    if (!of || (of->type.ptr && !str_view_equal(of->type, line))) {
        return false;
    }
    if (!of->type.ptr) {
        of->type = line;
        of->help = str_view_equal(at->help_name, name) ? at->help : (str_view){0};
    }
    at->current = of;
    return true;
}

static bool take_help(reading *at, str_view line) {
    at->current = NULL;
    at->help_name = take_span(&line, name_bytes);
    if (at->help_name.len == 0 || !skip(&line, " ") || !str_view_is_clean_text(line)) {
        at->help_name = (str_view){0};
        return false;
    }
    at->help = line;
    return true;
}

static bool take_line(metrics_merge_t *merge, reading *at, str_view line) {
    if (line.len == 0) {
        return true;
    }
    if (line.ptr[0] == '#') {
        if (skip(&line, "# TYPE ")) {
            return take_type(merge, at, line);
        }
        return skip(&line, "# HELP ") ? take_help(at, line) : true;
    }
    if (!is_sample(line, at->current)) {
        return false;
    }
    text_add_view(&at->current->samples, line);
    text_add(&at->current->samples, "\n");
    return true;
}

size_t metrics_merge_add(metrics_merge_t *merge, str_view text) {
    size_t left_out = 0;
    reading at = {0};
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        str_view line = str_view_make(text.ptr, end ? (size_t)(end - text.ptr) : text.len);
        left_out += take_line(merge, &at, line) ? 0 : 1;
        size_t taken = line.len + (end ? 1 : 0);
        text = str_view_make(text.ptr + taken, text.len - taken);
    }
    return left_out;
}

static void write_head(const family *of, const char *what, str_view text, text_buffer *out) {
    text_add(out, what);
    text_add_view(out, of->name);
    text_add(out, " ");
    text_add_view(out, text);
    text_add(out, "\n");
}

void metrics_merge_write(const metrics_merge_t *merge, text_buffer *out) {
    for (const family *at = merge->families; at; at = at->hh.next) {
        if (at->samples.len_bytes == 0) {
            continue;
        }
        if (at->help.ptr) {
            write_head(at, "# HELP ", at->help, out);
        }
        write_head(at, "# TYPE ", at->type, out);
        text_add_view(out, str_view_make(at->samples.bytes, at->samples.len_bytes));
        out->failed |= at->samples.failed;
    }
}
