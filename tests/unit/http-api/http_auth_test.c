/* http_auth: settings that cannot be used are told in one line, which names them. */
#include "services/http-api/http_auth.h"
#include "tests/unit/common/common_fixture.h"
#include <stdlib.h>
#include <unistd.h>

/* What is logged where http_auth refuses these settings, name and value in turn up to a NULL. */
static const char *refusal(const char *const *settings) {
    void *no_state = NULL;
    clean_environment(&no_state);
    for (; settings[0]; settings += 2) {
        setenv(settings[0], settings[1], 1);
    }
    config_t *config = load_config(API);
    capture_begin(STDERR_FILENO);
    bool usable = http_auth_is_usable(config);
    const char *logged = capture_end();
    config_destroy(&config);
    assert_false(usable);
    return logged;
}

static void settings_that_ask_for_keys_are_named_where_there_are_none(void **state) {
    (void)state;
    const char *one[] = {"HTTP_AUTH_WRITE", "apikey", "HTTP_AUTH_READ", "off", NULL};
    assert_contains(refusal(one), "auth.api_keys_refused setting=HTTP_AUTH_WRITE reason=");
    const char *two[] = {"HTTP_AUTH_OPS", "apikey", "HTTP_AUTH_READ", "apikey", NULL};
    const char *logged = refusal(two);
    assert_contains(logged, "setting=HTTP_AUTH_READ,HTTP_AUTH_OPS ");
    assert_contains(logged, "set API_KEYS or API_KEYS_FILE");
    assert_lacks(logged, "entry=");
}

static void settings_that_ask_for_tokens_are_named_where_there_is_no_key(void **state) {
    (void)state;
    const char *all[] = {"HTTP_AUTH_READ", "jwt", "HTTP_AUTH_WRITE", "jwt", "HTTP_AUTH_OPS", "jwt", NULL};
    assert_contains(refusal(all), "auth.key_refused setting=HTTP_AUTH_READ,HTTP_AUTH_WRITE,HTTP_AUTH_OPS ");
}

static void an_entry_is_named_where_one_is_at_fault(void **state) {
    (void)state;
    const char *second[] = {"HTTP_AUTH_READ", "apikey", "API_KEYS",
                            "one:read:a-secret-of-the-first,two:all:other", NULL};
    assert_contains(refusal(second), "setting=API_KEYS entry=2 ");
    const char *unreadable[] = {"HTTP_AUTH_READ", "apikey", "API_KEYS_FILE", "/nowhere/keys", NULL};
    const char *logged = refusal(unreadable);
    assert_contains(logged, "setting=API_KEYS_FILE ");
    assert_lacks(logged, "entry=");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_that_ask_for_keys_are_named_where_there_are_none),
        cmocka_unit_test(settings_that_ask_for_tokens_are_named_where_there_is_no_key),
        cmocka_unit_test(an_entry_is_named_where_one_is_at_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
