/* list_cursor - where the next page of a list of users begins, as clients carry it: opaque to them, and good
 * for ever, because it names the user behind whom to go on, not a place in a list. Owns: nothing. Threads:
 * none. */
#ifndef ZP_HTTP_API_LIST_CURSOR_H
#define ZP_HTTP_API_LIST_CURSOR_H

#include "services/http-api/core/text_buffer.h"

enum { LIST_CURSOR_USER_BYTES = 129 }; /* a user id and its NUL */

/* As a JSON string. */
void list_cursor_add(text_buffer *out, str_view user_id);

/* False: no cursor of ours. */
bool list_cursor_read(str_view text, char ret_user_id[LIST_CURSOR_USER_BYTES]);

#endif
