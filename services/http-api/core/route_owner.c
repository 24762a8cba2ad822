#include "services/http-api/core/route_owner.h"
#include <jansson.h>
#include <stdio.h>

bool body_names_user(str_view body, const char *user_id) {
    json_t *json =
        json_loadb(body.ptr ? body.ptr : "", body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *named = json_object_get(json, "username");
    bool same = false;
    if (json_is_string(named)) {
        same = str_view_equal(str_view_make(json_string_value(named), json_string_length(named)),
                              str_view_of(user_id));
    } else if (json_is_integer(named)) {
        char digits[32];
        (void)snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(named));
        same = str_view_equal(str_view_of(digits), str_view_of(user_id));
    }
    json_decref(json);
    return same;
}
