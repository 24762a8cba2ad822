#include "common_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char dotenv_path[] = "/tmp/zp-dotenv-XXXXXX";
static bool dotenv_made;

static void remove_dotenv(void) {
    unlink(dotenv_path);
}

int clean_environment(void **state) {
    (void)state;
    clearenv();
    setenv("ZPRESENCE_ENV_FILE", "/dev/null", 1);
    return 0;
}

void use_dotenv(const char *text) {
    if (!dotenv_made) {
        int fd = mkstemp(dotenv_path);
        assert_true(fd >= 0);
        close(fd);
        dotenv_made = true;
        atexit(remove_dotenv);
    }
    FILE *file = fopen(dotenv_path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    setenv("ZPRESENCE_ENV_FILE", dotenv_path, 1);
}

config_t *load_config(process_kind kind) {
    config_t *config = NULL;
    bool leave = false;
    char name[] = "test";
    char *argv[] = {name, NULL};
    assert_int_equal(config_load(&config, &leave, kind, 1, argv), ZP_OK);
    assert_false(leave);
    assert_non_null(config);
    return config;
}

static int captured_fd = -1;
static int kept_fd = -1;
static FILE *captured;
static char captured_text[65536];

void capture_begin(int fd) {
    assert_null(captured);
    captured = tmpfile();
    assert_non_null(captured);
    (void)fflush(NULL);
    captured_fd = fd;
    kept_fd = dup(fd);
    assert_true(dup2(fileno(captured), fd) >= 0);
}

const char *capture_end(void) {
    (void)fflush(NULL);
    assert_true(dup2(kept_fd, captured_fd) >= 0);
    close(kept_fd);
    rewind(captured);
    size_t len = fread(captured_text, 1, sizeof captured_text - 1, captured);
    captured_text[len] = '\0';
    (void)fclose(captured);
    captured = NULL;
    return captured_text;
}

void assert_contains(const char *text, const char *part) {
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

void assert_lacks(const char *text, const char *part) {
    if (strstr(text, part)) {
        fail_msg("\"%s\" is in:\n%s", part, text);
    }
}
