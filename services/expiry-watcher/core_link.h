/* core_link - the watcher's side of the watcher-core arrow: beats to every core, ticks and hints to one live
 * core. Owns: the peer set. Borrows: the process. Threads: the loop's. */
#ifndef ZP_EXPIRY_WATCHER_CORE_LINK_H
#define ZP_EXPIRY_WATCHER_CORE_LINK_H

#include "common/base/error.h"
#include "common/runtime/process.h"
#include "proto/valid.h"
#include <stddef.h>
#include <stdint.h>

typedef struct core_link core_link_t;

enum { CORE_LINK_HINT_MAX = VALID_HINT_USERS_MAX };

typedef struct core_link_events {
    /* The answer to a tick; it may be late, or answer one that was given up. */
    void (*on_tick_reply)(void *context, const Zp__TickReply *reply);
    /* The core that was asked last has ceased to live: its answer will not come. */
    void (*on_tick_lost)(void *context);
} core_link_events;

ZP_MUST_CHECK zp_error core_link_new(core_link_t **ret_link, const process_t *process,
                                     const core_link_events *events, void *context);
void core_link_destroy(core_link_t **link);

/* Sends a tick to a live core: which one depends on `turn` alone while the same cores live, so that watchers
 * and turns spread over them. ZP_UNAVAILABLE: none lives, or it cannot take it now. */
ZP_MUST_CHECK zp_error core_link_tick(core_link_t *link, uint64_t request_id, uint64_t turn);

/* At most CORE_LINK_HINT_MAX ids. ZP_UNAVAILABLE as above: nothing is kept. */
ZP_MUST_CHECK zp_error core_link_hint(core_link_t *link, char **user_ids, size_t user_ids_count);

/* After process_run: every core hears that this process ends. Does not wait. */
void core_link_tell_end(core_link_t *link);

size_t core_link_live_count(const core_link_t *link);

#endif
