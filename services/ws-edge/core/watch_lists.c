#include "services/ws-edge/core/watch_lists.h"

#include "common/wire/client_frame.h"
#include "services/ws-edge/core/server_frame.h"
#include "services/ws-edge/core/watch_lists_state.h"

#include <assert.h>
#include <stdlib.h>

watch_lists_t *watch_lists_new(size_t watches_max, size_t list_max) {
    watch_lists_t *lists = calloc(1, sizeof *lists);
    if (lists) {
        lists->watches_max = watches_max;
        lists->list_max = list_max;
        ring_init(&lists->changed);
        ring_init(&lists->unsaid);
        ring_init(&lists->grown);
        ring_init(&lists->unfilled);
        rosters_init(&lists->rosters);
    }
    return lists;
}

void watch_lists_destroy(watch_lists_t **lists) {
    if (*lists) {
        assert((*lists)->lists_count == 0);
        watch_lists_unsay(*lists); /* lets go of those who are not watched */
        rosters_clear(&(*lists)->rosters);
        free(*lists);
        *lists = NULL;
    }
}

size_t watch_lists_count(const watch_lists_t *lists) {
    return lists->lists_count;
}

size_t watch_lists_watches_count(const watch_lists_t *lists) {
    return lists->watches_count;
}

size_t watch_lists_users_count(const watch_lists_t *lists) {
    return lists->users_count;
}

/* -- whom to tell of -- */

/* After a change of `said`, or whether the user is watched: whoever is neither is let go. */
static void note_saying(watch_lists_t *lists, watched *user) {
    bool is_watched = !ring_is_empty(&user->watches);
    if (user->said == is_watched) {
        ring_remove(&user->unsaid);
    } else if (!ring_is_in_list(&user->unsaid)) {
        ring_append(&lists->unsaid, &user->unsaid);
    }
    if (!user->said && !is_watched) {
        HASH_DEL(lists->users, user);
        free(user);
    }
}

size_t watch_lists_unsaid(const watch_lists_t *lists, char *user_ids[], bool are_watched[], size_t most) {
    size_t count = 0;
    for (ring *at = lists->unsaid.next; at != &lists->unsaid && count < most; at = at->next) {
        watched *user = RING_OWNER(at, watched, unsaid);
        user_ids[count] = user->id;
        are_watched[count++] = !user->said;
    }
    return count;
}

void watch_lists_said(watch_lists_t *lists, size_t count) {
    for (; count > 0; count--) {
        watched *user = RING_OWNER(lists->unsaid.next, watched, unsaid);
        user->said = !user->said;
        note_saying(lists, user);
    }
}

void watch_lists_unsay(watch_lists_t *lists) {
    watched *user = NULL;
    watched *next = NULL;
    HASH_ITER(hh, lists->users, user, next) {
        user->said = false;
        note_saying(lists, user);
    }
}

/* -- lists -- */

zp_error watch_list_new(watch_lists_t *lists, size_t room, const watch_list_t *replaced, void *owner,
                        watch_list_t **ret_list) {
    size_t others_room = lists->room - (replaced ? replaced->room : 0);
    if (room > lists->watches_max || others_room > lists->watches_max - room) {
        return ZP_FULL;
    }
    watch_list_t *list = calloc(1, sizeof *list);
    watch *watches = calloc(room + 1, sizeof *watches);
    if (!list || !watches) {
        free(list);
        free(watches);
        return ZP_NO_MEMORY;
    }
    list->lists = lists;
    list->owner = owner;
    list->room = room;
    list->watches = watches;
    list->snapshot_due = true;
    list->replaced_room = replaced ? replaced->room : 0;
    ring_init(&list->changed);
    ring_init(&list->rosters);
    lists->lists_count++;
    lists->room += room;
    *ret_list = list;
    return ZP_OK;
}

static watched *find(const watch_lists_t *lists, str_view user_id) {
    watched *user = NULL;
    HASH_FIND(hh, lists->users, user_id.ptr, user_id.len, user);
    return user;
}

static watched *add_user(watch_lists_t *lists, str_view user_id) {
    watched *user = calloc(1, sizeof *user + user_id.len + 1);
    if (!user) {
        return NULL;
    }
    memcpy(user->id, user_id.ptr, user_id.len);
    user->id_len_bytes = user_id.len;
    ring_init(&user->watches);
    HASH_ADD_KEYPTR(hh, lists->users, user->id, user->id_len_bytes, user);
    if (!user->hh.tbl) {
        free(user);
        return NULL;
    }
    return user;
}

static void leave_user(watch *item) {
    watch_lists_t *lists = item->list->lists;
    ring_remove(&item->changed);
    ring_remove(&item->of_user);
    if (item->user->noted == item->list) {
        item->user->noted = NULL; /* another list may stand at its address one day */
    }
    lists->users_count -= ring_is_empty(&item->user->watches);
    note_saying(lists, item->user);
    item->user = NULL;
    lists->watches_count--;
}

void watch_list_end(watch_list_t **self) {
    watch_list_t *list = *self;
    if (!list) {
        return;
    }
    *self = NULL;
    watch_list_end_rosters(list);
    for (size_t i = 0; i < list->count; i++) {
        leave_user(&list->watches[i]);
    }
    ring_remove(&list->changed_link);
    list->lists->lists_count--;
    list->lists->room -= list->room;
    free(list->watches);
    free(list);
}

/* Entries are linked by their addresses: whoever moves is linked anew, in the same places. */
static void move_up(watch *to, watch *from) {
    *to = *from;
    ring_insert_before(&from->of_user, &to->of_user);
    ring_remove(&from->of_user);
    if (ring_is_in_list(&from->changed)) {
        ring_insert_before(&from->changed, &to->changed);
        ring_remove(&from->changed);
    }
}

static size_t smaller(size_t one, size_t other) {
    return one < other ? one : other;
}

void watch_list_reserve(watch_list_t *list, size_t more) {
    watch_lists_t *lists = list->lists;
    /* What the list takes the place of makes room for it. */
    size_t taken = lists->room - smaller(list->replaced_room, lists->room);
    size_t wanted = smaller(list->count + more, lists->list_max);
    size_t room = smaller(wanted, list->room + (lists->watches_max - smaller(taken, lists->watches_max)));
    watch *watches = room > list->room ? calloc(room, sizeof *watches) : NULL;
    if (!watches) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        move_up(&watches[i], &list->watches[i]);
    }
    free(list->watches);
    list->watches = watches;
    lists->room += room - list->room;
    list->room = room;
}

void watch_list_has_replaced(watch_list_t *list) {
    list->replaced_room = 0;
}

void watch_list_note_users(watch_list_t *list) {
    for (size_t place = 0; place < list->count; place++) {
        list->watches[place].user->noted = list;
        list->watches[place].user->noted_place = (uint32_t)place;
    }
}

static bool is_noted(const watch_list_t *list, const watched *user) {
    return user && user->noted == list;
}

watch *watch_list_noted(watch_list_t *list, str_view user_id) {
    const watched *user = find(list->lists, user_id);
    return is_noted(list, user) ? &list->watches[user->noted_place] : NULL;
}

zp_error watch_list_put(watch_list_t *list, str_view user_id, watch **ret_watch) {
    watch_lists_t *lists = list->lists;
    watched *user = find(lists, user_id);
    if (is_noted(list, user)) {
        *ret_watch = &list->watches[user->noted_place];
        return ZP_OK;
    }
    if (list->count == list->room) {
        return ZP_FULL;
    }
    user = user ? user : add_user(lists, user_id);
    if (!user) {
        return ZP_NO_MEMORY;
    }
    lists->users_count += ring_is_empty(&user->watches);
    user->noted = list;
    user->noted_place = (uint32_t)list->count;
    watch *item = &list->watches[list->count++];
    *item = (watch){.user = user, .list = list};
    ring_append(&user->watches, &item->of_user);
    lists->watches_count++;
    note_saying(lists, user);
    *ret_watch = item;
    return ZP_OK;
}

zp_error watch_list_add(watch_list_t *list, str_view user_id) {
    watch *item = NULL;
    zp_error error = watch_list_put(list, user_id, &item);
    if (error == ZP_OK) {
        item->named = true;
    }
    return error;
}

void watch_list_sweep(watch_list_t *list) {
    size_t kept = 0, told = 0;
    for (size_t place = 0; place < list->count; place++) {
        watch *item = &list->watches[place];
        if (!item->named && item->rosters_count == 0) {
            leave_user(item);
            list->leavings++;
            continue;
        }
        told += place < list->told_count;
        if (kept < place) {
            move_up(&list->watches[kept], item);
        }
        list->watches[kept].user->noted_place =
            (uint32_t)kept; /* of another list: then it is not looked at */
        kept++;
    }
    list->count = kept;
    list->told_count = told;
}

void watch_list_remove(watch_list_t *list, str_view user_id) {
    watch *item = watch_list_noted(list, user_id);
    if (item) {
        item->named = false;
    }
}

size_t watch_list_told_count(const watch_list_t *list) {
    return list->told_count;
}

size_t watch_list_users_count(const watch_list_t *list) {
    return list->count;
}

uint32_t watch_list_leavings(const watch_list_t *list) {
    return list->leavings;
}

/* -- snapshots -- */

const char *watch_list_user(const watch_list_t *list, size_t place) {
    return list->watches[place].user->id;
}

void watch_list_newest(const watch_list_t *list, size_t place, presence_status *status,
                       log_position *position) {
    const watched *user = list->watches[place].user;
    if (log_position_before(*position, user->position)) {
        *status = user->status;
        *position = user->position;
    }
}

void watch_list_told(watch_list_t *list, size_t place, presence_status status, log_position position) {
    watch *item = &list->watches[place];
    item->told = (uint8_t)status;
    item->told_at = position;
    ring_remove(&item->changed);
    list->told_count += place == list->told_count;
}

/* -- changes -- */

/* True: the change takes the place of one that was not told yet. */
static bool note_change(watch *item) {
    watch_list_t *list = item->list;
    if (item->told_at.epoch == 0 || !log_position_before(item->told_at, item->user->position)) {
        return false;
    }
    bool replaces = ring_is_in_list(&item->changed);
    if (!replaces && item->told == item->user->status) {
        item->told_at = item->user->position;
        return false;
    }
    if (!replaces) {
        ring_append(&list->changed, &item->changed);
    }
    if (!ring_is_in_list(&list->changed_link)) {
        ring_append(&list->lists->changed, &list->changed_link);
    }
    return replaces;
}

static size_t set_state(watched *user, presence_status status, log_position position, uint64_t at_ms) {
    size_t replaced_count = 0;
    user->status = status;
    user->position = position;
    user->at_ms = at_ms;
    for (ring *at = user->watches.next; at != &user->watches; at = at->next) {
        replaced_count += note_change(RING_OWNER(at, watch, of_user));
    }
    return replaced_count;
}

size_t watch_lists_tell(watch_lists_t *lists, const watch_change *change) {
    watched *user = find(lists, change->user_id);
    if (!user || !log_position_before(user->position, change->position)) {
        return 0;
    }
    return set_state(user, change->to, change->position, change->at_ms);
}

void watch_lists_settle(watch_lists_t *lists, const watch_view_t *view, uint64_t now_unix_ms) {
    /* It holds everything up to here, of everybody. */
    const log_position position = watch_view_position(view);
    for (watched *user = lists->users; user; user = user->hh.next) {
        watched_state state;
        watch_view_find(view, str_view_make(user->id, user->id_len_bytes), &state);
        if (log_position_before(user->position, position)) {
            bool offline = state.status == STATUS_OFFLINE; /* since when, the view does not know */
            (void)set_state(user, state.status, position, offline ? now_unix_ms : state.since_ms);
        }
    }
}

bool watch_lists_have_changed(const watch_lists_t *lists) {
    return !ring_is_empty(&lists->changed);
}

void *watch_lists_next_changed(watch_lists_t *lists) {
    if (ring_is_empty(&lists->changed)) {
        return NULL;
    }
    watch_list_t *list = RING_OWNER(lists->changed.next, watch_list_t, changed_link);
    ring_remove(&list->changed_link);
    return list->owner;
}

bool watch_list_is_told(const watch_list_t *list) {
    return ring_is_empty(&list->changed);
}

size_t watch_list_take(watch_list_t *list, wire_form form, char *out, size_t out_bytes,
                       size_t *ret_coalesced) {
    char payload[CLIENT_UPDATE_MAX_BYTES];
    size_t written = 0;
    *ret_coalesced = 0;
    while (!ring_is_empty(&list->changed) &&
           out_bytes - written >= SERVER_FRAME_HEADER_MAX + CLIENT_UPDATE_MAX_BYTES) {
        watch *item = RING_OWNER(list->changed.next, watch, changed);
        const watched *user = item->user;
        size_t len = 0;
        if (client_frame_update(form, str_view_make(user->id, user->id_len_bytes),
                                (presence_status)item->told, user->status, user->at_ms, payload, &len)) {
            size_t header_len = server_frame_header(len, out + written);
            memcpy(out + written + header_len, payload, len);
            written += header_len + len;
        } else {
            (*ret_coalesced)++;
        }
        item->told = (uint8_t)user->status;
        item->told_at = user->position;
        ring_remove(&item->changed);
    }
    return written;
}
