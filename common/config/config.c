#include "common/config/config.h"
#include "common/base/str_view.h"
#include "common/config/config_print.h"
#include "common/config/dotenv.h"
#include "common/config/setting_rules.h"
#include "common/config/settings_table.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESS_NAME_BYTES_MAX = 64 };

typedef enum setting_source { FROM_DEFAULT, FROM_DOTENV, FROM_ENVIRONMENT } setting_source;

typedef struct setting_value {
    char *text;
    int64_t integer; /* BOOL and INTEGER */
    setting_source source;
    bool refused; /* what was given; it has the default instead */
} setting_value;

struct config {
    process_kind kind;
    setting_value values[SETTINGS_COUNT];
};

typedef struct arguments {
    bool help, version, print_config, check_config;
} arguments;

const char *process_kind_name(process_kind kind) {
    switch (kind) {
    case EDGE:
        return "ws-edge";
    case CORE:
        return "presence-core";
    case WATCHER:
        return "expiry-watcher";
    case API:
        return "http-api";
    case FANOUT:
        return "fanout";
    }
    return "unknown";
}

process_kind process_kind_named(const char *name) {
    static const process_kind kinds[] = {EDGE, CORE, WATCHER, API, FANOUT};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(process_kind_name(kinds[i]), name) == 0) {
            return kinds[i];
        }
    }
    return 0;
}

static const char *source_name(setting_source source) {
    switch (source) {
    case FROM_DEFAULT:
        return "default";
    case FROM_DOTENV:
        return ".env";
    case FROM_ENVIRONMENT:
        return "environment";
    }
    return "unknown";
}

static zp_error read_arguments(process_kind kind, int argc, char **argv, arguments *ret_arguments) {
    arguments given = {false, false, false, false};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            given.help = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            given.version = true;
        } else if (strcmp(argv[i], "--print-config") == 0) {
            given.print_config = true;
        } else if (strcmp(argv[i], "--check-config") == 0) {
            given.check_config = true;
        } else {
            char shown[128];
            fprintf(stderr, "%s: unknown argument %s; see %s --help\n", process_kind_name(kind),
                    str_view_escape(str_view_of(argv[i]), shown, sizeof shown), process_kind_name(kind));
            return ZP_INVALID;
        }
    }
    *ret_arguments = given;
    return ZP_OK;
}

/* *ret_dotenv stays NULL where there is no file and none was asked for. */
static zp_error read_dotenv(process_kind kind, dotenv_t **ret_dotenv) {
    const char *named = getenv("ZPRESENCE_ENV_FILE");
    bool asked_for = named && named[0] != '\0';
    const char *path = asked_for ? named : ".env";
    dotenv_problem problem = {0, ""};
    zp_error error = dotenv_read(ret_dotenv, path, &problem);
    if (error == ZP_OK || (error == ZP_NOT_FOUND && !asked_for)) {
        return ZP_OK;
    }
    const char *why = error == ZP_SYSTEM ? strerror(errno) : zp_error_text(error);
    if (error != ZP_INVALID) {
        fprintf(stderr, "%s: %s cannot be read: %s\n", process_kind_name(kind), path, why);
    } else if (problem.line == 0) {
        fprintf(stderr, "%s: %s is not valid: %s\n", process_kind_name(kind), path, problem.text);
    } else {
        fprintf(stderr, "%s: %s:%u is not valid: %s\n", process_kind_name(kind), path, problem.line,
                problem.text);
    }
    return error == ZP_NO_MEMORY ? ZP_NO_MEMORY : ZP_INVALID;
}

/* The text of a setting by precedence, before it is checked. */
static const char *choose_text(const setting_row *row, const dotenv_t *dotenv, setting_source *ret_source) {
    const char *text = getenv(row->name);
    setting_source source = FROM_ENVIRONMENT;
    if (!text && dotenv) {
        text = dotenv_get(dotenv, row->name);
        source = FROM_DOTENV;
    }
    bool may_be_empty = row->type == SETTING_TEXT || row->type == SETTING_SECRET;
    if (!text || (text[0] == '\0' && !may_be_empty)) {
        text = row->fallback;
        source = FROM_DEFAULT;
    }
    *ret_source = source;
    return text;
}

static void refuse(process_kind kind, const char *name, const char *text, const char *needed) {
    char shown[256];
    fprintf(stderr, "%s: %s=%s is not valid: %s is needed\n", process_kind_name(kind), name,
            str_view_escape(str_view_of(text), shown, sizeof shown), needed);
}

/* Default in place of what was refused: those that are looked at with it are said in the same go. */
static zp_error take_default(setting_value *value, const setting_row *row) {
    free(value->text);
    value->refused = true;
    value->source = FROM_DEFAULT;
    value->text = setting_accepts(row, row->fallback, &value->integer)
                      ? str_view_dup(str_view_of(row->fallback))
                      : NULL;
    return value->text ? ZP_INVALID : ZP_NO_MEMORY;
}

static zp_error load_value(config_t *config, setting_id id, const dotenv_t *dotenv) {
    const setting_row *row = setting_row_of(id);
    setting_value *value = &config->values[id];
    const char *text = choose_text(row, dotenv, &value->source);
    if (!setting_accepts(row, text, &value->integer)) {
        assert(value->source != FROM_DEFAULT);
        char needed[SETTING_WORDS_BYTES];
        refuse(config->kind, row->name, text, setting_accepted_words(row, needed));
        return take_default(value, row);
    }
    value->text = str_view_dup(str_view_of(text));
    return value->text ? ZP_OK : ZP_NO_MEMORY;
}

static zp_error name_process(config_t *config) {
    setting_value *value = &config->values[SETTING_PROCESS_NAME];
    size_t len = strlen(value->text);
    bool printable = len <= PROCESS_NAME_BYTES_MAX;
    for (size_t i = 0; i < len; i++) {
        printable = printable && value->text[i] > ' ' && value->text[i] < 0x7f;
    }
    if (!printable) {
        refuse(config->kind, "PROCESS_NAME", value->text,
               "printable ASCII without spaces, at most 64 bytes,");
    }
    if (len == 0 || !printable) {
        char name[PROCESS_NAME_BYTES_MAX];
        snprintf(name, sizeof name, "%s-1", process_kind_name(config->kind));
        free(value->text);
        value->text = str_view_dup(str_view_of(name));
        value->source = FROM_DEFAULT;
    }
    if (!value->text) {
        return ZP_NO_MEMORY;
    }
    return printable ? ZP_OK : ZP_INVALID;
}

static int64_t integer_of(const void *context, setting_id id) {
    return ((const config_t *)context)->values[id].integer;
}

static bool was_refused(const config_t *config, const setting_rule *rule) {
    bool refused = config->values[rule->larger].refused;
    for (size_t i = 0; i < rule->terms_count; i++) {
        refused = refused || config->values[rule->terms[i].smaller].refused;
    }
    return refused;
}

static void refuse_together(const config_t *config, const setting_rule *rule, int64_t needed) {
    char bound[SETTING_RULE_BYTES];
    const char *name = setting_row_of(rule->larger)->name;
    fprintf(stderr, "%s: %s=%s does not go with ", process_kind_name(config->kind), name,
            config->values[rule->larger].text);
    for (size_t i = 0; i < rule->terms_count; i++) {
        setting_id id = rule->terms[i].smaller;
        fprintf(stderr, "%s%s=%s", i > 0 ? " and " : "", setting_row_of(id)->name, config->values[id].text);
    }
    const char *unit = setting_row_of(rule->larger)->unit;
    fprintf(stderr, ": %s; %s of at least %" PRId64 " %s (%s) is needed, or less of the %s\n", rule->why,
            name, needed, unit, setting_rule_bound(rule, bound), rule->terms_count > 1 ? "others" : "other");
}

static zp_error check_rules(const config_t *config) {
    zp_error error = ZP_OK;
    for (size_t i = 0; i < SETTING_RULES_COUNT; i++) {
        const setting_rule *rule = &SETTING_RULES[i];
        if (!(setting_rule_users(rule) & config->kind) || was_refused(config, rule)) {
            continue;
        }
        int64_t needed = setting_rule_needed(rule, integer_of, config);
        if (config->values[rule->larger].integer < needed) {
            refuse_together(config, rule, needed);
            error = ZP_INVALID;
        }
    }
    return error;
}

/* What is refused is said, and the next one looked at. */
static zp_error worse(zp_error error, zp_error other) {
    return error == ZP_NO_MEMORY || other == ZP_OK ? error : other;
}

static zp_error load_values(config_t *config, const dotenv_t *dotenv) {
    zp_error error = ZP_OK;
    for (int id = 0; id < SETTINGS_COUNT && error != ZP_NO_MEMORY; id++) {
        if (setting_row_of((setting_id)id)->users & config->kind) {
            error = worse(error, load_value(config, (setting_id)id, dotenv));
        }
    }
    if (error == ZP_NO_MEMORY) {
        return error;
    }
    error = worse(error, name_process(config));
    return worse(error, check_rules(config));
}

static void print_values(const config_t *config) {
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        const setting_value *value = &config->values[id];
        if (value->text) {
            config_print_value(stdout, (setting_id)id, value->text, source_name(value->source));
        }
    }
}

zp_error config_load(config_t **ret_config, bool *ret_exit, process_kind kind, int argc, char **argv) {
    arguments given;
    zp_error error = read_arguments(kind, argc, argv, &given);
    if (error != ZP_OK) {
        return error;
    }
    if (given.help || given.version) {
        if (given.help) {
            config_print_help(stdout, kind);
        } else {
            printf("%s %s\n", process_kind_name(kind), ZPRESENCE_VERSION);
        }
        *ret_exit = true;
        return ZP_OK;
    }

    dotenv_t *dotenv = NULL;
    config_t *config = calloc(1, sizeof *config);
    if (!config) {
        error = ZP_NO_MEMORY;
        goto done;
    }
    config->kind = kind;
    error = read_dotenv(kind, &dotenv);
    if (error != ZP_OK) {
        goto done;
    }
    error = load_values(config, dotenv);
    if (error != ZP_OK && (error != ZP_INVALID || !given.check_config || given.print_config)) {
        goto done;
    }
    *ret_exit = given.print_config || given.check_config;
    if (given.print_config) {
        print_values(config);
    } else {
        *ret_config = config;
        config = NULL;
    }
done:
    if (error == ZP_NO_MEMORY) {
        fprintf(stderr, "%s: %s\n", process_kind_name(kind), zp_error_text(error));
    }
    dotenv_destroy(&dotenv);
    config_destroy(&config);
    return error;
}

void config_destroy(config_t **config) {
    if (!*config) {
        return;
    }
    for (int id = 0; id < SETTINGS_COUNT; id++) {
        free((*config)->values[id].text);
    }
    free(*config);
    *config = NULL;
}

/* A process may read only what --help says that it reads: else the row's users are wrong. */
static const setting_value *value_of(const config_t *config, setting_id id) {
    assert(setting_row_of(id)->users & config->kind);
    return &config->values[id];
}

bool config_bool(const config_t *config, setting_id id) {
    assert(setting_row_of(id)->type == SETTING_BOOL);
    return value_of(config, id)->integer != 0;
}

int64_t config_integer(const config_t *config, setting_id id) {
    assert(setting_row_of(id)->type == SETTING_INTEGER);
    return value_of(config, id)->integer;
}

uint64_t config_ms(const config_t *config, setting_id id) {
    const char *unit = setting_row_of(id)->unit;
    bool seconds = strcmp(unit, "s") == 0;
    assert(seconds || strcmp(unit, "ms") == 0);
    return (uint64_t)config_integer(config, id) * (seconds ? 1000 : 1);
}

const char *config_text(const config_t *config, setting_id id) {
    assert(setting_row_of(id)->type != SETTING_BOOL && setting_row_of(id)->type != SETTING_INTEGER);
    return value_of(config, id)->text;
}

const char *config_process_name(const config_t *config) {
    return config->values[SETTING_PROCESS_NAME].text;
}

process_kind config_process_kind(const config_t *config) {
    return config->kind;
}
