#include "common/config/dotenv.h"
#include "common_fixture.h"
#include <stdlib.h>

static dotenv_t *parse(const char *text) {
    dotenv_t *dotenv = NULL;
    dotenv_problem problem = {0, ""};
    assert_int_equal(dotenv_parse(&dotenv, str_view_of(text), &problem), ZP_OK);
    return dotenv;
}

static void assert_parses(const char *text, const char *value) {
    dotenv_t *dotenv = parse(text);
    const char *got = dotenv_get(dotenv, "A");
    assert_non_null(got);
    assert_string_equal(got, value);
    dotenv_destroy(&dotenv);
}

static void assert_refused(const char *text, unsigned line) {
    dotenv_t *dotenv = NULL;
    dotenv_problem problem = {0, ""};
    assert_int_equal(dotenv_parse(&dotenv, str_view_of(text), &problem), ZP_INVALID);
    assert_null(dotenv);
    assert_int_equal(problem.line, line);
    assert_true(problem.text[0] != '\0');
}

static void the_example_of_the_guide_is_read(void **state) {
    (void)state;
    dotenv_t *dotenv =
        parse("# Presence System Configuration\n"
              "PRESENCE_ENABLED=true           # Enable/disable presence system (default: true)\n"
              "PRESENCE_TTL=360                # Time in seconds before marking offline\n"
              "\n"
              "REDIS_PASSWORD=                 # Leave empty if no password\n"
              "SECRET_KEY=your-secret-key      # Required if USE_AUTHENTICATION=true\n");
    assert_string_equal(dotenv_get(dotenv, "PRESENCE_ENABLED"), "true");
    assert_string_equal(dotenv_get(dotenv, "PRESENCE_TTL"), "360");
    assert_string_equal(dotenv_get(dotenv, "REDIS_PASSWORD"), "");
    assert_string_equal(dotenv_get(dotenv, "SECRET_KEY"), "your-secret-key");
    assert_null(dotenv_get(dotenv, "USE_AUTHENTICATION"));
    assert_null(dotenv_get(dotenv, "PRESENCE"));
    dotenv_destroy(&dotenv);
}

static void forms_that_other_readers_take_are_taken(void **state) {
    (void)state;
    assert_parses("export A=1", "1");
    assert_parses("export\tA=1", "1");
    assert_parses("  A = 1  ", "1");
    assert_parses("A=1\r\n", "1");
    assert_parses("\xef\xbb\xbf"
                  "A=1",
                  "1");
    assert_parses("A=1\nA=2", "2");
    assert_parses("export=x\nA=y", "y");
    assert_parses("A=a=b", "a=b");
    assert_parses("A=a b", "a b");
}

static void a_hash_begins_a_comment_only_after_a_space(void **state) {
    (void)state;
    assert_parses("A=a#b", "a#b");
    assert_parses("A=a #b", "a");
    assert_parses("A=a\t# b", "a");
    assert_parses("A=#b", "");
    assert_parses("A=\"a #b\" # c", "a #b");
    assert_parses("A='a #b'#c", "a #b");
}

static void quotes_keep_what_is_between_them(void **state) {
    (void)state;
    assert_parses("A=\" a \"", " a ");
    assert_parses("A=''", "");
    assert_parses("A=\"1\\n2\\t\\\"\\\\\\r\"", "1\n2\t\"\\\r");
    assert_parses("A=\"\\d\"", "\\d");
    assert_parses("A='1\\n2'", "1\\n2");
    assert_parses("A='\"'", "\"");
    assert_parses("A=it's", "it's");
}

static void a_malformed_line_is_named(void **state) {
    (void)state;
    assert_refused("A=1\n\nPRESENCE_TTL 90\n", 3);
    assert_refused("A", 1);
    assert_refused("=1", 1);
    assert_refused("1A=1", 1);
    assert_refused("A B=1", 1);
    assert_refused("export", 1);
    assert_refused("# fine\nA=\"1", 2);
    assert_refused("A='1\n'", 1);
    assert_refused("A=\"1\\\"", 1);
    assert_refused("A=\"1\"2", 1);
}

static void a_nul_byte_is_refused(void **state) {
    (void)state;
    dotenv_t *dotenv = NULL;
    dotenv_problem problem = {0, ""};
    assert_int_equal(dotenv_parse(&dotenv, str_view_make("A=1\nB=\0", 7), &problem), ZP_INVALID);
    assert_int_equal(problem.line, 2);
}

static void a_file_beyond_the_limit_is_refused(void **state) {
    (void)state;
    char *text = malloc(DOTENV_BYTES_MAX + 2);
    memset(text, '#', DOTENV_BYTES_MAX + 1);
    text[DOTENV_BYTES_MAX + 1] = '\0';
    assert_refused(text, 0);
    use_dotenv(text);
    dotenv_t *dotenv = NULL;
    dotenv_problem problem = {1, ""};
    assert_int_equal(dotenv_read(&dotenv, getenv("ZPRESENCE_ENV_FILE"), &problem), ZP_INVALID);
    assert_int_equal(problem.line, 0);
    text[DOTENV_BYTES_MAX] = '\0';
    dotenv = parse(text);
    dotenv_destroy(&dotenv);
    free(text);
}

static void what_cannot_be_read_is_told_apart(void **state) {
    (void)state;
    dotenv_t *dotenv = NULL;
    dotenv_problem problem;
    assert_int_equal(dotenv_read(&dotenv, "/nonexistent/.env", &problem), ZP_NOT_FOUND);
    assert_int_equal(dotenv_read(&dotenv, "/tmp", &problem), ZP_SYSTEM);
}

/* The sanitizers are the judge here. */
static void no_bytes_break_it(void **state) {
    (void)state;
    static const char pieces[] = "A=\"'\\# \t\r\n\0x=export";
    uint32_t seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = pieces[(seed >> 16) % (sizeof pieces - 1)];
        }
        char *exact = malloc(sizeof text); /* on the heap, so that one byte too many is seen */
        memcpy(exact, text, sizeof text);
        dotenv_t *dotenv = NULL;
        dotenv_problem problem;
        if (dotenv_parse(&dotenv, str_view_make(exact, sizeof text), &problem) == ZP_OK) {
            dotenv_destroy(&dotenv);
        }
        free(exact);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_guide_is_read),
        cmocka_unit_test(forms_that_other_readers_take_are_taken),
        cmocka_unit_test(a_hash_begins_a_comment_only_after_a_space),
        cmocka_unit_test(quotes_keep_what_is_between_them),
        cmocka_unit_test(a_malformed_line_is_named),
        cmocka_unit_test(a_nul_byte_is_refused),
        cmocka_unit_test(a_file_beyond_the_limit_is_refused),
        cmocka_unit_test(what_cannot_be_read_is_told_apart),
        cmocka_unit_test(no_bytes_break_it),
    };
    return cmocka_run_group_tests(tests, clean_environment, NULL);
}
