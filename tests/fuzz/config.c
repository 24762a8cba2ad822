/* config: any bytes as a .env file. Its values, written into another one, are the same; a configuration that
 * loads has every value within its limits; and what --print-config says of it is a .env file that loads the
 * same. */
#include "common/config/config.h"
#include "common/config/dotenv.h"
#include "common/config/settings_table.h"
#include "tests/fuzz/fuzz.h"
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static const process_kind kinds[] = {EDGE, CORE, WATCHER, API, FANOUT};
static int env_file = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        unsetenv(setting_row_of((setting_id)id)->name);
    }
    env_file = memfd_create("env", 0);
    assert(env_file >= 0);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", env_file);
    assert(setenv("ZPRESENCE_ENV_FILE", path, 1) == 0);
    return 0;
}

/* -- the file -- */

static char *dup_rewritten(const dotenv_t *dotenv) {
    char *text = NULL;
    size_t text_bytes = 0;
    FILE *out = open_memstream(&text, &text_bytes);
    assert(out);
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const char *name = setting_row_of((setting_id)id)->name, *value = dotenv_get(dotenv, name);
        if (!value) {
            continue;
        }
        fprintf(out, "export %s = \"", name);
        for (const char *at = value; *at; at++) {
            switch (*at) {
            case '\n':
                fputs("\\n", out);
                break;
            case '"':
            case '\\':
                fprintf(out, "\\%c", *at);
                break;
            default:
                fputc(*at, out);
                break;
            }
        }
        fputs("\" # rewritten\r\n", out);
    }
    fclose(out);
    return text;
}

static void check_same(const dotenv_t *dotenv, const dotenv_t *other) {
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const char *name = setting_row_of((setting_id)id)->name;
        const char *value = dotenv_get(dotenv, name), *other_value = dotenv_get(other, name);
        assert((value == NULL) == (other_value == NULL) && (!value || strcmp(value, other_value) == 0));
    }
}

static void check_rewritten(const dotenv_t *dotenv) {
    char *text = dup_rewritten(dotenv);
    dotenv_t *other = NULL;
    dotenv_problem problem = {0, NULL};
    assert(dotenv_parse(&other, str_view_of(text), &problem) == ZP_OK);
    check_same(dotenv, other);
    dotenv_destroy(&other);
    free(text);
}

/* -- its values -- */

static void check_integer(const setting_row *row, int64_t integer) {
    char text[32];
    int64_t again = 0;
    assert(integer >= row->smallest && integer <= row->largest);
    snprintf(text, sizeof text, "%" PRId64, integer);
    assert(setting_accepts(row, text, &again) && again == integer);
}

static void check_values(const dotenv_t *dotenv) {
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const setting_row *row = setting_row_of((setting_id)id);
        const char *value = dotenv_get(dotenv, row->name);
        int64_t integer = 0;
        if (!value || !setting_accepts(row, value, &integer)) {
            continue;
        }
        if (row->type == SETTING_INTEGER) {
            check_integer(row, integer);
        }
        assert(row->type != SETTING_BOOL || strcmp(value, integer ? "true" : "false") == 0);
        assert(row->type != SETTING_TEXT || str_view_is_clean_text(str_view_of(value)));
    }
}

/* -- a process that reads it -- */

/* config_load explains a refusal on stderr, and prints to stdout: glibc lets both be somewhere else. */
static zp_error load(config_t **ret_config, process_kind kind, str_view text, FILE *printed) {
    static FILE *nowhere;
    char *argv[] = {"fuzz", "--print-config", NULL};
    bool exits = false;
    if (!nowhere) {
        nowhere = fopen("/dev/null", "we");
        assert(nowhere);
    }
    assert(ftruncate(env_file, 0) == 0);
    assert(pwrite(env_file, text.ptr, text.len, 0) == (ssize_t)text.len);
    FILE *kept_stdout = stdout, *kept_stderr = stderr;
    stdout = printed ? printed : nowhere;
    stderr = nowhere;
    zp_error error = config_load(ret_config, &exits, kind, printed ? 2 : 1, argv);
    stdout = kept_stdout;
    stderr = kept_stderr;
    assert(exits == (error == ZP_OK && printed));
    return error;
}

static void check_same_config(const config_t *config, const config_t *other) {
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const setting_row *row = setting_row_of((setting_id)id);
        if (!(row->users & config_process_kind(config))) {
            continue;
        }
        switch (row->type) {
        case SETTING_INTEGER:
            check_integer(row, config_integer(config, (setting_id)id));
            assert(config_integer(other, (setting_id)id) == config_integer(config, (setting_id)id));
            break;
        case SETTING_BOOL:
            assert(config_bool(other, (setting_id)id) == config_bool(config, (setting_id)id));
            break;
        case SETTING_TEXT:
        case SETTING_ONE_OF:
            assert(strcmp(config_text(other, (setting_id)id), config_text(config, (setting_id)id)) == 0);
            break;
        case SETTING_SECRET: /* printed as asterisks */
            break;
        }
    }
}

static void check_process(process_kind kind, str_view text) {
    config_t *config = NULL, *other = NULL;
    zp_error error = load(&config, kind, text, NULL);
    assert(error == ZP_OK || error == ZP_INVALID);
    assert((config != NULL) == (error == ZP_OK));
    if (!config) {
        return;
    }
    char *printed_text = NULL;
    size_t printed_bytes = 0;
    FILE *printed = open_memstream(&printed_text, &printed_bytes);
    assert(printed && load(&other, kind, text, printed) == ZP_OK && !other);
    fclose(printed);
    assert(load(&other, kind, str_view_make(printed_text, printed_bytes), NULL) == ZP_OK);
    check_same_config(config, other);
    free(printed_text);
    config_destroy(&config);
    config_destroy(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    str_view text = str_view_make(data, size);
    dotenv_t *dotenv = NULL;
    dotenv_problem problem = {0, NULL};
    zp_error error = dotenv_parse(&dotenv, text, &problem);
    if (error != ZP_OK) {
        assert(error == ZP_INVALID && !dotenv && problem.text && problem.line <= size + 1);
        return 0;
    }
    check_values(dotenv);
    check_rewritten(dotenv);
    dotenv_destroy(&dotenv);
    /* One kind of process at a time: its number is as good as any that follows from the input. */
    check_process(kinds[size % (sizeof kinds / sizeof kinds[0])], text);
    return 0;
}
