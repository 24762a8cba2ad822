/* core_link - what this edge tells the cores: its lease, statements, touches; each acknowledged, and sent
 * again where it is not, to whichever core its user then belongs to (DESIGN section 4.1). Two queues:
 * statements leave within STATEMENT_DELAY_MS, up to five times that after a message in which many left (those
 * of users who left: LEAVE_DELAY_MS); touches wait up to min(1 s, PRESENCE_TTL / 20). Bounded:
 * STATEMENT_BATCHES_MAX messages in flight; beyond it users wait, each once however often they change. Owns:
 * the peers, the queues, the lease. Borrows: the sessions. Threads: the loop's. */
#ifndef ZP_WS_EDGE_CORE_LINK_H
#define ZP_WS_EDGE_CORE_LINK_H

#include "common/base/error.h"
#include "common/presence/watch_view.h"
#include "common/runtime/process.h"
#include "proto/edge_core.pb-c.h"
#include "services/ws-edge/core/rosters.h"
#include "services/ws-edge/core/sessions.h"

typedef struct core_link core_link_t;

typedef struct core_link_hooks {
    /* A core says that this connection of `user_id` has to go. */
    void (*kick)(void *context, str_view user_id, uint64_t connection);
    /* The answer to core_link_ask_online, once for each: NULL where none came, or it may be asked again. */
    void (*online)(void *context, uint64_t request_id, const Zp__OnlineReply *reply);
    /* Likewise to core_link_ask_statuses. */
    void (*statuses)(void *context, uint64_t request_id, const Zp__StatusReply *reply);
    /* Likewise to core_link_ask_rosters. */
    void (*rosters)(void *context, const Zp__RostersReply *reply);
    /* Likewise to core_link_change_group; UNKNOWN: it may have been carried out, or may not. */
    void (*group_changed)(void *context, uint64_t request_id, Zp__GroupResult result);
} core_link_hooks;

ZP_MUST_CHECK zp_error core_link_new(core_link_t **ret_link, process_t *process, sessions_t *sessions,
                                     const core_link_hooks *hooks, void *context);
void core_link_destroy(core_link_t **link);

void core_link_changed(core_link_t *link, edge_user *user, const char *reason);
void core_link_alive(core_link_t *link, edge_user *user);

/* Asks the core that `key` belongs to for everybody behind `after` who is not offline, at most `most` of
 * them. False: no core can be asked now. The answer never comes from within. */
bool core_link_ask_online(core_link_t *link, str_view key, const char *after, uint32_t most, bool devices,
                          uint64_t *ret_request_id);

/* Likewise for the users named. */
bool core_link_ask_statuses(core_link_t *link, str_view key, char *const *user_ids, size_t count,
                            uint64_t *ret_request_id);

/* Likewise which of these have changed; ROSTERS_ASKED_MAX at most. */
bool core_link_ask_rosters(core_link_t *link, const roster_t *const rosters[], size_t count);

/* Tells the core of `user_id` that this user joins a group, or leaves it. False, and answered: likewise. What
 * is told of one user is carried out in that order while the same core is there. */
bool core_link_change_group(core_link_t *link, const char *user_id, str_view group_id, bool joins,
                            uint64_t *ret_request_id);

/* Ends the lease, after what is still to be said has been said or a second has passed; `on_left` is called
 * when the core has acknowledged that, or cannot be reached. */
void core_link_leave(core_link_t *link, void (*on_left)(void *context), void *context);

/* After process_run: every core hears that this process ends. Does not wait. */
void core_link_tell_end(core_link_t *link);

/* The highest position that a core has named. */
log_position core_link_position(const core_link_t *link);

/* A text that says why this edge may not speak now, or NULL. */
const char *core_link_trouble(const core_link_t *link);
size_t core_link_waiting_count(const core_link_t *link);
/* As many users as may be under way to the cores, and as many again of whom nothing is said yet: the cores
 * are behind. */
bool core_link_is_congested(const core_link_t *link);

#endif
