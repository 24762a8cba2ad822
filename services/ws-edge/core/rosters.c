#include "services/ws-edge/core/rosters.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void rosters_init(rosters_t *rosters) {
    *rosters = (rosters_t){0};
    ring_init(&rosters->order);
}

/* -- who is there -- */

enum { KEY_MAX_BYTES = 256 };

static size_t make_key(roster_kind kind, str_view id, char key[KEY_MAX_BYTES]) {
    assert(id.len < KEY_MAX_BYTES - 1);
    key[0] = kind == ROSTER_GROUP ? 'g' : 'c';
    memcpy(key + 1, id.ptr, id.len);
    return id.len + 1;
}

static roster_t *find(const rosters_t *rosters, const char *key, size_t len) {
    roster_t *found = NULL;
    HASH_FIND(hh, rosters->all, key, len, found);
    return found;
}

roster_t *rosters_find(const rosters_t *rosters, roster_kind kind, str_view id) {
    char key[KEY_MAX_BYTES];
    return find(rosters, key, make_key(kind, id, key));
}

roster_t *rosters_get(rosters_t *rosters, roster_kind kind, str_view id) {
    char key[KEY_MAX_BYTES];
    size_t len = make_key(kind, id, key);
    roster_t *found = find(rosters, key, len);
    if (found) {
        return found;
    }
    roster_t *made = calloc(1, sizeof *made + len + 1);
    if (!made) {
        return NULL;
    }
    made->kind = kind;
    memcpy(made->key, key, len);
    ring_init(&made->holders);
    HASH_ADD_KEYPTR(hh, rosters->all, made->key, len, made);
    if (!made->hh.tbl) {
        free(made);
        return NULL;
    }
    ring_prepend(&rosters->order, &made->order); /* due at once */
    rosters->count++;
    return made;
}

static void free_users(char **users, size_t count) {
    for (size_t i = 0; i < count; i++) {
        free(users[i]);
    }
    free(users);
}

static void end(rosters_t *rosters, roster_t *roster) {
    HASH_DEL(rosters->all, roster);
    ring_remove(&roster->order);
    rosters->count--;
    rosters->unheld_count -= roster->unheld;
    free_users(roster->users, roster->users_count);
    free(roster);
}

void rosters_clear(rosters_t *rosters) {
    while (!ring_is_empty(&rosters->order)) {
        end(rosters, RING_OWNER(rosters->order.next, roster_t, order));
    }
}

void rosters_hold(rosters_t *rosters, roster_t *roster, ring *holder) {
    ring_append(&roster->holders, holder);
    rosters->unheld_count -= roster->unheld;
    roster->unheld = false;
}

void rosters_release(rosters_t *rosters, roster_t *roster) {
    if (!ring_is_empty(&roster->holders) || roster->unheld) {
        return;
    }
    if (roster->version == 0 || rosters->unheld_count == ROSTERS_UNHELD_MAX) {
        end(rosters, roster);
        return;
    }
    roster->unheld = true;
    rosters->unheld_count++;
}

const char *roster_id(const roster_t *roster) {
    return roster->key + 1;
}

static int compare(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* -- asking -- */

uint64_t rosters_due_ms(const rosters_t *rosters) {
    return ring_is_empty(&rosters->order) ? UINT64_MAX
                                          : RING_OWNER(rosters->order.next, roster_t, order)->due_ms;
}

/* Nobody is due later. */
static void set_due(rosters_t *rosters, roster_t *roster, uint64_t due_ms) {
    roster->due_ms = due_ms;
    ring_remove(&roster->order);
    ring_append(&rosters->order, &roster->order);
}

static void set_due_at_once(rosters_t *rosters, roster_t *roster) {
    roster->due_ms = 0;
    ring_remove(&roster->order);
    ring_prepend(&rosters->order, &roster->order);
}

size_t rosters_ask(rosters_t *rosters, uint64_t now_ms, uint64_t refresh_ms, const roster_t *ret_asked[],
                   size_t most) {
    size_t count = 0;
    while (count < most && rosters_due_ms(rosters) <= now_ms) {
        roster_t *first = RING_OWNER(rosters->order.next, roster_t, order);
        if (first->unheld) {
            end(rosters, first);
            continue;
        }
        set_due(rosters, first, now_ms + refresh_ms);
        first->asked = true;
        ret_asked[count++] = first;
    }
    return count;
}

void rosters_answered(rosters_t *rosters, bool all) {
    ring *at = rosters->order.previous;
    bool answered = all;
    while (at != &rosters->order && RING_OWNER(at, roster_t, order)->asked) {
        roster_t *asked = RING_OWNER(at, roster_t, order);
        at = at->previous;
        answered |= asked->answered;
        asked->asked = asked->answered = false;
        if (!answered) {
            set_due_at_once(rosters, asked);
        }
    }
}

/* -- what has changed -- */

/* Sorted copies; NULL: out of memory. */
static char **copy_users(char *const *user_ids, size_t count) {
    char **users = calloc(count + 1, sizeof *users);
    for (size_t i = 0; users && i < count; i++) {
        users[i] = strdup(user_ids[i]);
        if (!users[i]) {
            free_users(users, i);
            return NULL;
        }
    }
    if (users) {
        qsort(users, count, sizeof *users, compare);
    }
    return users;
}

static void find_differences(const roster_t *roster, roster_change *change) {
    size_t i = 0, k = 0;
    while (i < roster->users_count || k < change->before_count) {
        int order = i == roster->users_count    ? 1
                    : k == change->before_count ? -1
                                                : strcmp(roster->users[i], change->before[k]);
        if (order < 0) {
            change->added[change->added_count++] = roster->users[i];
        } else if (order > 0) {
            change->removed[change->removed_count++] = change->before[k];
        }
        i += order <= 0;
        k += order >= 0;
    }
}

zp_error roster_change_begin(roster_t *roster, uint64_t version, char *const *user_ids, size_t count,
                             roster_change *ret_change) {
    char **users = copy_users(user_ids, count);
    roster_change change = {.before = roster->users,
                            .before_count = roster->users_count,
                            .added = calloc(count + 1, sizeof *change.added),
                            .removed = calloc(roster->users_count + 1, sizeof *change.removed)};
    if (!users || !change.added || !change.removed) {
        free_users(users, users ? count : 0);
        free(change.added);
        free(change.removed);
        return ZP_NO_MEMORY;
    }
    roster->users = users;
    roster->users_count = count;
    roster->version = version;
    roster->answered = roster->asked;
    find_differences(roster, &change);
    *ret_change = change;
    return ZP_OK;
}

void roster_change_end(roster_change *change) {
    free_users(change->before, change->before_count);
    free(change->added);
    free(change->removed);
    *change = (roster_change){0};
}
