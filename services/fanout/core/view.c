#include "services/fanout/core/view.h"
#include "common/base/hash_table.h"
#include <assert.h>
#include <stdlib.h>

typedef struct view_entry {
    UT_hash_handle hh;
    struct view_entry *earlier, *later; /* among the offline ones, by when they went */
    log_position position;
    uint64_t last_seen_ms, since_ms;
    uint32_t round; /* the snapshot that named it last */
    presence_status status;
    size_t id_len_bytes;
    char id[];
} view_entry;

struct view {
    view_entry *entries;
    view_entry *longest_gone, *latest_gone;
    size_t offline_count, offline_max;
    uint32_t round;
};

view_t *view_new(size_t recent_offline_max) {
    view_t *view = calloc(1, sizeof(*view));
    if (view) {
        view->offline_max = recent_offline_max;
    }
    return view;
}

static void remove_entry(view_t *view, view_entry *entry) {
    HASH_DEL(view->entries, entry);
    free(entry);
}

void view_destroy(view_t **view) {
    if (*view) {
        view_entry *entry;
        view_entry *next;
        HASH_ITER(hh, (*view)->entries, entry, next) {
            remove_entry(*view, entry);
        }
        free(*view);
        *view = NULL;
    }
}

static void leave_offline(view_t *view, view_entry *entry) {
    if (entry->earlier) {
        entry->earlier->later = entry->later;
    } else {
        view->longest_gone = entry->later;
    }
    if (entry->later) {
        entry->later->earlier = entry->earlier;
    } else {
        view->latest_gone = entry->earlier;
    }
    entry->earlier = entry->later = NULL;
    view->offline_count--;
}

static void enter_offline(view_t *view, view_entry *entry) {
    entry->earlier = view->latest_gone;
    if (view->latest_gone) {
        view->latest_gone->later = entry;
    } else {
        view->longest_gone = entry;
    }
    view->latest_gone = entry;
    view->offline_count++;
}

static void drop_longest_gone(view_t *view) {
    while (view->offline_count > view->offline_max) {
        view_entry *entry = view->longest_gone;
        assert(!entry->earlier);
        leave_offline(view, entry);
        remove_entry(view, entry);
    }
}

/* The one place where a status changes. */
static void set_status(view_t *view, view_entry *entry, presence_status status) {
    if (entry->status == STATUS_OFFLINE && status != STATUS_OFFLINE) {
        leave_offline(view, entry);
    } else if (entry->status != STATUS_OFFLINE && status == STATUS_OFFLINE) {
        enter_offline(view, entry);
    }
    entry->status = status;
}

/* A user who is new here was offline until now. NULL: out of memory. */
static view_entry *add_entry(view_t *view, str_view user_id) {
    view_entry *entry = calloc(1, sizeof(*entry) + user_id.len + 1);
    if (!entry) {
        return NULL;
    }
    entry->status = STATUS_OFFLINE;
    entry->id_len_bytes = user_id.len;
    memcpy(entry->id, user_id.ptr, user_id.len);
    HASH_ADD_KEYPTR(hh, view->entries, entry->id, entry->id_len_bytes, entry);
    if (!entry->hh.tbl) {
        free(entry);
        return NULL;
    }
    enter_offline(view, entry);
    return entry;
}

zp_error view_put(view_t *view, const view_user *value, presence_status *ret_from) {
    view_entry *entry;
    HASH_FIND(hh, view->entries, value->user_id.ptr, value->user_id.len, entry);
    *ret_from = value->status;
    if (entry && log_position_before(value->position, entry->position)) {
        entry->round = view->round;
        return ZP_OK;
    }
    if (!entry) {
        entry = add_entry(view, value->user_id);
        if (!entry) {
            return ZP_NO_MEMORY;
        }
    }
    *ret_from = entry->status;
    entry->position = value->position;
    entry->last_seen_ms = value->last_seen_ms;
    entry->since_ms = value->since_ms;
    entry->round = view->round;
    set_status(view, entry, value->status);
    drop_longest_gone(view);
    return ZP_OK;
}

static view_user user_of(const view_entry *entry) {
    return (view_user){{entry->id, entry->id_len_bytes},
                       entry->status,
                       entry->position,
                       entry->last_seen_ms,
                       entry->since_ms};
}

bool view_find(const view_t *view, str_view user_id, view_user *ret_user) {
    view_entry *entry;
    HASH_FIND(hh, view->entries, user_id.ptr, user_id.len, entry);
    if (entry) {
        *ret_user = user_of(entry);
    }
    return entry != NULL;
}

uint64_t view_since_ms(const view_t *view, str_view user_id) {
    view_user user;
    return view_find(view, user_id, &user) ? user.since_ms : 0;
}

void view_begin_snapshot(view_t *view) {
    view->round++;
}

void view_sweep(view_t *view, log_position position, uint64_t now_unix_ms, view_visit_fn *visit,
                void *context) {
    view_entry *entry;
    view_entry *next;
    HASH_ITER(hh, view->entries, entry, next) {
        /* One who is known up to `position` has left after it: the log will say so, under a seq of its own.
         */
        if (entry->round == view->round || entry->status == STATUS_OFFLINE ||
            !log_position_before(entry->position, position)) {
            continue;
        }
        presence_status from = entry->status;
        entry->position = position;
        entry->since_ms = now_unix_ms;
        set_status(view, entry, STATUS_OFFLINE);
        view_user user = user_of(entry);
        visit(context, &user, from);
    }
    drop_longest_gone(view);
}

void view_walk(const view_t *view, view_visit_fn *visit, void *context) {
    for (const view_entry *entry = view->entries; entry; entry = entry->hh.next) {
        view_user user = user_of(entry);
        visit(context, &user, entry->status);
    }
}

size_t view_users_count(const view_t *view) {
    return HASH_COUNT(view->entries) - view->offline_count;
}

size_t view_offline_count(const view_t *view) {
    return view->offline_count;
}
