/* sse_client - reads an event stream as a browser does (HTML standard 9.2.6), as far as ours go, and keeps
 * what a page would: the status of each user. Fails the test where it is told what it knows already. */
#ifndef ZP_TESTS_SSE_CLIENT_H
#define ZP_TESTS_SSE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

enum { SSE_USERS_MAX = 16, SSE_TEXT_BYTES = 256 };

typedef struct sse_client {
    char line[1024], event[32], data[512];
    size_t line_bytes;
    char id[SSE_TEXT_BYTES], last_event_id[SSE_TEXT_BYTES]; /* of the block at hand; of the last that ended */
    struct sse_user {
        char id[SSE_TEXT_BYTES], status[SSE_TEXT_BYTES];
    } users[SSE_USERS_MAX];
    size_t users_count, resets, readies, changes, states, comments;
    bool stating; /* between reset and ready */
} sse_client;

void sse_client_feed(sse_client *client, const char *bytes, size_t len);
/* The connection is gone: what was begun is forgotten. */
void sse_client_cut(sse_client *client);
/* "offline" of whoever was not named. */
const char *sse_client_status(const sse_client *client, const char *user);

#endif
