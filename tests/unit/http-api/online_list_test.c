/* online_list: who is listed, in which order, as which JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/http-api/core/online_list.h"

static zp_error add(online_list_t *list, const char *name, presence_status status, bool fresh,
                    bool favourite) {
    const listed_user user = {name, "", status, 0, fresh, favourite};
    return online_list_add(list, &user);
}

static char *json(online_list_t *list, bool contacts_only) {
    text_buffer out = {0};
    size_t len = 0;
    online_list_json(list, contacts_only, &out);
    text_add_view(&out, str_view_make("", 1));
    return text_take(&out, &len);
}

/* The names of the list, one letter each. */
static void assert_order(online_list_t *list, const char *letters) {
    char *text = json(list, false), found[20] = "";
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, "\"username\":\"")) != NULL;) {
        at += strlen("\"username\":\"");
        found[count++] = *at;
    }
    found[count] = '\0';
    assert_string_equal(found, letters);
    free(text);
}

static void the_json_is_that_of_the_contract(void **state) {
    (void)state;
    online_list_t *list = online_list_new(9, "me", false);
    const listed_user user = {"t\"v", "Living", STATUS_ONLINE, 1701516645123, true, true};
    assert_int_equal(online_list_add(list, &user), ZP_OK);
    char *text = json(list, true);
    assert_string_equal(text,
                        "{\"success\":true,\"users\":[{\"username\":\"t\\\"v\",\"display_name\":\"Living\","
                        "\"last_seen\":\"2023-12-02T11:30:45.123Z\",\"presence_status\":\"online\","
                        "\"is_online\":true,\"is_favorite\":true}],\"count\":1,\"contacts_only\":true,"
                        "\"include_offline\":false}");
    free(text);
    online_list_destroy(&list);
    list = online_list_new(9, "", true);
    text = json(list, false);
    assert_string_equal(text, "{\"success\":true,\"users\":[],\"count\":0,\"contacts_only\":false,"
                              "\"include_offline\":true}");
    free(text);
    online_list_destroy(&list);
}

static void favourites_first_then_who_is_online_then_by_name(void **state) {
    (void)state;
    online_list_t *list = online_list_new(9, "", true);
    assert_int_equal(add(list, "h", STATUS_OFFLINE, false, false), ZP_OK);
    assert_int_equal(add(list, "g", STATUS_ONLINE, true, false), ZP_OK);
    assert_int_equal(add(list, "b", STATUS_ONLINE, false, false), ZP_OK); /* stale: not online */
    assert_int_equal(add(list, "c", STATUS_ONLINE, true, false), ZP_OK);
    assert_int_equal(add(list, "z", STATUS_OFFLINE, false, true), ZP_OK);
    assert_int_equal(add(list, "y", STATUS_ONLINE, true, true), ZP_OK);
    assert_int_equal(add(list, "a", STATUS_BUSY, true, false), ZP_OK);
    assert_order(list, "yzcgabh");
    online_list_destroy(&list);
}

static void each_is_listed_once_and_the_viewer_never(void **state) {
    (void)state;
    online_list_t *list = online_list_new(9, "m", false);
    assert_int_equal(add(list, "m", STATUS_ONLINE, true, false), ZP_OK);
    assert_int_equal(add(list, "a", STATUS_ONLINE, true, true), ZP_OK);
    assert_int_equal(add(list, "a", STATUS_BUSY, true, false), ZP_OK);
    assert_int_equal(add(list, "f", STATUS_OFFLINE, true, true), ZP_OK);
    assert_order(list, "a");
    online_list_destroy(&list);
}

static void what_does_not_fit_is_said_to_be_cut(void **state) {
    (void)state;
    online_list_t *list = online_list_new(2, "", false);
    assert_int_equal(add(list, "a", STATUS_ONLINE, true, false), ZP_OK);
    assert_int_equal(add(list, "b", STATUS_ONLINE, true, false), ZP_OK);
    assert_int_equal(add(list, "b", STATUS_ONLINE, true, false), ZP_OK);
    char *text = json(list, false);
    assert_null(strstr(text, "truncated"));
    free(text);
    assert_int_equal(add(list, "c", STATUS_ONLINE, true, false), ZP_FULL);
    text = json(list, false);
    assert_non_null(strstr(text, "\"count\":2,"));
    assert_non_null(strstr(text, ",\"truncated\":true}"));
    free(text);
    online_list_destroy(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_is_that_of_the_contract),
        cmocka_unit_test(favourites_first_then_who_is_online_then_by_name),
        cmocka_unit_test(each_is_listed_once_and_the_viewer_never),
        cmocka_unit_test(what_does_not_fit_is_said_to_be_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
