#include "services/fanout/core/watch_sets.h"
#include "common/base/hash_table.h"
#include "common/base/ring.h"
#include <assert.h>
#include <stdlib.h>

/* Somebody who is in a set. */
typedef struct wanted {
    UT_hash_handle hh;
    ring members; /* member.of_user */
    size_t id_len_bytes;
    char id[]; /* NUL-terminated */
} wanted;

typedef struct member {
    ring of_user; /* in wanted.members */
    ring of_set;  /* in watch_set.unanswered, or watch_set.answered */
    wanted *user;
    watch_set_t *set;
} member;

struct watch_set {
    watch_sets_t *sets;
    ring unanswered, answered;
    size_t notes_count;
    size_t notes[WATCH_SET_NOTES_MAX];
};

struct watch_sets {
    wanted *users; /* uthash by id */
    size_t sets_count, members_count, members_max;
};

watch_sets_t *watch_sets_new(size_t users_max) {
    watch_sets_t *sets = calloc(1, sizeof(*sets));
    if (sets) {
        sets->members_max = users_max;
    }
    return sets;
}

void watch_sets_destroy(watch_sets_t **sets) {
    if (*sets) {
        assert((*sets)->sets_count == 0);
        free(*sets);
        *sets = NULL;
    }
}

size_t watch_sets_users_count(const watch_sets_t *sets) {
    return sets->members_count;
}

/* -- members -- */

watch_set_t *watch_set_new(watch_sets_t *sets) {
    watch_set_t *set = calloc(1, sizeof(*set));
    if (set) {
        set->sets = sets;
        ring_init(&set->unanswered);
        ring_init(&set->answered);
        sets->sets_count++;
    }
    return set;
}

static wanted *find_user(const watch_sets_t *sets, str_view user_id) {
    wanted *user = NULL;
    HASH_FIND(hh, sets->users, user_id.ptr, user_id.len, user);
    return user;
}

static wanted *add_user(watch_sets_t *sets, str_view user_id) {
    wanted *user = calloc(1, sizeof(*user) + user_id.len + 1);
    if (!user) {
        return NULL;
    }
    memcpy(user->id, user_id.ptr, user_id.len);
    user->id_len_bytes = user_id.len;
    ring_init(&user->members);
    HASH_ADD_KEYPTR(hh, sets->users, user->id, user->id_len_bytes, user);
    if (!user->hh.tbl) {
        free(user);
        return NULL;
    }
    return user;
}

static void drop_user_if_unwanted(watch_sets_t *sets, wanted *user) {
    if (ring_is_empty(&user->members)) {
        HASH_DEL(sets->users, user);
        free(user);
    }
}

static member *find_member(const watch_set_t *set, const wanted *user) {
    for (ring *at = user->members.next; at != &user->members; at = at->next) {
        member *each = RING_OWNER(at, member, of_user);
        if (each->set == set) {
            return each;
        }
    }
    return NULL;
}

static void remove_member(member *gone) {
    watch_sets_t *sets = gone->set->sets;
    ring_remove(&gone->of_user);
    ring_remove(&gone->of_set);
    drop_user_if_unwanted(sets, gone->user);
    free(gone);
    sets->members_count--;
}

static void remove_members(ring *list) {
    ring *next = NULL;
    for (ring *at = list->next; at != list; at = next) {
        next = at->next;
        remove_member(RING_OWNER(at, member, of_set));
    }
}

void watch_set_end(watch_set_t **self) {
    watch_set_t *set = *self;
    if (!set) {
        return;
    }
    *self = NULL;
    remove_members(&set->unanswered);
    remove_members(&set->answered);
    set->sets->sets_count--;
    free(set);
}

static zp_error join(watch_set_t *set, wanted *user) {
    member *newcomer = calloc(1, sizeof(*newcomer));
    if (!newcomer) {
        return ZP_NO_MEMORY;
    }
    newcomer->user = user;
    newcomer->set = set;
    ring_append(&user->members, &newcomer->of_user);
    ring_append(&set->unanswered, &newcomer->of_set);
    set->sets->members_count++;
    return ZP_OK;
}

zp_error watch_set_add(watch_set_t *set, str_view user_id) {
    watch_sets_t *sets = set->sets;
    wanted *user = find_user(sets, user_id);
    member *known = user ? find_member(set, user) : NULL;
    if (known) {
        ring_remove(&known->of_set);
        ring_append(&set->unanswered, &known->of_set);
        return ZP_OK;
    }
    if (sets->members_count == sets->members_max) {
        return ZP_FULL;
    }
    user = user ? user : add_user(sets, user_id);
    if (!user) {
        return ZP_NO_MEMORY;
    }
    zp_error error = join(set, user);
    drop_user_if_unwanted(sets, user);
    return error;
}

void watch_set_remove(watch_set_t *set, str_view user_id) {
    const wanted *user = find_user(set->sets, user_id);
    member *gone = user ? find_member(set, user) : NULL;
    if (gone) {
        remove_member(gone);
    }
}

/* -- states -- */

bool watch_set_is_answered(const watch_set_t *set) {
    return ring_is_empty(&set->unanswered);
}

void watch_set_unanswer(watch_set_t *set) {
    while (!ring_is_empty(&set->answered)) {
        ring *next = set->answered.next;
        ring_remove(next);
        ring_append(&set->unanswered, next);
    }
}

const char *watch_set_take_unanswered(watch_set_t *set) {
    if (ring_is_empty(&set->unanswered)) {
        return NULL;
    }
    member *next = RING_OWNER(set->unanswered.next, member, of_set);
    ring_remove(&next->of_set);
    ring_append(&set->answered, &next->of_set);
    return next->user->id;
}

/* -- changes -- */

bool watch_sets_note(watch_sets_t *sets, str_view user_id, size_t place) {
    const wanted *user = find_user(sets, user_id);
    if (!user) {
        return false;
    }
    for (ring *at = user->members.next; at != &user->members; at = at->next) {
        watch_set_t *set = RING_OWNER(at, member, of_user)->set;
        assert(set->notes_count < WATCH_SET_NOTES_MAX);
        set->notes[set->notes_count++] = place;
    }
    return true;
}

const size_t *watch_set_notes(const watch_set_t *set, size_t *ret_count) {
    *ret_count = set->notes_count;
    return set->notes;
}

void watch_set_forget_notes(watch_set_t *set) {
    set->notes_count = 0;
}
