/* README.md: its table of settings is the one of the code. To make it so again, after a change of
 * settings.def or setting_rules.def: ZPRESENCE_WRITE_README=1 build/asan/bin/readme_test */
#include "common/config/setting_rules.h"
#include "common/config/settings_table.h"
#include "common_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define README ZPRESENCE_ROOT "/README.md"
#define BLOCK_BEGINS "<!-- settings: written by tests/unit/common/readme_test.c -->\n"
#define BLOCK_ENDS "<!-- end of settings -->\n"

enum { README_MAX_BYTES = 1 << 20 };

static char *read_readme(void) {
    FILE *file = fopen(README, "re");
    assert_non_null(file);
    char *text = calloc(1, README_MAX_BYTES);
    assert_non_null(text);
    assert_true(fread(text, 1, README_MAX_BYTES - 1, file) < README_MAX_BYTES - 1);
    fclose(file);
    return text;
}

/* As text of a Markdown table. */
static void print_text(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (strchr("*|<\\", *text)) {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void print_users(FILE *out, unsigned users) {
    static const process_kind kinds[] = {EDGE, CORE, WATCHER, API, FANOUT};
    if (users == (EDGE | CORE | WATCHER | API | FANOUT)) {
        fputs("all", out);
        return;
    }
    const char *between = "";
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (users & kinds[i]) {
            fprintf(out, "%s%s", between, process_kind_name(kinds[i]));
            between = ", ";
        }
    }
}

static void print_row(FILE *out, const setting_row *row) {
    char accepted[SETTING_WORDS_BYTES];
    fprintf(out, "| `%s` | ", row->name);
    if (row->fallback[0] != '\0') {
        fprintf(out, "`%s`%s%s", row->fallback, row->unit[0] ? " " : "", row->unit);
    }
    fprintf(out, " | %s | ", setting_accepted_column(row, accepted));
    print_users(out, row->users);
    fputs(" | ", out);
    print_text(out, row->help);
    fputs(" |\n", out);
}

static void print_rule(FILE *out, const setting_rule *rule) {
    char bound[SETTING_RULE_BYTES];
    fprintf(out, "| `%s` | `%s` | ", setting_row_of(rule->larger)->name, setting_rule_bound(rule, bound));
    print_users(out, setting_rule_users(rule));
    fprintf(out, " | %s |\n", rule->why);
}

static char *make_table(void) {
    char *text = NULL;
    size_t len_bytes = 0;
    FILE *out = open_memstream(&text, &len_bytes);
    assert_non_null(out);
    fputs("| setting | default | accepted | read by | |\n|---|---|---|---|---|\n", out);
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        print_row(out, setting_row_of((setting_id)id));
    }
    fputs(
        "\nSome only make sense together:\n\n| setting | at least | checked by | else |\n|---|---|---|---|\n",
        out);
    for (size_t i = 0; i < SETTING_RULES_COUNT; i++) {
        print_rule(out, &SETTING_RULES[i]);
    }
    fclose(out);
    return text;
}

/* The README with `table` in its block. */
static void write_readme(const char *readme, const char *block, const char *block_ends, const char *table) {
    FILE *file = fopen(README, "we");
    assert_non_null(file);
    fprintf(file, "%.*s%s%s", (int)(block - readme), readme, table, block_ends);
    assert_int_equal(fclose(file), 0);
}

static void the_table_of_settings_is_the_one_of_the_code(void **state) {
    (void)state;
    char *readme = read_readme();
    char *table = make_table();
    const char *block = strstr(readme, BLOCK_BEGINS);
    const char *block_ends = block ? strstr(block, BLOCK_ENDS) : NULL;
    bool has_block = block_ends != NULL;
    bool current = false;
    if (has_block) {
        block += strlen(BLOCK_BEGINS);
        size_t block_bytes = (size_t)(block_ends - block);
        current = strlen(table) == block_bytes && memcmp(block, table, block_bytes) == 0;
    }
    if (has_block && !current && getenv("ZPRESENCE_WRITE_README")) {
        write_readme(readme, block, block_ends, table);
        current = true;
    }
    free(table);
    free(readme);
    assert_true(has_block);
    if (!current) {
        fail_msg("README.md's table of settings is not current: ZPRESENCE_WRITE_README=1 %s writes it",
                 program_invocation_name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_of_settings_is_the_one_of_the_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
