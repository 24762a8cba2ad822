/* core_link - http-api's side of the api-core arrow: beats to every core, questions to one live core each.
 * A question that has no answer after a third of HTTP_DEADLINE_MS, or whose core dies, is asked once more, of
 * another core where one lives; after HTTP_DEADLINE_MS it is given up. Questions never wait for each other.
 * Owns: the peer set, the questions under way. Borrows: the process. Threads: the loop's. */
#ifndef ZP_HTTP_API_CORE_LINK_H
#define ZP_HTTP_API_CORE_LINK_H

#include "common/base/error.h"
#include "common/presence/log_position.h"
#include "common/runtime/process.h"
#include "proto/valid.h"
#include <stddef.h>

typedef struct core_link core_link_t;

/* Called exactly once for each question, never from within the asking: with a valid message of the kind asked
 * for, whatever its outcome, or with NULL where none came in time. `answer` lives until it returns. */
typedef void core_answer_fn(void *context, const Zp__CoreToApi *answer);

/* At most `questions_max` are under way at once. */
ZP_MUST_CHECK zp_error core_link_new(core_link_t **ret_link, const process_t *process, size_t questions_max);
/* Answers what is under way with NULL. */
void core_link_destroy(core_link_t **link);

/* Asks a question: `message`, whose body's `request_id` is filled in; it is borrowed until it returns. The
 * answer is a message of case `wanted`. What can be asked: core_questions.h. ZP_FULL, ZP_NO_MEMORY:
 * `on_answer` is not called. */
ZP_MUST_CHECK zp_error core_link_ask(core_link_t *link, const Zp__ApiToCore *message, uint64_t *request_id,
                                     Zp__CoreToApi__BodyCase wanted, core_answer_fn *on_answer,
                                     void *context);

/* This life of this process, as its beats and heartbeats name it. */
const char *core_link_incarnation(const core_link_t *link);

/* The service clock, in the newest epoch that named one; 0: not known. */
uint64_t core_link_clock(const core_link_t *link, uint64_t *ret_epoch);

/* The newest position that any core has told; epoch 0: none yet. */
log_position core_link_position(const core_link_t *link);

/* After process_run: every core hears that this process ends. Does not wait. */
void core_link_tell_end(core_link_t *link);

size_t core_link_live_count(const core_link_t *link);

#endif
