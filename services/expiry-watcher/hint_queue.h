/* hint_queue - users whose mirror key has expired, on their way to a core as Hints.
 * They wait a few milliseconds for company and leave 100 to a message, one message at a time. It is only a
 * hint: what is over HINTS_MAX, and what no core can take, is dropped and counted, and left to the sweep.
 * Owns: the ids waiting, its timer. Borrows: core link, config, metrics. Threads: the loop's. */
#ifndef ZP_EXPIRY_WATCHER_HINT_QUEUE_H
#define ZP_EXPIRY_WATCHER_HINT_QUEUE_H

#include "common/base/str_view.h"
#include "common/bus/bus_socket.h"
#include "services/expiry-watcher/core_link.h"

typedef struct hint_queue hint_queue_t;

ZP_MUST_CHECK zp_error hint_queue_new(hint_queue_t **ret_queue, const bus_context *bus, core_link_t *cores);
void hint_queue_destroy(hint_queue_t **queue);

/* `user_id` is bytes from outside: what is no user id (1..128 bytes of clean text) is refused and counted. */
void hint_queue_add(hint_queue_t *queue, str_view user_id);

#endif
