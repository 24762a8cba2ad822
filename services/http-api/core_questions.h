/* core_questions - what http-api asks a core: one function for each question, as core_link_ask has it
 * (core_link.h). Owns: nothing. Threads: the loop's. */
#ifndef ZP_HTTP_API_CORE_QUESTIONS_H
#define ZP_HTTP_API_CORE_QUESTIONS_H

#include "services/http-api/core_link.h"

/* At most VALID_QUERY_USERS_MAX ids, borrowed until it returns. ZP_FULL, ZP_NO_MEMORY: `on_answer` is not
 * called. */
ZP_MUST_CHECK zp_error ask_status(core_link_t *link, char **user_ids, size_t user_ids_count,
                                  core_answer_fn *on_answer, void *context);
ZP_MUST_CHECK zp_error ask_services(core_link_t *link, core_answer_fn *on_answer, void *context);

/* `most` transitions, 1 to VALID_EXPLAINED_MAX. */
ZP_MUST_CHECK zp_error ask_explain(core_link_t *link, const char *user_id, uint32_t most,
                                   core_answer_fn *on_answer, void *context);

/* `heartbeats` is borrowed until it returns; its request_id is filled in. */
ZP_MUST_CHECK zp_error ask_heartbeats(core_link_t *link, Zp__Heartbeats *heartbeats,
                                      core_answer_fn *on_answer, void *context);
/* Likewise. */
ZP_MUST_CHECK zp_error ask_directory(core_link_t *link, Zp__DirectoryQuery *query, core_answer_fn *on_answer,
                                     void *context);

/* `query` is valid but for its request_id, which is set here; borrowed until it returns. */
ZP_MUST_CHECK zp_error ask_account(core_link_t *link, Zp__AccountQuery *query, core_answer_fn *on_answer,
                                   void *context);

/* A page of those who are not offline, behind the user id `after` ("": from the beginning), `most` of them, 1
 * to VALID_ONLINE_USERS_MAX. */
ZP_MUST_CHECK zp_error ask_online(core_link_t *link, const char *after, uint32_t most,
                                  core_answer_fn *on_answer, void *context);

/* A piece of the log, from `from` on. */
ZP_MUST_CHECK zp_error ask_replay(core_link_t *link, log_position from, core_answer_fn *on_answer,
                                  void *context);

#endif
