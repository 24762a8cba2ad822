#include "services/ws-edge/core/touch_queue.h"

#include <assert.h>

void touch_queue_add(touch_queue_t *queue, edge_user *user) {
    if (user->touched) {
        return;
    }
    user->touched = true;
    user->next_touched = NULL;
    if (queue->last) {
        queue->last->next_touched = user;
    } else {
        queue->first = user;
    }
    queue->last = user;
    queue->count++;
}

edge_user *touch_queue_peek(const touch_queue_t *queue) {
    return queue->first;
}

void touch_queue_take(touch_queue_t *queue, user_batch *batch) {
    edge_user *user = queue->first;
    assert(user && batch->count < USER_BATCH_MAX);
    queue->first = user->next_touched;
    if (!queue->first) {
        queue->last = NULL;
    }
    queue->count--;
    user->touched = false;
    user->next_touched = NULL;
    user->references++;
    batch->users[batch->count++] = user;
}

void touch_queue_end(touch_queue_t *queue, user_batch *batch, sessions_t *sessions, bool again) {
    for (size_t i = 0; i < batch->count; i++) {
        edge_user *user = batch->users[i];
        user->references--;
        if (again && user->clients_count > 0) {
            touch_queue_add(queue, user);
        }
        sessions_forget_if_idle(sessions, user);
    }
    batch->count = 0;
}
