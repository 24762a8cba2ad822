#include "tests/unit/ws-edge/list_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

watch_list_t *list_of(watch_lists_t *lists, const char *letters, void *owner) {
    watch_list_t *list = NULL;
    assert_int_equal(watch_list_new(lists, strlen(letters), NULL, owner, &list), ZP_OK);
    for (; letters[0]; letters++) {
        assert_int_equal(watch_list_add(list, str_view_make(letters, 1)), ZP_OK);
    }
    return list;
}

void remove_user(watch_list_t *list, const char *id) {
    watch_list_begin_removal(list);
    watch_list_remove(list, str_view_of(id));
    watch_list_end_removal(list);
}
