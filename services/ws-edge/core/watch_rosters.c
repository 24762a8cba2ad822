#include "services/ws-edge/core/watch_rosters.h"

#include "services/ws-edge/core/watch_lists_state.h"

#include <stdlib.h>

static roster_watch *find_held(const watch_list_t *list, const roster_t *roster) {
    for (ring *at = list->rosters.next; at != &list->rosters; at = at->next) {
        roster_watch *held = RING_OWNER(at, roster_watch, of_list);
        if (held->roster == roster) {
            return held;
        }
    }
    return NULL;
}

/* -- users come and go; the list's users are noted -- */

static void put_users(watch_list_t *list, const char *const *user_ids, size_t count) {
    watch_list_reserve(list, count);
    for (size_t i = 0; i < count; i++) {
        watch *item = NULL;
        if (watch_list_put(list, str_view_of(user_ids[i]), &item) == ZP_OK) {
            item->rosters_count++;
        } else {
            list->left_out = true;
        }
    }
}

static void put_roster(watch_list_t *list, const roster_t *roster) {
    put_users(list, (const char *const *)roster->users, roster->users_count);
}

static void take_users(watch_list_t *list, const char *const *user_ids, size_t count) {
    for (size_t i = 0; i < count; i++) {
        watch *item = watch_list_noted(list, str_view_of(user_ids[i]));
        if (item && item->rosters_count > 0) {
            item->rosters_count--;
        }
    }
    if (count > 0) {
        watch_list_sweep(list);
    }
}

/* Everybody is counted anew: in which rosters those are who were left out, nothing says. So whoever comes to
 * stand on a list that has left somebody out is put there by this. */
static void put_those_left_out(watch_list_t *list) {
    list->left_out = false;
    for (size_t place = 0; place < list->count; place++) {
        list->watches[place].rosters_count = 0;
    }
    for (ring *at = list->rosters.next; at != &list->rosters; at = at->next) {
        put_roster(list, RING_OWNER(at, roster_watch, of_list)->roster);
    }
    list->snapshot_due = list->snapshot_due || list->told_count < list->count;
}

/* Somebody has been left out, and somebody finds room now. */
static bool can_fill_up(const watch_list_t *list) {
    const watch_lists_t *lists = list->lists;
    bool may_grow = list->room < lists->list_max && lists->room < lists->watches_max;
    return list->left_out && (list->count < list->room || may_grow);
}

/* -- what is held -- */

zp_error watch_list_hold(watch_list_t *list, roster_kind kind, str_view id) {
    watch_lists_t *lists = list->lists;
    roster_t *roster = rosters_get(&lists->rosters, kind, id);
    if (!roster) {
        return ZP_NO_MEMORY;
    }
    if (find_held(list, roster)) {
        return ZP_OK;
    }
    roster_watch *held = calloc(1, sizeof *held);
    if (!held) {
        rosters_release(&lists->rosters, roster);
        return ZP_NO_MEMORY;
    }
    held->roster = roster;
    held->list = list;
    rosters_hold(&lists->rosters, roster, &held->of_roster);
    ring_append(&list->rosters, &held->of_list);
    watch_list_note_users(list);
    put_roster(list, roster);
    return ZP_OK;
}

static void end_held(roster_watch *held) {
    ring_remove(&held->of_roster);
    ring_remove(&held->of_list);
    free(held);
}

void watch_list_let_go(watch_list_t *list, roster_kind kind, str_view id) {
    rosters_t *rosters = &list->lists->rosters;
    roster_t *roster = rosters_find(rosters, kind, id);
    roster_watch *held = roster ? find_held(list, roster) : NULL;
    if (!held) {
        return;
    }
    end_held(held);
    watch_list_note_users(list);
    take_users(list, (const char *const *)roster->users, roster->users_count);
    rosters_release(rosters, roster);
}

void watch_list_fill_up(watch_list_t *list) {
    if (can_fill_up(list)) {
        watch_list_note_users(list);
        put_those_left_out(list);
    }
}

void watch_list_end_rosters(watch_list_t *list) {
    ring *next = NULL;
    for (ring *at = list->rosters.next; at != &list->rosters; at = next) {
        roster_watch *held = RING_OWNER(at, roster_watch, of_list);
        roster_t *roster = held->roster;
        next = at->next;
        end_held(held);
        rosters_release(&list->lists->rosters, roster);
    }
    ring_remove(&list->grown_link);
}

/* -- what a list is told -- */

static bool awaits_rosters(const watch_list_t *list) {
    for (ring *at = list->rosters.next; at != &list->rosters; at = at->next) {
        if (RING_OWNER(at, roster_watch, of_list)->roster->version == 0) {
            return true;
        }
    }
    return false;
}

static bool is_snapshot_due(const watch_list_t *list) {
    return list->snapshot_due && !awaits_rosters(list);
}

bool watch_list_take_snapshot_due(watch_list_t *list) {
    bool due = is_snapshot_due(list);
    list->snapshot_due = list->snapshot_due && !due;
    return due;
}

static bool is_left_out_news(const watch_list_t *list) {
    return list->left_out && !list->left_out_said;
}

bool watch_list_take_left_out(watch_list_t *list) {
    bool news = is_left_out_news(list);
    list->left_out_said = list->left_out_said || news;
    return news;
}

size_t watch_lists_rosters_count(const watch_lists_t *lists) {
    return lists->rosters.count - lists->rosters.unheld_count;
}

rosters_t *watch_lists_rosters(watch_lists_t *lists) {
    return &lists->rosters;
}

static void apply(watch_list_t *list, const roster_change *change) {
    watch_list_note_users(list);
    take_users(list, change->removed, change->removed_count);
    if (can_fill_up(list)) {
        put_those_left_out(list); /* who was added is among the roster's users already */
    } else {
        put_users(list, change->added, change->added_count);
    }
    list->snapshot_due = list->snapshot_due || list->told_count < list->count;
    if ((is_snapshot_due(list) || is_left_out_news(list)) && !ring_is_in_list(&list->grown_link)) {
        ring_append(&list->lists->grown, &list->grown_link);
    }
}

void watch_lists_set_roster(watch_lists_t *lists, roster_kind kind, str_view id, uint64_t version,
                            char *const *user_ids, size_t count) {
    roster_t *roster = rosters_find(&lists->rosters, kind, id);
    roster_change change;
    if (!roster || roster_change_begin(roster, version, user_ids, count, &change) != ZP_OK) {
        return;
    }
    for (ring *at = roster->holders.next; at != &roster->holders; at = at->next) {
        apply(RING_OWNER(at, roster_watch, of_roster)->list, &change);
    }
    roster_change_end(&change);
}

void *watch_lists_next_grown(watch_lists_t *lists) {
    if (ring_is_empty(&lists->grown)) {
        return NULL;
    }
    watch_list_t *list = RING_OWNER(lists->grown.next, watch_list_t, grown_link);
    ring_remove(&list->grown_link);
    return list->owner;
}
