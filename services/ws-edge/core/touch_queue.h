/* touch_queue - users who showed life since the core was last told, each once however often (DESIGN
 * section 4.1). Owns: nothing; the links are in edge_user. Threads: none. Cost: O(1) a sign of life. */
#ifndef ZP_WS_EDGE_TOUCH_QUEUE_H
#define ZP_WS_EDGE_TOUCH_QUEUE_H

#include "services/ws-edge/core/sessions.h"

typedef struct touch_queue {
    edge_user *first, *last;
    size_t count;
} touch_queue_t;

void touch_queue_add(touch_queue_t *queue, edge_user *user);

/* The user that waits longest, where it is; NULL: none. */
edge_user *touch_queue_peek(const touch_queue_t *queue);

/* Takes the user that peek gave into `batch`, which must have room. */
void touch_queue_take(touch_queue_t *queue, user_batch *batch);

/* The batch is done; where it was not told, its users wait again (`again`). Users that nothing holds are
 * forgotten. */
void touch_queue_end(touch_queue_t *queue, user_batch *batch, sessions_t *sessions, bool again);

#endif
