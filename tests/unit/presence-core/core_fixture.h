/* core_fixture - a presence-core process with a private Redis, and its peers: a DEALER for each arrow and a
 * SUB. Everything listens on loopback, on ports that were free, and is gone with the test. */
#ifndef ZP_TESTS_CORE_FIXTURE_H
#define ZP_TESTS_CORE_FIXTURE_H

#include "common/base/str_view.h"
#include "proto/api_core.pb-c.h"
#include "proto/edge_core.pb-c.h"
#include "proto/fanout_core.pb-c.h"
#include "proto/watcher_core.pb-c.h"
#include <hiredis/hiredis.h>
#include <stdbool.h>

typedef enum peer_kind { EDGE_PEER, WATCHER_PEER, FANOUT_PEER, API_PEER, PEERS_COUNT } peer_kind;

#define INCARNATION "00000000000000a1"
#define INCARNATION_2 "00000000000000a2"

/* For cmocka: Redis and the core run, and the core serves, rebuilt. */
int core_start(void **state);
/* As by default: a silent Redis is given up after 5 s, not after one. */
int core_start_patient(void **state);
int core_stop(void **state);

redisContext *redis_of_core(void);
void redis_signal(int number);
void redis_kill(void);
void redis_begin(void); /* after redis_kill: a new one without data, on the same port */
void core_signal(int number);
/* Waits for it to end; its wait status. */
int core_wait(void);
/* The value of a metric, -1 where there is none. */
long long core_metric(const char *name);
void core_arm_fault(const char *name);

/* One answer, unpacked, good until the next question of the same peer; NULL: none comes within `patience_ms`.
 */
void send_bytes(peer_kind peer, const char *tag, str_view payload);
void send_message(peer_kind peer, const ProtobufCMessage *message);
void *receive(peer_kind peer, int patience_ms);
/* Sends and receives; fails the test where no answer comes. */
void *ask_core(peer_kind peer, const ProtobufCMessage *message);
/* The next broadcast of transitions, or NULL; beacons are passed over. */
const Zp__Transitions *next_transitions(int patience_ms);

/* The usual questions; each gives the outcome. */
Zp__Outcome beat_as(const char *incarnation);
Zp__Outcome join_as(const char *incarnation, const char *replaces);
/* One connection of `status`; STATUS_OFFLINE: none. */
void send_statement(const char *incarnation, const char *user, uint64_t number, Zp__Status status);
Zp__Outcome state_user(const char *incarnation, const char *user, uint64_t number, Zp__Status status);
const Zp__TickReply *tick_core(void);
void send_query(size_t count, char **user_ids);
const Zp__StatusReply *query(size_t count, char **user_ids);
/* Ticks until the core serves and nothing is to be rebuilt. */
void until_rebuilt(void);

#endif
