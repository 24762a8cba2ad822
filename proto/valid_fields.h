/* valid_fields - the fields and messages that several arrows share, for valid.c: the limits are in valid.h.
 */
#ifndef ZP_PROTO_VALID_FIELDS_H
#define ZP_PROTO_VALID_FIELDS_H

#include "proto/shared.pb-c.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool valid_number(uint64_t number);
bool valid_number_set(uint64_t number); /* not 0 either */
bool valid_text(const char *text, size_t least_bytes, size_t most_bytes);
bool valid_user_id(const char *text);
bool valid_user_ids(char *const *ids, size_t count, size_t most);
bool valid_printable(const char *text, size_t least_bytes, size_t most_bytes);
bool valid_name(const char *text);
bool valid_reason(const char *text);
bool valid_incarnation(const char *text);
bool valid_incarnation_or_empty(const char *text);
bool valid_nonce(const char *text);
bool valid_session_token(const char *text);
bool valid_shown_status(Zp__Status status);
bool valid_connection_status(Zp__Status status);
bool valid_outcome(Zp__Outcome outcome);
bool valid_position(const Zp__Position *position); /* NULL is not */
bool valid_position_or_absent(const Zp__Position *position);
bool valid_answer(Zp__Outcome outcome, const Zp__Position *position);
bool valid_process(const Zp__ProcessInfo *process);
bool valid_beat(const Zp__Beat *beat);
bool valid_beat_reply(const Zp__BeatReply *reply);
bool valid_user_state(const Zp__UserState *user);
bool valid_user_states(Zp__UserState *const *users, size_t count, size_t most);
bool valid_transition(const Zp__Transition *transition); /* its seq aside: messages number theirs */
bool valid_transitions(const Zp__Transitions *transitions);
bool valid_replay_reply(const Zp__ReplayReply *reply);
bool valid_online_query(const Zp__OnlineQuery *query);
bool valid_online_reply(const Zp__OnlineReply *reply);
bool valid_status_query(const Zp__StatusQuery *query);
bool valid_status_reply(const Zp__StatusReply *reply);

#endif
