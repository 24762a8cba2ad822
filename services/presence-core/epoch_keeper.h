/* epoch_keeper - whether this core may serve: is Redis there, is it the master, and is its data still what
 * everybody has seen (DESIGN section 2, "Redis lost data")? Asked at each connection and every
 * BEAT_INTERVAL_MS, and at once when a script finds another epoch.
 *
 *     NO_REDIS ──connected──> CHECKING ──epoch.lua has answered──> SERVING
 *        ^                     ^    │                                 │
 *        │                     │    └──role is not master──> NOT_MASTER
 *        └───────── connection lost ──────────── another epoch, role ─┘
 *
 * Beside that: Redis may fall silent while connected (stopped, or on a machine that stands still). A second
 * of that, and this core does not serve until it answers: who waits for a silent Redis cannot tell it from a
 * silent core. What was asked before is answered when Redis is back.
 *
 * Owns: the script_caller, what it heard of positions and incarnations. Borrows: bus context. Threads: the
 * loop's. */
#ifndef ZP_PRESENCE_CORE_EPOCH_KEEPER_H
#define ZP_PRESENCE_CORE_EPOCH_KEEPER_H

#include "common/presence/log_position.h"
#include "services/presence-core/script_caller.h"

typedef struct epoch_keeper epoch_keeper_t;

typedef struct epoch_keeper_events {
    /* epoch.lua has answered: position and rebuilding are fresh. */
    void (*on_checked)(void *context);
    /* With each check of a core that serves, so that Redis answers both at once; after one that made it
     * serve. */
    void (*on_beat)(void *context);
    /* Redis does not answer any more, though connected, or does again. */
    void (*on_silence)(void *context, bool silent);
} epoch_keeper_events;

ZP_MUST_CHECK zp_error epoch_keeper_new(epoch_keeper_t **ret_keeper, const bus_context *bus,
                                        const epoch_keeper_events *events, void *context);
void epoch_keeper_destroy(epoch_keeper_t **keeper);
/* No further checks: what is under way is left to finish. */
void epoch_keeper_quiesce(epoch_keeper_t *keeper);

script_caller_t *epoch_keeper_scripts(epoch_keeper_t *keeper);

bool epoch_keeper_is_serving(const epoch_keeper_t *keeper);
/* Epoch 0: none known yet. */
log_position epoch_keeper_position(const epoch_keeper_t *keeper);
/* The TIME that Redis will have in `in_ms`; REDIS_TIME_NEVER where its clock is not known yet. */
#define REDIS_TIME_NEVER (UINT64_C(1) << 53)
uint64_t epoch_keeper_redis_time_in(const epoch_keeper_t *keeper, uint64_t in_ms);
bool epoch_keeper_is_rebuilding(const epoch_keeper_t *keeper);

/* A script answered with `seq` under `epoch`. */
void epoch_keeper_note_seq(epoch_keeper_t *keeper, uint64_t epoch, uint64_t seq);
/* A beat: what the peer has seen, and the incarnation it holds ("" for none). */
void epoch_keeper_note_beat(epoch_keeper_t *keeper, log_position seen, str_view incarnation);
/* A script that was called for `epoch` answered CALL_OTHER_EPOCH. */
void epoch_keeper_other_epoch(epoch_keeper_t *keeper, uint64_t epoch);

/* What is wrong with Redis in a few words that name no address ("Redis does not answer"); NULL: nothing. */
const char *epoch_keeper_trouble(const epoch_keeper_t *keeper);

/* Why this core is not ready, in words; returns how many reasons were put into `reasons`. They live until the
 * next call. */
size_t epoch_keeper_reasons(epoch_keeper_t *keeper, const char *reasons[], size_t reasons_max);

#endif
