/* record - one transition as the scripts answer it and presence:log keeps it:
 *     <seq> <from> <to> <at> <last_seen> <previous_seq> <reason> <edge> <user>
 * from, to: letters of status.h; at, last_seen: unix ms; previous_seq: of the same user's transition before,
 * 0 for none known; edge: "-" for none; user: the rest, spaces and all. Pure: owns nothing. Threads: none. */
#ifndef ZP_PRESENCE_CORE_RECORD_H
#define ZP_PRESENCE_CORE_RECORD_H

#include "common/base/error.h"
#include "common/presence/status.h"
#include <stdint.h>

typedef struct record {
    uint64_t seq;
    presence_status from;
    presence_status to;
    uint64_t at_ms;
    uint64_t last_seen_ms;
    uint64_t previous_seq;
    char *reason; /* these three point into the text that was cut */
    char *edge;   /* "": nobody spoke */
    char *user_id;
} record_t;

/* Cuts `text` (of `len_bytes`, followed by a NUL) into NUL-terminated pieces. ZP_INVALID: it is no such
 * record; *ret_record is untouched, the text may be cut. */
ZP_MUST_CHECK zp_error record_cut(char *text, size_t len_bytes, record_t *ret_record);

#endif
