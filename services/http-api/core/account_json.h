/* account_json - accounts as the overview's clients read them. Times are ISO 8601, null where there is none.
 * Owns: nothing; texts are borrowed. Threads: none. */
#ifndef ZP_HTTP_API_ACCOUNT_JSON_H
#define ZP_HTTP_API_ACCOUNT_JSON_H

#include "common/presence/status.h"
#include "services/http-api/core/text_buffer.h"
#include <stdint.h>

typedef struct account_view {
    const char *username, *display_name, *device_type; /* "": none; of the display name: the username */
    const char *metadata; /* a JSON object; "", or what is none, is shown as {} */
    uint64_t created_at_ms, last_seen_ms, total_sessions;
    presence_status status;
    uint64_t since_ms, presence_last_seen_ms;
    bool presence_known; /* false: presence is being rebuilt, and null is said of it */
    bool is_online, is_favorite;
    uint64_t added_at_ms;
} account_view;

/* How much of an account is shown. */
typedef enum account_shape {
    ACCOUNT_PROFILE, /* all but what makes it a contact */
    ACCOUNT_ENTRY,   /* of a list: no metadata */
    ACCOUNT_CONTACT, /* of a list of contacts: is_favorite and added_at too */
} account_shape;

/* One object. */
void account_json_add(text_buffer *out, account_shape shape, const account_view *account);

/* Favourites first, then who is online, then by username (bytes). */
void account_json_sort_contacts(account_view *contacts, size_t count);

#endif
