#include "common/presence/watch_view.h"

#include "common/base/hash_table.h"

#include <stdlib.h>

typedef struct watched_user {
    UT_hash_handle hh;
    log_position position;
    uint64_t since_ms;
    uint64_t place;    /* rises in the order of coming, which is the table's own */
    uint32_t named_in; /* the begin..end that named it last */
    presence_status status;
    size_t id_len_bytes;
    char id[];
} watched_user;

struct watch_view {
    watched_user *users; /* uthash by id: who is not offline */
    watch_view_tell_fn *tell;
    void *context;
    log_position
        position;   /* newest that is in here; before the first end: from where on changes must be told */
    uint32_t round; /* counts begin..end */
    bool known;     /* an end has been reached: who is not in here is offline */
    bool reading;   /* between begin and end */
    bool loose;     /* a change did not follow the one before it: what is in between may still come */
    ring walks;
    uint64_t next_place;
};

watch_view_t *watch_view_new(watch_view_tell_fn *tell, void *context) {
    watch_view_t *view = calloc(1, sizeof *view);
    if (view) {
        view->tell = tell;
        view->context = context;
        ring_init(&view->walks);
    }
    return view;
}

static void remove_user(watch_view_t *view, watched_user *user) {
    for (ring *at = view->walks.next; at != &view->walks; at = at->next) {
        watch_walk *walk = RING_OWNER(at, watch_walk, link);
        if (walk->next == user) {
            walk->next = user->hh.next;
        }
    }
    HASH_DEL(view->users, user);
    free(user);
}

void watch_view_forget(watch_view_t *view) {
    watched_user *user = NULL;
    watched_user *next = NULL;
    HASH_ITER(hh, view->users, user, next) {
        remove_user(view, user);
    }
    view->known = view->reading = view->loose = false;
}

void watch_view_destroy(watch_view_t **view) {
    if (*view) {
        watch_view_forget(*view);
        free(*view);
        *view = NULL;
    }
}

void watch_view_start(watch_view_t *view, log_position since) {
    watch_view_forget(view);
    view->position = since;
}

static watched_user *find(const watch_view_t *view, str_view user_id) {
    watched_user *user = NULL;
    HASH_FIND(hh, view->users, user_id.ptr, user_id.len, user);
    return user;
}

static watched_user *add_user(watch_view_t *view, str_view user_id) {
    watched_user *user = calloc(1, sizeof *user + user_id.len);
    if (!user) {
        return NULL;
    }
    memcpy(user->id, user_id.ptr, user_id.len);
    user->id_len_bytes = user_id.len;
    user->place = view->next_place;
    HASH_ADD_KEYPTR(hh, view->users, user->id, user->id_len_bytes, user);
    if (!user->hh.tbl) {
        free(user);
        return NULL;
    }
    view->next_place++;
    for (ring *at = view->walks.next; at != &view->walks; at = at->next) {
        watch_walk *walk = RING_OWNER(at, watch_walk, link);
        walk->next = walk->next ? walk->next : user;
    }
    return user;
}

/* Notes what the change says, and fills its place; false: out of memory, and the user counts as offline. */
static bool put(watch_view_t *view, watched_user *user, watch_change *change) {
    change->place = user ? user->place : view->next_place;
    if (change->to == STATUS_OFFLINE) {
        if (user) {
            remove_user(view, user);
        }
        return true;
    }
    if (!user) {
        user = add_user(view, change->user_id);
    }
    if (!user) {
        return false;
    }
    user->status = change->to;
    user->position = change->position;
    user->since_ms = change->at_ms;
    user->named_in = view->round;
    return true;
}

void watch_view_begin(watch_view_t *view) {
    view->round++;
    view->reading = true;
}

zp_error watch_view_state(watch_view_t *view, str_view user_id, presence_status status, log_position position,
                          uint64_t since_ms) {
    watched_user *user = find(view, user_id);
    presence_status from = user ? user->status : STATUS_OFFLINE;
    if (user && log_position_before(position, user->position)) {
        user->named_in = view->round;
        return ZP_OK;
    }
    if (!view->known && !user) {
        /* Nobody watched before: what is older than the first watcher's coming is no news to anybody. */
        bool news = log_position_before(view->position, position);
        from = !news ? status : status == STATUS_OFFLINE ? STATUS_ONLINE : STATUS_OFFLINE;
    }
    watch_change change = {user_id, from, status, position, since_ms, 0};
    if (!put(view, user, &change)) {
        return ZP_NO_MEMORY;
    }
    if (from != status) {
        view->tell(view->context, &change);
    }
    return ZP_OK;
}

void watch_view_end(watch_view_t *view, log_position position, uint64_t now_unix_ms) {
    watched_user *user = NULL;
    watched_user *next = NULL;
    HASH_ITER(hh, view->users, user, next) {
        if (user->named_in != view->round) {
            const watch_change change = {str_view_make(user->id, user->id_len_bytes),
                                         user->status,
                                         STATUS_OFFLINE,
                                         position,
                                         now_unix_ms,
                                         user->place};
            view->tell(view->context, &change);
            remove_user(view, user);
        }
    }
    view->known = true;
    view->reading = view->loose = false;
    if (log_position_before(view->position, position)) {
        view->position = position;
    }
}

bool watch_view_apply(watch_view_t *view, str_view user_id, presence_status to, log_position position,
                      uint64_t at_ms, watch_change *ret_change) {
    watched_user *user = find(view, user_id);
    if (user && !log_position_before(user->position, position)) {
        return false;
    }
    watch_change change = {user_id, user ? user->status : STATUS_OFFLINE, to, position, at_ms, 0};
    if (!put(view, user, &change)) {
        return false;
    }
    view->loose |= position.epoch != view->position.epoch || position.seq != view->position.seq + 1;
    if (log_position_before(view->position, position)) {
        view->position = position;
    }
    *ret_change = change;
    return change.from != to;
}

bool watch_view_reached(watch_view_t *view, log_position position) {
    if (!view->known || view->reading || log_position_before(position, view->position)) {
        return false;
    }
    bool was_loose = view->loose;
    view->position = position;
    view->loose = false;
    return was_loose;
}

bool watch_view_is_newer(const watch_view_t *view, str_view user_id, log_position position,
                         presence_status *ret_status) {
    const watched_user *user = find(view, user_id);
    if (user && log_position_before(position, user->position)) {
        *ret_status = user->status;
        return true;
    }
    /* Whoever is offline is not in here: then the view as a whole says how far it reaches. */
    if (!user && view->known && !log_position_before(view->position, position)) {
        *ret_status = STATUS_OFFLINE;
        return true;
    }
    return false;
}

static void read_state(const watched_user *user, watched_state *ret_state) {
    *ret_state = (watched_state){str_view_make(user->id, user->id_len_bytes), user->status, user->position,
                                 user->since_ms};
}

void watch_view_find(const watch_view_t *view, str_view user_id, watched_state *ret_state) {
    const watched_user *user = find(view, user_id);
    *ret_state = (watched_state){.user_id = user_id, .status = STATUS_OFFLINE};
    if (user) {
        read_state(user, ret_state);
    }
}

uint32_t watch_view_round(const watch_view_t *view) {
    return view->known ? view->round : 0;
}

bool watch_view_is_settled(const watch_view_t *view) {
    return view->known && !view->reading && !view->loose;
}

log_position watch_view_position(const watch_view_t *view) {
    return view->position;
}

size_t watch_view_users_count(const watch_view_t *view) {
    return HASH_COUNT(view->users);
}

void watch_walk_begin(watch_view_t *view, watch_walk *walk) {
    ring_append(&view->walks, &walk->link);
    walk->next = view->users;
    walk->place = 0;
}

bool watch_walk_next(watch_walk *walk, watched_state *ret_state) {
    if (!walk->next) {
        return false;
    }
    read_state(walk->next, ret_state);
    walk->place = walk->next->place + 1;
    walk->next = walk->next->hh.next;
    return true;
}

void watch_walk_end(watch_walk *walk) {
    ring_remove(&walk->link);
}
