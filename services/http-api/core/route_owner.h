/* route_owner - whose it is that a request writes, as its JSON body says. Owns: nothing. Threads: none. */
#ifndef ZP_HTTP_API_ROUTE_OWNER_H
#define ZP_HTTP_API_ROUTE_OWNER_H

#include "common/base/str_view.h"
#include <stdbool.h>

/* Whether the body's "username" is `user_id` and nothing else: false where it is not said, said twice (what
 * reads the body afterwards might see the other one), or the body cannot be read. A number stands for its
 * digits. */
bool body_names_user(str_view body, const char *user_id);

#endif
