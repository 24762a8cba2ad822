#include "common/config/config_print.h"
#include "common/config/setting_rules.h"
#include "common/config/settings_table.h"
#include <string.h>

/* Widest text of each column over the rows of one kind. */
typedef struct widths {
    int name, fallback, accepted;
} widths;

enum { FALLBACK_BYTES = 128 };

static const char *spell_fallback(const setting_row *row, char out[FALLBACK_BYTES]) {
    snprintf(out, FALLBACK_BYTES, "%s%s%s", row->fallback[0] ? row->fallback : "-", row->unit[0] ? " " : "",
             row->unit);
    return out;
}

static int wider(int width, const char *text) {
    int len = (int)strlen(text);
    return len > width ? len : width;
}

static widths measure(process_kind kind) {
    widths widest = {0, 0, 0};
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const setting_row *row = setting_row_of((setting_id)id);
        if (!(row->users & kind)) {
            continue;
        }
        char fallback[FALLBACK_BYTES];
        char accepted[SETTING_WORDS_BYTES];
        widest.name = wider(widest.name, row->name);
        widest.fallback = wider(widest.fallback, spell_fallback(row, fallback));
        widest.accepted = wider(widest.accepted, setting_accepted_column(row, accepted));
    }
    return widest;
}

static void print_rules(FILE *out, process_kind kind) {
    fputs("\nThese only make sense together:\n", out);
    for (size_t i = 0; i < SETTING_RULES_COUNT; i++) {
        const setting_rule *rule = &SETTING_RULES[i];
        char bound[SETTING_RULE_BYTES];
        if (setting_rule_users(rule) & kind) {
            fprintf(out, "%s is at least %s; else %s\n", setting_row_of(rule->larger)->name,
                    setting_rule_bound(rule, bound), rule->why);
        }
    }
}

void config_print_help(FILE *out, process_kind kind) {
    fprintf(
        out,
        "Usage: %s [--help | --version | --print-config | --check-config]\n"
        "\n"
        "Settings are read from the environment, else from .env in the working directory (or the file that\n"
        "ZPRESENCE_ENV_FILE names), else they have their default.\n"
        "\n",
        process_kind_name(kind));
    widths widest = measure(kind);
    fprintf(out, "%-*s  %-*s  %-*s  %s\n", widest.name, "NAME", widest.fallback, "DEFAULT", widest.accepted,
            "ACCEPTED", "MEANING");
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const setting_row *row = setting_row_of((setting_id)id);
        if (!(row->users & kind)) {
            continue;
        }
        char fallback[FALLBACK_BYTES];
        char accepted[SETTING_WORDS_BYTES];
        fprintf(out, "%-*s  %-*s  %-*s  %s\n", widest.name, row->name, widest.fallback,
                spell_fallback(row, fallback), widest.accepted, setting_accepted_column(row, accepted),
                row->help);
    }
    print_rules(out, kind);
}

void config_print_value(FILE *out, setting_id id, const char *value, const char *source) {
    const setting_row *row = setting_row_of(id);
    const char *shown = row->type == SETTING_SECRET && value[0] != '\0' ? "********" : value;
    bool quoted = strpbrk(shown, " #\"'\\") != NULL;
    fprintf(out, "%s=", row->name);
    if (quoted) {
        fputc('"', out);
    }
    for (const char *at = shown; *at != '\0'; at++) {
        if (quoted && (*at == '"' || *at == '\\')) {
            fputc('\\', out);
        }
        fputc(*at, out);
    }
    fprintf(out, "%s  # from %s\n", quoted ? "\"" : "", source);
}
