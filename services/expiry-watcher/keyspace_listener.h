/* keyspace_listener - hears from Redis which mirror keys (presence:user:<id>) expire, as far as Redis tells.
 * Notifications are a hint that makes things faster (FACTS: Redis 7.0): without them the sweep alone takes
 * users offline, at the same bound. So nothing here makes the process not ready: it warns, sets a gauge, and
 * goes on looking, every KEYSPACE_CHECK_MS, because somebody may switch them off, or on, under way. Where
 * notify-keyspace-events lacks E or x, it adds them to what is there, if Redis lets it. Owns: two connections
 * to Redis, since one that subscribes may do nothing else. Borrows: hint queue, config, metrics. Threads: the
 * loop's. */
#ifndef ZP_EXPIRY_WATCHER_KEYSPACE_LISTENER_H
#define ZP_EXPIRY_WATCHER_KEYSPACE_LISTENER_H

#include "common/bus/bus_socket.h"
#include "services/expiry-watcher/hint_queue.h"

typedef struct keyspace_listener keyspace_listener_t;

ZP_MUST_CHECK zp_error keyspace_listener_new(keyspace_listener_t **ret_listener, const bus_context *bus,
                                             hint_queue_t *hints);
void keyspace_listener_destroy(keyspace_listener_t **listener);

#endif
