/* online_list - the answer of GET /api/calls/online-users while it is put together, and as JSON (CONTRACT C).
 * Owns: copies of what is added, at most `most` users. Threads: none. Cost: O(1) an addition, O(n log n) the
 * answer. */
#ifndef ZP_HTTP_API_ONLINE_LIST_H
#define ZP_HTTP_API_ONLINE_LIST_H

#include "common/base/error.h"
#include "common/presence/status.h"
#include "services/http-api/core/text_buffer.h"
#include <stdint.h>

typedef struct online_list online_list_t;

typedef struct listed_user {
    const char *username, *display_name; /* display_name "": none was given */
    presence_status status;
    uint64_t last_seen_ms; /* unix ms, 0: never */
    bool is_fresh;         /* a socket is open, or a heartbeat came within ONLINE_FRESHNESS */
    bool is_favourite;
} listed_user;

/* Whether a user counts as online: shown online, and heard from lately. */
bool online_list_is_online(presence_status status, bool is_fresh);

/* `excluded` is not listed, "": nobody; who is offline only with include_offline. NULL: memory is out. */
online_list_t *online_list_new(size_t most, const char *excluded, bool include_offline);
void online_list_destroy(online_list_t **list);

/* Who is listed already stays as they are. ZP_FULL: no room; the answer will say that it was cut. */
ZP_MUST_CHECK zp_error online_list_add(online_list_t *list, const listed_user *user);

/* The whole body: favourites first, then who is online, then by name. */
void online_list_json(online_list_t *list, bool contacts_only, text_buffer *out);

#endif
