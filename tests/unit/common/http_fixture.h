/* http_fixture - a client of plain sockets on the same thread as the server: it turns the server's loop
 * itself. */
#ifndef ZP_TESTS_HTTP_FIXTURE_H
#define ZP_TESTS_HTTP_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

/* A connected socket that does not block. */
int http_dial(const char *address);

void http_say(int fd, const char *text);

/* Turns the loop until an answer is complete, the server closes, or `deadline_ms` have passed. Returns what
 * came,
 * "" for nothing; the text lives until the next call. `head_only` is for answers to HEAD. */
const char *http_hear(uv_loop_t *loop, int fd, uint64_t deadline_ms, bool head_only);

/* Whether the server closes `fd` within `deadline_ms`. */
bool http_is_closed(uv_loop_t *loop, int fd, uint64_t deadline_ms);

/* One request on a connection of its own. */
const char *http_ask(uv_loop_t *loop, const char *address, const char *method, const char *target);

/* The loop for so long. */
void http_turn(uv_loop_t *loop, uint64_t for_ms);

#endif
