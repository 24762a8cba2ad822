#include "common_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Loads with one argument; returns what was written to `fd`. */
static const char *load_with(zp_error expected, process_kind kind, const char *argument, int fd) {
    config_t *config = NULL;
    bool leave = false;
    char name[] = "test";
    char text[64] = "";
    strncpy(text, argument ? argument : "", sizeof text - 1);
    char *argv[] = {name, text, NULL};
    capture_begin(fd);
    zp_error error = config_load(&config, &leave, kind, argument ? 2 : 1, argv);
    const char *output = capture_end();
    assert_int_equal(error, expected);
    assert_null(config);
    assert_int_equal(leave, expected == ZP_OK);
    return output;
}

static const char *refusal(process_kind kind) {
    return load_with(ZP_INVALID, kind, NULL, STDERR_FILENO);
}

static void without_any_setting_the_defaults_of_the_guide_hold(void **state) {
    (void)state;
    config_t *config = load_config(EDGE);
    assert_true(config_bool(config, SETTING_PRESENCE_ENABLED));
    assert_int_equal(config_integer(config, SETTING_PRESENCE_TTL), 360);
    assert_int_equal(config_ms(config, SETTING_PRESENCE_TTL), 360000);
    assert_int_equal(config_ms(config, SETTING_PING_INTERVAL), 120000);
    assert_string_equal(config_text(config, SETTING_PRESENCE_AUDIENCE), "all");
    assert_int_equal(config_process_kind(config), EDGE);
    config_destroy(&config);
    assert_null(config);
}

static void the_environment_wins_over_the_file_and_the_file_over_the_default(void **state) {
    (void)state;
    use_dotenv("export PRESENCE_TTL=90 # seconds\nPING_INTERVAL=1000\nSOMEBODY_ELSES=x\n");
    setenv("PING_INTERVAL", "500", 1);
    config_t *config = load_config(EDGE);
    assert_int_equal(config_ms(config, SETTING_PRESENCE_TTL), 90000);
    assert_int_equal(config_ms(config, SETTING_PING_INTERVAL), 500);
    assert_int_equal(config_ms(config, SETTING_DRAIN_MS), 3000);
    config_destroy(&config);
}

static void an_empty_value_is_the_default_but_a_text_may_be_empty(void **state) {
    (void)state;
    use_dotenv("PRESENCE_TTL=90\nREDIS_PASSWORD=secret\n");
    setenv("PRESENCE_TTL", "", 1);
    setenv("REDIS_PASSWORD", "", 1);
    setenv("REDIS_HOST", "", 1);
    config_t *config = load_config(CORE);
    assert_int_equal(config_integer(config, SETTING_PRESENCE_TTL), 360);
    assert_string_equal(config_text(config, SETTING_REDIS_HOST), "");
    assert_string_equal(config_text(config, SETTING_REDIS_PASSWORD), "");
    config_destroy(&config);
}

static void a_bad_value_is_one_clear_line(void **state) {
    (void)state;
    setenv("PRESENCE_TTL", "abc", 1);
    assert_string_equal(
        refusal(EDGE),
        "ws-edge: PRESENCE_TTL=abc is not valid: a whole number of seconds from 1 to 86400 is needed\n");
    setenv("PRESENCE_TTL", "0", 1);
    assert_string_equal(
        refusal(CORE),
        "presence-core: PRESENCE_TTL=0 is not valid: a whole number of seconds from 1 to 86400 is needed\n");
    unsetenv("PRESENCE_TTL");
    setenv("PRESENCE_ENABLED", "yes", 1);
    assert_string_equal(refusal(API),
                        "http-api: PRESENCE_ENABLED=yes is not valid: true or false is needed\n");
    unsetenv("PRESENCE_ENABLED");
    setenv("LOG_LEVEL", "loud\n", 1);
    assert_string_equal(
        refusal(FANOUT),
        "fanout: LOG_LEVEL=loud\\x0a is not valid: one of debug, info, warn, error is needed\n");
}

static void all_bad_values_are_said_in_one_go(void **state) {
    (void)state;
    setenv("PRESENCE_TTL", "abc", 1);
    setenv("WS_LISTEN", "foo", 1);
    setenv("PROCESS_NAME", "ws edge", 1);
    assert_string_equal(
        refusal(EDGE),
        "ws-edge: PRESENCE_TTL=abc is not valid: a whole number of seconds from 1 to 86400 is needed\n"
        "ws-edge: WS_LISTEN=foo is not valid: host:port, as 127.0.0.1:7100 or [::1]:7100, is needed\n"
        "ws-edge: PROCESS_NAME=ws\\x20edge is not valid: printable ASCII without spaces, at most 64 bytes, "
        "is "
        "needed\n");
}

static void a_check_goes_on_behind_a_bad_value(void **state) {
    (void)state;
    setenv("PRESENCE_TTL", "abc", 1);
    config_t *config = NULL;
    bool leave = false;
    char name[] = "test", check[] = "--check-config";
    char *argv[] = {name, check, NULL};
    capture_begin(STDERR_FILENO);
    zp_error error = config_load(&config, &leave, EDGE, 2, argv);
    assert_contains(capture_end(), "PRESENCE_TTL=abc is not valid");
    assert_int_equal(error, ZP_INVALID);
    assert_true(leave);
    assert_non_null(config);
    assert_int_equal(config_integer(config, SETTING_PRESENCE_TTL), 360);
    config_destroy(&config);
}

static void a_bad_value_that_this_process_does_not_read_is_no_matter(void **state) {
    (void)state;
    setenv("PRESENCE_TTL", "abc", 1);
    setenv("REDIS_PORT", "none", 1);
    config_t *config = load_config(FANOUT);
    config_destroy(&config);
}

static void a_process_has_the_name_of_its_kind_unless_it_is_given_one(void **state) {
    (void)state;
    config_t *config = load_config(WATCHER);
    assert_string_equal(config_process_name(config), "expiry-watcher-1");
    assert_string_equal(config_text(config, SETTING_PROCESS_NAME), "expiry-watcher-1");
    config_destroy(&config);
    setenv("PROCESS_NAME", "edge@rack-7", 1);
    config = load_config(EDGE);
    assert_string_equal(config_process_name(config), "edge@rack-7");
    config_destroy(&config);
}

static void a_name_that_would_break_a_log_line_is_refused(void **state) {
    (void)state;
    char name[66];
    memset(name, 'n', sizeof name - 1);
    name[65] = '\0';
    setenv("PROCESS_NAME", name, 1);
    assert_contains(refusal(EDGE), "at most 64 bytes");
    setenv("PROCESS_NAME", "ws edge", 1);
    assert_string_equal(refusal(EDGE),
                        "ws-edge: PROCESS_NAME=ws\\x20edge is not valid: printable ASCII without "
                        "spaces, at most 64 bytes, is needed\n");
    setenv("PROCESS_NAME", "\xc3\xbc", 1);
    assert_contains(refusal(EDGE), "PROCESS_NAME=\\xc3\\xbc is not valid");
    name[64] = '\0';
    setenv("PROCESS_NAME", name, 1);
    config_t *config = load_config(EDGE);
    config_destroy(&config);
}

static void a_malformed_line_of_the_file_is_named(void **state) {
    (void)state;
    use_dotenv("PRESENCE_TTL=90\nPING_INTERVAL\n");
    char expected[256];
    snprintf(expected, sizeof expected, "ws-edge: %s:2 is not valid: NAME=value is needed\n",
             getenv("ZPRESENCE_ENV_FILE"));
    assert_string_equal(refusal(EDGE), expected);
}

static void a_file_that_was_asked_for_must_be_there(void **state) {
    (void)state;
    setenv("ZPRESENCE_ENV_FILE", "/nonexistent/.env", 1);
    assert_string_equal(refusal(EDGE), "ws-edge: /nonexistent/.env cannot be read: not found\n");
    setenv("ZPRESENCE_ENV_FILE", "/tmp", 1);
    assert_string_equal(refusal(EDGE), "ws-edge: /tmp cannot be read: Is a directory\n");
}

static void a_missing_file_that_nobody_asked_for_is_no_matter(void **state) {
    (void)state;
    char folder[] = "/tmp/zp-empty-XXXXXX";
    char back[4096];
    assert_non_null(getcwd(back, sizeof back));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    unsetenv("ZPRESENCE_ENV_FILE");
    config_t *config = load_config(EDGE);
    config_destroy(&config);
    assert_int_equal(chdir(back), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void an_unknown_argument_is_refused(void **state) {
    (void)state;
    assert_string_equal(load_with(ZP_INVALID, EDGE, "--prot 3", STDERR_FILENO),
                        "ws-edge: unknown argument --prot\\x203; see ws-edge --help\n");
}

static void help_names_the_settings_of_this_process_only(void **state) {
    (void)state;
    setenv("PRESENCE_TTL", "abc", 1); /* help is there for whoever has just got one wrong */
    const char *help = load_with(ZP_OK, EDGE, "--help", STDOUT_FILENO);
    assert_contains(help, "Usage: ws-edge");
    assert_contains(help, "PRESENCE_TTL");
    assert_contains(help, "360 s");
    assert_contains(help, "1 to 86400");
    assert_contains(help, "all, role, none");
    assert_lacks(help, "REDIS_HOST");
    assert_contains(help, "\nPEER_TIMEOUT_MS is at least 2 * BEAT_INTERVAL_MS; else ");
    assert_lacks(help, "EDGE_LEASE_MS");
    help = load_with(ZP_OK, CORE, "--help", STDOUT_FILENO);
    assert_contains(help, "REDIS_HOST");
    assert_lacks(help, "WS_LISTEN");
}

static void the_version_is_one_line(void **state) {
    (void)state;
    assert_string_equal(load_with(ZP_OK, API, "--version", STDOUT_FILENO),
                        "http-api " ZPRESENCE_VERSION "\n");
}

static void print_config_says_where_each_value_is_from(void **state) {
    (void)state;
    use_dotenv("PRESENCE_TTL=90\nREDIS_HOST=\"a b\"\n");
    setenv("META_TTL", "3600", 1);
    const char *printed = load_with(ZP_OK, CORE, "--print-config", STDOUT_FILENO);
    assert_contains(printed, "PRESENCE_TTL=90  # from .env\n");
    assert_contains(printed, "\nREDIS_HOST=\"a b\"  # from .env\n");
    assert_contains(printed, "\nMETA_TTL=3600  # from environment\n");
    assert_contains(printed, "\nREDIS_PORT=6379  # from default\n");
    assert_contains(printed, "\nPROCESS_NAME=presence-core-1  # from default\n");
    assert_lacks(printed, "WS_LISTEN");
}

static void secrets_are_never_printed(void **state) {
    (void)state;
    const char *printed = load_with(ZP_OK, CORE, "--print-config", STDOUT_FILENO);
    assert_contains(printed, "\nREDIS_PASSWORD=  # from default\n");
    setenv("REDIS_PASSWORD", "hunter2", 1);
    printed = load_with(ZP_OK, CORE, "--print-config", STDOUT_FILENO);
    assert_contains(printed, "\nREDIS_PASSWORD=********  # from environment\n");
    assert_lacks(printed, "hunter2");
}

/* What is printed can be kept as a .env file, and gives the same again. */
static void what_is_printed_can_be_read_again(void **state) {
    (void)state;
    setenv("REDIS_HOST", "a \"b\" #c\\n", 1);
    setenv("META_TTL", "3600", 1);
    char printed[8192];
    strncpy(printed, load_with(ZP_OK, CORE, "--print-config", STDOUT_FILENO), sizeof printed - 1);
    printed[sizeof printed - 1] = '\0';
    clean_environment(NULL);
    use_dotenv(printed);
    config_t *config = load_config(CORE);
    assert_string_equal(config_text(config, SETTING_REDIS_HOST), "a \"b\" #c\\n");
    assert_int_equal(config_integer(config, SETTING_META_TTL), 3600);
    config_destroy(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_any_setting_the_defaults_of_the_guide_hold, clean_environment),
        cmocka_unit_test_setup(the_environment_wins_over_the_file_and_the_file_over_the_default,
                               clean_environment),
        cmocka_unit_test_setup(an_empty_value_is_the_default_but_a_text_may_be_empty, clean_environment),
        cmocka_unit_test_setup(a_bad_value_is_one_clear_line, clean_environment),
        cmocka_unit_test_setup(all_bad_values_are_said_in_one_go, clean_environment),
        cmocka_unit_test_setup(a_check_goes_on_behind_a_bad_value, clean_environment),
        cmocka_unit_test_setup(a_bad_value_that_this_process_does_not_read_is_no_matter, clean_environment),
        cmocka_unit_test_setup(a_process_has_the_name_of_its_kind_unless_it_is_given_one, clean_environment),
        cmocka_unit_test_setup(a_name_that_would_break_a_log_line_is_refused, clean_environment),
        cmocka_unit_test_setup(a_malformed_line_of_the_file_is_named, clean_environment),
        cmocka_unit_test_setup(a_file_that_was_asked_for_must_be_there, clean_environment),
        cmocka_unit_test_setup(a_missing_file_that_nobody_asked_for_is_no_matter, clean_environment),
        cmocka_unit_test_setup(an_unknown_argument_is_refused, clean_environment),
        cmocka_unit_test_setup(help_names_the_settings_of_this_process_only, clean_environment),
        cmocka_unit_test_setup(the_version_is_one_line, clean_environment),
        cmocka_unit_test_setup(print_config_says_where_each_value_is_from, clean_environment),
        cmocka_unit_test_setup(secrets_are_never_printed, clean_environment),
        cmocka_unit_test_setup(what_is_printed_can_be_read_again, clean_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
