/* view_message - a view as the View messages of one subscriber: bounded pieces, the last of which says so.
 * Owns: its buffers. Threads: none. */
#ifndef ZP_FANOUT_VIEW_MESSAGE_H
#define ZP_FANOUT_VIEW_MESSAGE_H

#include "proto/shared.pb-c.h"
#include "services/fanout/core/view.h"

typedef struct view_message view_message_t;

/* Takes one packed FanoutToSubscriber, good until it returns. False: no more of them are of use. */
typedef bool view_message_send_fn(void *context, str_view payload);

/* NULL: out of memory. */
view_message_t *view_message_new(void);
void view_message_destroy(view_message_t **message);

/* One piece at least. False: `send` said so. */
bool view_message_send(view_message_t *message, const view_t *view, log_position position,
                       uint64_t generation, view_message_send_fn *send, void *context);

/* What is said of a user in a message of that epoch; the id, NUL-terminated, stays the caller's. */
void view_message_fill(Zp__UserState *state, const view_user *user, uint64_t epoch);

#endif
