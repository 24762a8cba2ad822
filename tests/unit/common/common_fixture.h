/* common_fixture - what the tests of common/ share: a clean environment, .env files, captured output. */
#ifndef ZP_TESTS_COMMON_FIXTURE_H
#define ZP_TESTS_COMMON_FIXTURE_H

/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "common/config/config.h"
#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

/* cmocka group setup: no setting of whoever runs the tests reaches them, and no .env file is read. */
int clean_environment(void **state);

/* Has config_load read `text` as its .env file. */
void use_dotenv(const char *text);

/* Loads with no arguments; fails the test where that fails. */
config_t *load_config(process_kind kind);

/* What a file descriptor is given between the two calls. capture_end returns a text that lives until the
 * next. */
void capture_begin(int fd);
const char *capture_end(void);

void assert_contains(const char *text, const char *part);
void assert_lacks(const char *text, const char *part);

#endif
