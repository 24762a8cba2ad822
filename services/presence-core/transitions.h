/* transitions - the records of a script call, or of the log, as the bus carries them.
 * Owns: the messages; they point into the reply that they were made from. Threads: the loop's. */
#ifndef ZP_PRESENCE_CORE_TRANSITIONS_H
#define ZP_PRESENCE_CORE_TRANSITIONS_H

#include "common/base/error.h"
#include "proto/fanout_core.pb-c.h"
#include <hiredis/hiredis.h>

enum {
    TRANSITIONS_A_CALL_MAX = 100,
    REPLAY_ENTRIES = 100, /* of the log, read for one piece of a replay */
    REPLAY_ENOUGH = 2000, /* transitions in a piece; the entry that reaches it is sent whole */
    TRANSITIONS_MAX = REPLAY_ENOUGH + TRANSITIONS_A_CALL_MAX,
};

/* Zeroed: empty. */
typedef struct transitions {
    Zp__Transitions message;
    Zp__Transition items[TRANSITIONS_MAX];
    Zp__Transition *pointers[TRANSITIONS_MAX];
} transitions_t;

/* One of them, whose text is cut in place. ZP_INVALID: it is no record. */
ZP_MUST_CHECK zp_error transition_read(Zp__Transition *ret_transition, const redisReply *record);

/* Fills `transitions` from `records`, an array of one or more; its texts are cut in place. ZP_INVALID: they
 * are not records, too many, or no message that a receiver takes (proto/valid.h): not numbered without a
 * hole, say. */
ZP_MUST_CHECK zp_error transitions_read(transitions_t *transitions, uint64_t epoch,
                                        const redisReply *records);

#endif
