/* requests - what each kind of peer may ask of this core: a file for each, and what they share.
 * Every request is answered once: with what its script says, else OUTCOME_UNAVAILABLE (Redis is out of reach,
 * or the data has just begun anew) or OUTCOME_INVALID (the message breaks its limits; where its request_id is
 * known). */
#ifndef ZP_PRESENCE_CORE_REQUESTS_H
#define ZP_PRESENCE_CORE_REQUESTS_H

#include "proto/api_core.pb-c.h"
#include "proto/edge_core.pb-c.h"
#include "services/presence-core/core.h"

router_receive_fn edge_requests_receive, watcher_requests_receive, fanout_requests_receive,
    api_requests_receive;

/* Beats of all kinds (beats.c). */
void beats_receive(const question_t *question, const Zp__Beat *beat);
/* This core's own beat: it registers itself beside its peers. */
void beats_register_self(presence_core *core);
/* Its end: it is listed no more. The call leaves with the end of the connection at the latest. */
void beats_strike_self(presence_core *core);

/* OnlineQuery of an edge or an http-api (online_query.c): a page of it, or an answer that has only an
 * outcome.
 */
void online_query_receive(const question_t *question, const Zp__OnlineQuery *query);
void online_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);

/* Replay of a fanout or an http-api (replay_query.c): likewise. */
void replay_query_receive(const question_t *question, const Zp__Replay *replay);
void replay_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);

/* StatusQuery of an edge or an http-api (status_query.c): all of it, or an answer that has only an outcome.
 */
void status_query_receive(const question_t *question, const Zp__StatusQuery *query);
void status_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);

/* ExplainQuery (explain_query.c): likewise. */
void explain_query_receive(const question_t *question, const Zp__ExplainQuery *query);
void explain_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);

/* Heartbeats, DirectoryQuery (heartbeats.c, directory_query.c): likewise. */
void heartbeats_receive(const question_t *question, const Zp__Heartbeats *heartbeats);
void heartbeats_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);
void directory_query_receive(const question_t *question, const Zp__DirectoryQuery *query);
void directory_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);

/* GroupChange, RostersQuery (group_requests.c): likewise. */
void group_change_receive(const question_t *question, const Zp__GroupChange *change);
void group_change_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);
void rosters_query_receive(const question_t *question, const Zp__RostersQuery *query);
void rosters_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);

/* AccountQuery (account_query.c): likewise. */
void account_query_receive(const question_t *question, const Zp__AccountQuery *query);
void account_query_answer(const question_t *question, uint64_t id, Zp__Outcome outcome);

/* Begins a call on behalf of `request`; NULL: out of memory. */
script_call_t *request_begin_call(request_t *request, script_id script);

/* What came of a call: ZP_OK, and `reply` has at least `elements`. Else ZP_UNAVAILABLE; another epoch is told
 * to the keeper. */
ZP_MUST_CHECK zp_error request_check_reply(request_t *request, call_result result, const redisReply *reply,
                                           size_t elements);

/* One of the functions above that answer with an outcome alone. */
typedef void outcome_answer_fn(const question_t *question, uint64_t id, Zp__Outcome outcome);

/* Answers `request` by `answer` that Redis is not to be had, and ends it. */
void request_unavailable(request_t *request, outcome_answer_fn *answer);

/* Begins a request of `question` and its call; NULL: answered already, by `answer` (Redis is not to be had,
 * or memory is out). */
script_call_t *request_open(const question_t *question, uint64_t id, script_id script,
                            outcome_answer_fn *answer, request_t **ret_request);

/* Where the log stood when a call was answered: takes note of it, and fills `position` for the answer. */
void request_position(request_t *request, const redisReply *seq, Zp__Position *position);
/* Where the log stands as far as this core knows; NULL where it knows nothing. */
Zp__Position *known_position(const presence_core *core, Zp__Position *position);

/* "-" for an empty one, as the scripts want it. */
str_view dash_if_empty(const char *text);

#endif
