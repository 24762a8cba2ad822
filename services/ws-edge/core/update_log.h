/* update_log - the last updates that this edge's watchers must hear, once for all of them: each socket keeps
 * only a position in it (core/outbox.h). That makes a slow socket cost nothing but its position, and makes
 * coalescing a matter of reading: a reader that is behind reads a stretch per user, first `from` to last
 * `to`. Owns: the updates, at most `updates_max`: the oldest leaves. Threads: none. Positions count from 0
 * and only rise. */
#ifndef ZP_WS_EDGE_UPDATE_LOG_H
#define ZP_WS_EDGE_UPDATE_LOG_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include "common/presence/status.h"
#include "common/wire/wire_form.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct update_log update_log_t;

/* NULL: out of memory. */
update_log_t *update_log_new(size_t updates_max);
void update_log_destroy(update_log_t **log);

/* `payloads`: the MessagePack of the update in each wire form, empty where that form shows no change. They
 * are kept with their WebSocket header in front. ZP_NO_MEMORY: nothing was appended. */
ZP_MUST_CHECK zp_error update_log_append(update_log_t *log, str_view user_id, presence_status from,
                                         presence_status to, const str_view payloads[WIRE_FORMS_COUNT]);

/* The position of the oldest update that is still here, and the one behind the newest. */
uint64_t update_log_begin(const update_log_t *log);
uint64_t update_log_end(const update_log_t *log);

/* Writes ready-made server frames of the updates from *position on into `out`, as many as fit, and moves
 * *position behind them. More than `coalesce_above` updates behind, it writes for each user only what that
 * stretch comes down to; *ret_coalesced counts the frames saved. Returns the bytes written. *position must
 * not be before update_log_begin; out_bytes must hold at least one frame (CLIENT_UPDATE_MAX_BYTES + 10). */
size_t update_log_read(update_log_t *log, uint64_t *position, wire_form form, size_t coalesce_above,
                       char *out, size_t out_bytes, size_t *ret_coalesced);

#endif
