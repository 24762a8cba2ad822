#include "services/ws-edge/group_changes.h"

#include "common/log/log.h"

#include <stdlib.h>
#include <string.h>

/* What one user has said, oldest first; that one is under way, or the next of this user to be. */
typedef struct user_changes {
    UT_hash_handle hh;
    ring turn; /* in group_changes.under_way or .waiting */
    struct group_change *first, *last;
    size_t count;
    uint64_t request_id;
    char user_id[USER_ID_MAX_BYTES + 1];
} user_changes;

typedef struct group_change {
    struct group_change *next;
    edge_client *client; /* NULL: has left */
    bool joins;
    char group_id[USER_ID_MAX_BYTES + 1];
} group_change;

void group_changes_init(group_changes *self, process_t *process, const group_changes_hooks *hooks,
                        void *ask_context, void *refused_context) {
    *self = (group_changes){.process = process,
                            .hooks = *hooks,
                            .ask_context = ask_context,
                            .refused_context = refused_context,
                            .presence_enabled = config_bool(process->config, SETTING_PRESENCE_ENABLED)};
    ring_init(&self->under_way);
    ring_init(&self->waiting);
}

static void end_first(group_changes *self, user_changes *user) {
    group_change *change = user->first;
    user->first = change->next;
    user->last = user->first ? user->last : NULL;
    free(change);
    user->count--;
    self->count--;
}

static void end_user(group_changes *self, user_changes *user) {
    ring_remove(&user->turn);
    HASH_DEL(self->users, user);
    free(user);
}

void group_changes_clear(group_changes *self) {
    user_changes *user = NULL;
    user_changes *next = NULL;
    HASH_ITER(hh, self->users, user, next) {
        while (user->first) {
            end_first(self, user);
        }
        end_user(self, user);
    }
    self->under_way_count = 0;
}

/* Limits are said in the log, once a second at most: who floods does not fill it too. */
static group_change_result note(group_changes *self, const char *user_id, str_view group_id,
                                group_change_result result) {
    static const metric_id metrics[] = {
#define X(id, code, text) [id] = METRIC_EDGE_##id,
        GROUP_CHANGE_RESULTS(X)
#undef X
    };
    uint64_t held_back = 0;
    bool limited = result == GROUP_CHANGE_TOO_MANY || result == GROUP_CHANGE_FULL ||
                   result == GROUP_CHANGE_NO_ROOM || result == GROUP_CHANGE_WAITING;
    metrics_add(self->process->metrics, metrics[result], 1);
    if (limited && log_limit_pass(&self->limit_lines, uv_now(&self->process->loop), &held_back)) {
        char user[ESCAPED_ID_BYTES];
        char group[ESCAPED_ID_BYTES];
        log_warn("edge.group.limited", "code=%s user=%s group=%s held_back=%llu", group_change_code(result),
                 str_view_escape(str_view_of(user_id), user, sizeof user),
                 str_view_escape(group_id, group, sizeof group), (unsigned long long)held_back);
    }
    return result;
}

/* -- asking -- */

static user_changes *find_user(const group_changes *self, const char *user_id) {
    user_changes *user = NULL;
    HASH_FIND(hh, self->users, user_id, strlen(user_id), user);
    return user;
}

/* The first one; the answer is awaited behind all that are under way. False: nobody can be asked. */
static bool send_first(group_changes *self, user_changes *user) {
    const group_change *change = user->first;
    if (!self->hooks.ask(self->ask_context, user->user_id, str_view_of(change->group_id), change->joins,
                         &user->request_id)) {
        return false;
    }
    ring_remove(&user->turn);
    ring_append(&self->under_way, &user->turn);
    self->under_way_count++;
    return true;
}

static user_changes *add_user(group_changes *self, const edge_user *of) {
    user_changes *user = calloc(1, sizeof *user);
    if (!user) {
        return NULL;
    }
    memcpy(user->user_id, of->id, of->id_len_bytes);
    HASH_ADD_KEYPTR(hh, self->users, user->user_id, of->id_len_bytes, user);
    if (!user->hh.tbl) {
        free(user);
        return NULL;
    }
    ring_append(&self->waiting, &user->turn);
    return user;
}

static group_change_result add(group_changes *self, edge_client *client, str_view group_id, bool joins) {
    user_changes *user = find_user(self, client->user->id);
    if (self->count >= GROUP_CHANGES_MAX || (user && user->count >= GROUP_CHANGES_OF_USER_MAX)) {
        return GROUP_CHANGE_WAITING;
    }
    group_change *change = calloc(1, sizeof *change);
    bool is_new = !user;
    user = change && !user ? add_user(self, client->user) : user;
    if (!change || !user) {
        free(change);
        return GROUP_CHANGE_UNAVAILABLE;
    }
    change->client = client;
    change->joins = joins;
    memcpy(change->group_id, group_id.ptr, group_id.len);
    *(user->last ? &user->last->next : &user->first) = change;
    user->last = change;
    user->count++;
    self->count++;
    if (is_new && self->under_way_count < GROUP_CHANGES_UNDER_WAY_MAX && !send_first(self, user)) {
        end_first(self, user);
        end_user(self, user);
        return GROUP_CHANGE_UNAVAILABLE;
    }
    return GROUP_CHANGE_DONE;
}

group_change_result group_changes_begin(group_changes *self, edge_client *client,
                                        const client_message *message) {
    char digits[CLIENT_ID_DIGITS_BYTES];
    str_view group_id = client_id_read(message->to, digits);
    group_change_result result = !self->presence_enabled ? GROUP_CHANGE_DISABLED
                                 : !user_id_is_valid(group_id)
                                     ? GROUP_CHANGE_INVALID_ID
                                     : add(self, client, group_id, message->type == MESSAGE_USER_ADD);
    /* What is under way is counted when it is known what came of it. */
    return result == GROUP_CHANGE_DONE ? result : note(self, client->user->id, group_id, result);
}

/* -- what came of it -- */

static group_change_result result_of(Zp__GroupResult result) {
    switch (result) {
    case ZP__GROUP_RESULT__GROUP_RESULT_DONE:
        return GROUP_CHANGE_DONE;
    case ZP__GROUP_RESULT__GROUP_RESULT_TOO_MANY:
        return GROUP_CHANGE_TOO_MANY;
    case ZP__GROUP_RESULT__GROUP_RESULT_FULL:
        return GROUP_CHANGE_FULL;
    case ZP__GROUP_RESULT__GROUP_RESULT_NO_ROOM:
        return GROUP_CHANGE_NO_ROOM;
    case ZP__GROUP_RESULT__GROUP_RESULT_UNKNOWN:
    case _ZP__GROUP_RESULT_IS_INT_SIZE:
        break;
    }
    return GROUP_CHANGE_UNAVAILABLE;
}

static void finish_first(group_changes *self, user_changes *user, group_change_result result) {
    edge_client *client = user->first->client;
    (void)note(self, user->user_id, str_view_of(user->first->group_id), result);
    end_first(self, user);
    if (result != GROUP_CHANGE_DONE && client) {
        self->hooks.refused(self->refused_context, client, result);
    }
}

/* Answers come nearly in order, so the one sought stands near the first. */
static user_changes *find_under_way(const group_changes *self, uint64_t request_id) {
    for (ring *at = self->under_way.next; at != &self->under_way; at = at->next) {
        user_changes *user = RING_OWNER(at, user_changes, turn);
        if (user->request_id == request_id) {
            return user;
        }
    }
    return NULL;
}

/* Who waits comes next, as far as the limit allows, the longest wait first. */
static void send_waiting(group_changes *self) {
    while (self->under_way_count < GROUP_CHANGES_UNDER_WAY_MAX && !ring_is_empty(&self->waiting)) {
        user_changes *user = RING_OWNER(self->waiting.next, user_changes, turn);
        if (send_first(self, user)) {
            continue;
        }
        finish_first(self, user, GROUP_CHANGE_UNAVAILABLE);
        if (!user->first) {
            end_user(self, user);
        }
    }
}

void group_changes_end(group_changes *self, uint64_t request_id, Zp__GroupResult result) {
    user_changes *user = find_under_way(self, request_id);
    if (!user) {
        return;
    }
    self->under_way_count--;
    ring_remove(&user->turn);
    ring_append(&self->waiting, &user->turn); /* what it said next waits behind that of others */
    finish_first(self, user, result_of(result));
    if (!user->first) {
        end_user(self, user);
    }
    send_waiting(self);
}

void group_changes_forget(group_changes *self, const edge_client *client) {
    const user_changes *user = find_user(self, client->user->id);
    for (group_change *change = user ? user->first : NULL; change; change = change->next) {
        change->client = change->client == client ? NULL : change->client;
    }
}

const char *group_change_code(group_change_result result) {
    static const char *const codes[] = {
#define X(id, code, text) [id] = (code),
        GROUP_CHANGE_RESULTS(X)
#undef X
    };
    return codes[result];
}

const char *group_change_text(group_change_result result) {
    static const char *const texts[] = {
#define X(id, code, text) [id] = (text),
        GROUP_CHANGE_RESULTS(X)
#undef X
    };
    return texts[result];
}
