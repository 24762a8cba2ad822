/* peer_set - all peers of one kind, a DEALER to each, who of them lives, and which one a key belongs to.
 * Every BEAT_INTERVAL_MS, and as soon as a connection comes up, it asks its owner for a beat and sends it to
 * each connected peer; a peer that was heard within PEER_TIMEOUT_MS is live (METRIC_PEERS_LIVE counts them).
 * Silence is not counted while this process's own loop stood still. Owns: the DEALERs, an endpoint_list.
 * Threads: the loop's. Callbacks may send, choose and beat, and may not destroy the set; none is called from
 * within peer_set_new. */
#ifndef ZP_BUS_PEER_SET_H
#define ZP_BUS_PEER_SET_H

#include "common/bus/bus_socket.h"

typedef struct peer_set peer_set_t;
typedef struct peer
    peer_t; /* lives as long as its endpoint is listed; do not keep beyond on_liveness(false) */

typedef struct peer_set_events {
    /* A message with the set's tag came from `peer`. */
    void (*on_message)(void *context, peer_t *peer, str_view payload);
    /* Fill *ret_payload with a packed beat for `peer`; it is used before this is called again. Left empty: no
     * beat. */
    void (*on_beat)(void *context, peer_t *peer, str_view *ret_payload);
    /* `peer` became live, or ceased to be (also: left the list). May be NULL. */
    void (*on_liveness)(void *context, peer_t *peer, bool live);
} peer_set_events;

/* `tag` and `events` are copied. ZP_INVALID: the endpoint list is malformed (logged). */
ZP_MUST_CHECK zp_error peer_set_new(peer_set_t **ret_set, const bus_context *bus, const char *endpoints,
                                    const char *tag, const peer_set_events *events, void *context);
/* Calls nothing back. Safe with NULL inside. */
void peer_set_destroy(peer_set_t **set);

/* The live peer that `key` belongs to by rendezvous hashing, or NULL where none lives. Those that are passed
 * over come after all others. */
peer_t *peer_set_choose(peer_set_t *set, str_view key);

/* The live peer that `key` belongs to where `before` and all that precede it cannot be had, or NULL where
 * none follows. `before` NULL: as peer_set_choose. So a caller that goes on until NULL has had every live
 * peer. */
peer_t *peer_set_choose_after(peer_set_t *set, str_view key, const peer_t *before);

/* Beats now, beside the schedule: after a change that peers should hear of at once. */
void peer_set_beat_now(peer_set_t *set);

/* `peer` is slow to answer: until it is next heard, others are chosen where others live. */
void peer_pass_over(peer_t *peer);
bool peer_is_passed_over(const peer_t *peer);

size_t peer_set_live_count(const peer_set_t *set);

/* ZP_UNAVAILABLE: it cannot take it now. */
ZP_MUST_CHECK zp_error peer_send(peer_t *peer, str_view payload);
bool peer_is_live(const peer_t *peer);
/* Milliseconds since the peer was first heard in its present life; 0 where it is not live. */
uint64_t peer_live_for_ms(const peer_t *peer);
/* Loop time at which it was last heard; meaningful while live. */
uint64_t peer_heard_ms(const peer_t *peer);
const char *peer_endpoint(const peer_t *peer);

#endif
