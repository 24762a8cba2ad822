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
}

/* Somebody has been left out, and somebody finds room now. */
static bool can_fill_up(const watch_list_t *list) {
    const watch_lists_t *lists = list->lists;
    bool may_grow = list->room < lists->list_max && lists->room < lists->watches_max;
    return list->left_out && (list->count < list->room || may_grow);
}

/* False: it needs none. */
static bool await_filling(watch_list_t *list) {
    if (!can_fill_up(list)) {
        return false;
    }
    if (!ring_is_in_list(&list->unfilled_link)) {
        ring_append(&list->lists->unfilled, &list->unfilled_link);
    }
    return true;
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

void watch_list_begin_removal(watch_list_t *list) {
    watch_list_note_users(list);
}

void watch_list_end_removal(watch_list_t *list) {
    watch_list_sweep(list);
    (void)await_filling(list);
}

void watch_list_let_go(watch_list_t *list, roster_kind kind, str_view id) {
    rosters_t *rosters = &list->lists->rosters;
    roster_t *roster = rosters_find(rosters, kind, id);
    roster_watch *held = roster ? find_held(list, roster) : NULL;
    if (!held) {
        return;
    }
    end_held(held);
    take_users(list, (const char *const *)roster->users, roster->users_count);
    rosters_release(rosters, roster);
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
    ring_remove(&list->unfilled_link);
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

static void note_growth(watch_list_t *list) {
    list->snapshot_due = list->snapshot_due || list->told_count < list->count;
    if ((is_snapshot_due(list) || is_left_out_news(list)) && !ring_is_in_list(&list->grown_link)) {
        ring_append(&list->lists->grown, &list->grown_link);
    }
}

static const roster_change *change_of(const ring *of_list) {
    return RING_OWNER(of_list, roster_watch, of_list)->roster->change;
}

typedef struct change_counts {
    size_t added, removed;
} change_counts;

static change_counts count_changes(const watch_list_t *list) {
    change_counts counts = {0, 0};
    for (const ring *at = list->rosters.next; at != &list->rosters; at = at->next) {
        const roster_change *change = change_of(at);
        counts.added += change ? change->added_count : 0;
        counts.removed += change ? change->removed_count : 0;
    }
    return counts;
}

static void take_removed(watch_list_t *list) {
    for (const ring *at = list->rosters.next; at != &list->rosters; at = at->next) {
        const roster_change *change = change_of(at);
        if (change) {
            take_users(list, change->removed, change->removed_count);
        }
    }
}

static void put_added(watch_list_t *list) {
    for (const ring *at = list->rosters.next; at != &list->rosters; at = at->next) {
        const roster_change *change = change_of(at);
        if (change) {
            put_users(list, change->added, change->added_count);
        }
    }
}

/* All changes at hand, at once: each pass over the list costs its length. Where there is room, who goes from
 * one roster to another stays where they stand. */
static void apply_changes(watch_list_t *list) {
    change_counts counts = count_changes(list);
    watch_list_note_users(list);
    watch_list_reserve(list, counts.added);
    bool has_room = !list->left_out && counts.added <= list->room - list->count;
    take_removed(list);
    if (has_room) {
        put_added(list);
    }
    if (counts.removed > 0) {
        watch_list_sweep(list);
    }
    if (!has_room && !await_filling(list)) { /* else who was added is put there with the others */
        put_added(list);
    }
    note_growth(list);
}

/* Those that hold the roster come to stand among those that change. */
static void note_holders(const roster_t *roster, ring *changing) {
    for (ring *at = roster->holders.next; at != &roster->holders; at = at->next) {
        watch_list_t *list = RING_OWNER(at, roster_watch, of_roster)->list;
        if (!ring_is_in_list(&list->changing_link)) {
            ring_append(changing, &list->changing_link);
        }
    }
}

void watch_lists_set_rosters(watch_lists_t *lists, const roster_news *news, size_t count) {
    roster_change changes[ROSTERS_ASKED_MAX];
    roster_t *changed[ROSTERS_ASKED_MAX];
    size_t changed_count = 0;
    ring changing;
    ring_init(&changing);
    for (size_t i = 0; i < count && changed_count < ROSTERS_ASKED_MAX; i++) {
        roster_t *roster = rosters_find(&lists->rosters, news[i].kind, news[i].id);
        roster_change *change = &changes[changed_count];
        if (!roster || roster->change ||
            roster_change_begin(roster, news[i].version, news[i].user_ids, news[i].users_count, change) !=
                ZP_OK) {
            continue;
        }
        roster->change = change;
        changed[changed_count++] = roster;
        note_holders(roster, &changing);
    }
    while (!ring_is_empty(&changing)) {
        watch_list_t *list = RING_OWNER(changing.next, watch_list_t, changing_link);
        ring_remove(&list->changing_link);
        apply_changes(list);
    }
    for (size_t i = 0; i < changed_count; i++) {
        roster_change_end(changed[i]->change);
        changed[i]->change = NULL;
    }
}

bool watch_lists_are_unfilled(const watch_lists_t *lists) {
    return !ring_is_empty(&lists->unfilled);
}

/* Returns how many look-ups it took. */
static size_t fill(watch_list_t *list) {
    size_t steps = 0;
    ring_remove(&list->unfilled_link);
    if (can_fill_up(list)) { /* still */
        watch_list_note_users(list);
        put_those_left_out(list);
        note_growth(list);
        for (const ring *at = list->rosters.next; at != &list->rosters; at = at->next) {
            steps += RING_OWNER(at, roster_watch, of_list)->roster->users_count;
        }
    }
    return steps;
}

void watch_lists_fill(watch_lists_t *lists, size_t steps_max) {
    for (size_t steps = 0; watch_lists_are_unfilled(lists) && steps < steps_max;) {
        steps += fill(RING_OWNER(lists->unfilled.next, watch_list_t, unfilled_link));
    }
}

void *watch_lists_next_grown(watch_lists_t *lists) {
    if (ring_is_empty(&lists->grown)) {
        return NULL;
    }
    watch_list_t *list = RING_OWNER(lists->grown.next, watch_list_t, grown_link);
    ring_remove(&list->grown_link);
    return list->owner;
}
