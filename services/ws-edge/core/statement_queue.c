#include "services/ws-edge/core/statement_queue.h"

#include <assert.h>
#include <stdlib.h>

/* NULL: out of memory. */
static statement_state *state_of(edge_user *user) {
    if (!user->statement) {
        user->statement = calloc(1, sizeof *user->statement);
    }
    return user->statement;
}

/* Nothing about the user is waiting or unacknowledged: nothing need be known of it. */
static void drop_state_if_idle(edge_user *user) {
    const statement_state *state = user->statement;
    if (state && !state->waiting_in && state->first_unacked == 0 && state->in_flight_count == 0) {
        free(user->statement);
        user->statement = NULL;
    }
}

static void remove_waiting(statement_queue_t *queue, statement_state *state) {
    user_list *list = state->waiting_in;
    if (!list) {
        return;
    }
    if (state->previous_waiting) {
        state->previous_waiting->statement->next_waiting = state->next_waiting;
    } else {
        list->first = state->next_waiting;
    }
    if (state->next_waiting) {
        state->next_waiting->statement->previous_waiting = state->previous_waiting;
    } else {
        list->last = state->previous_waiting;
    }
    state->next_waiting = state->previous_waiting = NULL;
    state->waiting_in = NULL;
    queue->waiting_count--;
    queue->leaving_count -= list == &queue->leaving;
}

/* In the list that its connections say, at the end; where it is already, it stays. */
static void put_waiting(statement_queue_t *queue, edge_user *user, uint64_t now_ms) {
    statement_state *state = user->statement;
    user_list *list = user->clients_count > 0 ? &queue->waiting : &queue->leaving;
    if (state->waiting_in == list) {
        return;
    }
    remove_waiting(queue, state);
    state->leaves_at_ms = now_ms + queue->leave_delay_ms;
    state->waiting_in = list;
    state->previous_waiting = list->last;
    if (list->last) {
        list->last->statement->next_waiting = user;
    } else {
        list->first = user;
    }
    list->last = user;
    queue->waiting_count++;
    queue->leaving_count += list == &queue->leaving;
}

static void append_unacked(statement_queue_t *queue, edge_user *user, uint64_t number) {
    statement_state *state = user->statement;
    state->first_unacked = number;
    state->next_unacked = NULL;
    state->previous_unacked = queue->last_unacked;
    if (queue->last_unacked) {
        queue->last_unacked->statement->next_unacked = user;
    } else {
        queue->first_unacked = user;
    }
    queue->last_unacked = user;
}

static void remove_unacked(statement_queue_t *queue, statement_state *state) {
    if (state->first_unacked == 0) {
        return;
    }
    if (state->previous_unacked) {
        state->previous_unacked->statement->next_unacked = state->next_unacked;
    } else {
        queue->first_unacked = state->next_unacked;
    }
    if (state->next_unacked) {
        state->next_unacked->statement->previous_unacked = state->previous_unacked;
    } else {
        queue->last_unacked = state->previous_unacked;
    }
    state->next_unacked = state->previous_unacked = NULL;
    state->first_unacked = 0;
}

static void end_announcing(statement_queue_t *queue, edge_user *user) {
    if (user->announcing) {
        user->announcing = false;
        queue->announcing_count--;
    }
}

static void set_lost(statement_queue_t *queue, edge_user *user, bool lost) {
    if (user->lost != lost) {
        user->lost = lost;
        queue->lost_count += lost ? 1 : (size_t)-1;
    }
}

void statement_queue_mark(statement_queue_t *queue, edge_user *user, const char *reason, uint64_t now_ms) {
    statement_state *state = state_of(user);
    set_lost(queue, user, !state);
    if (state) {
        state->reason = reason;
        put_waiting(queue, user, now_ms);
    }
}

/* What is said of everybody alike: the whole truth, whatever has changed. */
static void mark_whole(statement_queue_t *queue, edge_user *user, uint64_t now_ms) {
    statement_queue_mark(queue, user, user->clients_count > 0 ? "announced" : "closed", now_ms);
}

void statement_queue_find_lost(statement_queue_t *queue, sessions_t *sessions, uint64_t now_ms) {
    if (queue->lost_count == 0) {
        return;
    }
    edge_user *user = NULL;
    edge_user *next = NULL;
    HASH_ITER(hh, sessions->users, user, next) {
        if (user->lost) {
            mark_whole(queue, user, now_ms);
        }
    }
}

bool statement_queue_has_said_all(const statement_queue_t *queue) {
    return queue->waiting_count == 0 && queue->lost_count == 0 && !queue->first_unacked;
}

void statement_queue_hold_leaving(statement_queue_t *queue, uint64_t until_ms) {
    if (queue->leaving_held_until_ms < until_ms) {
        queue->leaving_held_until_ms = until_ms;
    }
}

uint64_t statement_queue_wait_ms(const statement_queue_t *queue, uint64_t now_ms) {
    size_t delays =
        queue->flushed_count < STATEMENT_DELAYS_MOST ? queue->flushed_count : STATEMENT_DELAYS_MOST;
    uint64_t paced_ms = queue->flushed_at_ms + delays * queue->delay_ms;
    return paced_ms > now_ms + queue->delay_ms ? paced_ms - now_ms : queue->delay_ms;
}

void statement_queue_note_flush(statement_queue_t *queue, uint64_t now_ms, size_t count) {
    queue->flushed_at_ms = now_ms;
    queue->flushed_count = count;
}

edge_user *statement_queue_peek(const statement_queue_t *queue, uint64_t now_ms) {
    edge_user *leaving = queue->leaving.first;
    bool due =
        leaving && now_ms >= leaving->statement->leaves_at_ms && now_ms >= queue->leaving_held_until_ms;
    return due ? leaving : queue->waiting.first;
}

void statement_queue_take(statement_queue_t *queue, edge_user *user, user_batch *batch) {
    statement_state *state = user->statement;
    assert(state && state->waiting_in && batch->count < USER_BATCH_MAX);
    remove_waiting(queue, state);
    uint64_t number = ++queue->last_number;
    state->last_number = number;
    if (state->first_unacked == 0) {
        append_unacked(queue, user, number);
    }
    state->in_flight_count++;
    user->references++;
    batch->users[batch->count] = user;
    batch->numbers[batch->count] = number;
    batch->count++;
}

/* One statement of a batch has come to its end. */
static void end_statement(edge_user *user, sessions_t *sessions) {
    user->statement->in_flight_count--;
    user->references--;
    drop_state_if_idle(user);
    sessions_forget_if_idle(sessions, user);
}

void statement_queue_acknowledge(statement_queue_t *queue, user_batch *batch, sessions_t *sessions) {
    for (size_t i = 0; i < batch->count; i++) {
        edge_user *user = batch->users[i];
        if (user->statement->last_number == batch->numbers[i]) {
            remove_unacked(queue, user->statement);
            end_announcing(queue, user);
        }
        end_statement(user, sessions);
    }
    batch->count = 0;
}

void statement_queue_give_back(statement_queue_t *queue, user_batch *batch, sessions_t *sessions, bool again,
                               uint64_t now_ms) {
    for (size_t i = 0; i < batch->count; i++) {
        edge_user *user = batch->users[i];
        const statement_state *state = user->statement;
        bool newest = state->last_number == batch->numbers[i] && state->first_unacked != 0;
        if (newest && again && !state->waiting_in) {
            put_waiting(queue, user, now_ms);
        }
        end_statement(user, sessions);
    }
    batch->count = 0;
}

uint64_t statement_queue_floor(const statement_queue_t *queue) {
    return queue->first_unacked ? queue->first_unacked->statement->first_unacked - 1 : queue->last_number;
}

void statement_queue_restart(statement_queue_t *queue, sessions_t *sessions, uint64_t now_ms) {
    queue->last_number = 0;
    queue->leaving_held_until_ms = 0;
    edge_user *user = NULL;
    edge_user *next = NULL;
    HASH_ITER(hh, sessions->users, user, next) {
        assert(user->references == 0);
        if (user->statement) {
            remove_unacked(queue, user->statement);
            user->statement->last_number = 0;
        }
        if (!user->announcing) {
            user->announcing = true;
            queue->announcing_count++;
        }
        /* One who has left is stated too: the empty statement takes back what the old incarnation said. */
        mark_whole(queue, user, now_ms);
    }
}
