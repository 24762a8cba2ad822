/* explanation - what explain.lua answers, as the bus carries it. A row or record that the bus would refuse is
 * left out: somebody's hand was in Redis. Owns: the messages; they point into the reply that they were made
 * from, whose texts are cut in place. Threads: the loop's. */
#ifndef ZP_PRESENCE_CORE_EXPLANATION_H
#define ZP_PRESENCE_CORE_EXPLANATION_H

#include "proto/api_core.pb-c.h"
#include "proto/valid.h"
#include <hiredis/hiredis.h>

enum {
    EXPLANATION_PARTS = 6, /* seq, user, rows, records, complete, log_from */
    SPEAKERS_MAX = 1000,   /* those beyond are left out */
};

typedef struct explanation {
    Zp__UserState user;
    Zp__Speaker speakers[SPEAKERS_MAX];
    Zp__Speaker *speaker_pointers[SPEAKERS_MAX];
    Zp__Transition transitions[VALID_EXPLAINED_MAX];
    Zp__Transition *transition_pointers[VALID_EXPLAINED_MAX];
} explanation_t;

/* Fills all of `body` but its outcome and position. `reply` has EXPLANATION_PARTS; `user_id` is borrowed. */
void explanation_read(explanation_t *explanation, const redisReply *reply, char *user_id,
                      Zp__ExplainReply *body);

#endif
