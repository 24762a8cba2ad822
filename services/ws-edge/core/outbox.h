/* outbox - what one socket still has to be sent: answers meant for it alone, then a position in the update
 * log that all sockets share. Bounded: answers by a number of bytes, updates by the log. Owns: the answers'
 * bytes, which exist only while there are any. Threads: none. */
#ifndef ZP_WS_EDGE_OUTBOX_H
#define ZP_WS_EDGE_OUTBOX_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include "common/wire/wire_form.h"
#include "services/ws-edge/core/update_log.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct outbox {
    struct outbox_answers *answers; /* NULL: none wait */
    uint64_t position;              /* in the update log */
    uint8_t form;                   /* enum wire_form */
} outbox;

void outbox_clear(outbox *box);

/* Appends one answer (a MessagePack payload). ZP_FULL: more than `bytes_max` would wait. */
ZP_MUST_CHECK zp_error outbox_put(outbox *box, str_view payload, size_t bytes_max);

/* Changes the wire form. Updates that wait already stay in the old one (the log may hold no other of them):
 * they are taken over as answers. `scratch` as `out` of update_log_read. ZP_FULL: as above, and the socket is
 * to be closed. */
ZP_MUST_CHECK zp_error outbox_change_form(outbox *box, update_log_t *log, bool watching, wire_form form,
                                          size_t bytes_max, char *scratch, size_t scratch_bytes);

/* Whether answers wait. */
bool outbox_has_answers(const outbox *box);

/* Whether anything waits; `watching`: the socket reads the log. */
bool outbox_is_empty(const outbox *box, const update_log_t *log, bool watching);

/* The socket has fallen behind the log's beginning: what it missed is gone, it must be closed. */
bool outbox_has_overflowed(const outbox *box, const update_log_t *log);

/* Moves what waits into `out`, answers first; returns the bytes. `out_bytes` as update_log_read wants it. */
size_t outbox_take(outbox *box, update_log_t *log, bool watching, size_t coalesce_above, char *out,
                   size_t out_bytes, size_t *ret_coalesced);

#endif
