/* watch_lists: any order of changes, late and lost ones too, of subscriptions, groups that change, pages that
 * come late, and reads. Who is on a list is who is named or in a group of it, as far as there is room, and
 * stays as long as that is so; nobody hears of users whom they do not watch, or were not named; statuses
 * alternate for everybody, and nobody is told what is older than what they know; once the lists have been
 * held against a view of what is, everybody ends up knowing that. Input: one operation a byte, two of a
 * subscription or a group. */
#include "common/wire/client_frame.h"
#include "services/ws-edge/core/server_frame.h"
#include "services/ws-edge/core/watch_rosters.h"
#include "tests/fuzz/fuzz.h"
#include <stdio.h>

enum { LATE_MAX = 8 };
enum { USERS = 4, LIST_MAX = 3, CLIENTS = 3, STATUSES = 4, GROUPS = 2 };
/* A list that replaces another is there beside it for a moment. */
enum { WATCHES_MAX = (CLIENTS + 1) * LIST_MAX };

typedef struct client {
    watch_list_t *list;
    unsigned asked; /* bits: users that the client has named */
    bool holds[GROUPS];
    bool watched[USERS], named[USERS];
    presence_status believed[USERS];
    uint64_t known_seq[USERS]; /* what was told last is as of then */
    /* A page of this client's, as a core read it. */
    presence_status page[USERS];
    uint64_t page_seq[USERS];
} client;

typedef struct trial {
    watch_lists_t *lists;
    uint64_t seq;
    presence_status now[USERS];
    uint64_t changed_seq[USERS];
    watch_change late[LATE_MAX]; /* told some time, or never */
    size_t late_count;
    unsigned groups[GROUPS]; /* bits: who is in it; 0 where no core has said that, */
    bool known[GROUPS];      /* and here whether one has: then it is kept, held or not */
    uint64_t version;
    client clients[CLIENTS];
} trial;

static const char names[USERS + 1] = "abcd";

static str_view name_of(unsigned user) {
    return str_view_make(&names[user], 1);
}

static unsigned user_at(const client *c, size_t place) {
    return (unsigned)(watch_list_user(c->list, place)[0] - names[0]);
}

static str_view group_name(size_t group) {
    return str_view_of(group == 0 ? "g" : "h");
}

/* By some list. */
static bool is_held(const trial *t, size_t group) {
    for (size_t i = 0; i < CLIENTS; i++) {
        if (t->clients[i].holds[group]) {
            return true;
        }
    }
    return false;
}

/* Who is on the list by the rules, and who is. */
static void check_list(const trial *t, client *c) {
    bool is_there[USERS] = {false};
    for (size_t place = 0; place < watch_list_users_count(c->list); place++) {
        unsigned user = user_at(c, place);
        assert(!is_there[user]);
        is_there[user] = true;
    }
    unsigned bits = c->asked;
    for (size_t group = 0; group < GROUPS; group++) {
        bits |= c->holds[group] ? t->groups[group] : 0;
    }
    for (unsigned user = 0; user < USERS; user++) {
        bool belongs = (bits & (1u << user)) != 0;
        bool must_stand =
            (c->asked & (1u << user)) != 0 || c->named[user] || watch_list_users_count(c->list) < LIST_MAX;
        assert(!is_there[user] || belongs);
        assert(!belongs || is_there[user] || !must_stand);
        c->watched[user] = is_there[user];
        c->named[user] = c->named[user] && is_there[user];
    }
}

static void check_lists(trial *t) {
    for (size_t i = 0; i < CLIENTS && t->clients[i].list; i++) { /* they come one after the other */
        check_list(t, &t->clients[i]);
    }
}

/* A core says who is in it. */
static void set_group(trial *t, size_t group, unsigned bits) {
    char ids[USERS][2];
    char *users[USERS];
    size_t count = 0;
    if (!is_held(t, group) && !t->known[group]) {
        return;
    }
    t->known[group] = true;
    for (unsigned user = 0; user < USERS; user++) {
        if (bits & (1u << user)) {
            (void)snprintf(ids[count], sizeof ids[count], "%c", names[user]);
            users[count] = ids[count];
            count++;
        }
    }
    t->groups[group] = bits % (1u << USERS);
    const roster_news news = {ROSTER_GROUP, group_name(group), ++t->version, users, count};
    watch_lists_set_rosters(t->lists, &news, 1);
    watch_lists_fill(t->lists, SIZE_MAX);
    while (watch_lists_next_grown(t->lists)) {
    }
    check_lists(t);
}

static void let_go(trial *t, client *c, size_t group) {
    watch_list_begin_removal(c->list);
    watch_list_let_go(c->list, ROSTER_GROUP, group_name(group));
    watch_list_end_removal(c->list);
    watch_lists_fill(t->lists, SIZE_MAX);
    c->holds[group] = false;
    check_lists(t);
}

static log_position at(uint64_t seq) {
    return (log_position){1, seq};
}

static void change(trial *t, unsigned user, unsigned step, bool told) {
    t->now[user] = (presence_status)((t->now[user] + 1 + step % (STATUSES - 1)) % STATUSES);
    t->changed_seq[user] = ++t->seq;
    const watch_change news = {name_of(user), STATUS_OFFLINE, t->now[user], at(t->seq), t->seq, 0};
    if (told) {
        (void)watch_lists_tell(t->lists, &news);
    } else if (t->late_count < LATE_MAX) {
        t->late[t->late_count++] = news;
    }
}

static void tell_late_one(trial *t) {
    if (t->late_count > 0) {
        (void)watch_lists_tell(t->lists, &t->late[0]);
        memmove(&t->late[0], &t->late[1], --t->late_count * sizeof t->late[0]);
    }
}

static void on_tell(void *context, const watch_change *news) {
    (void)context;
    (void)news;
}

static void settle(trial *t) {
    watch_view_t *view = watch_view_new(on_tell, NULL);
    assert(view);
    watch_view_begin(view);
    for (unsigned user = 0; user < USERS; user++) {
        if (t->now[user] != STATUS_OFFLINE) {
            assert(watch_view_state(view, name_of(user), t->now[user], at(t->changed_seq[user]),
                                    t->changed_seq[user]) == ZP_OK);
        }
    }
    watch_view_end(view, at(t->seq), t->seq);
    watch_lists_settle(t->lists, view, t->seq);
    watch_view_destroy(&view);
}

static void subscribe(trial *t, client *c, unsigned mask) {
    watch_list_t *list = NULL;
    mask &= mask % (1u << USERS) == (1u << USERS) - 1 ? ~1u : ~0u; /* the edge refuses more than LIST_MAX */
    size_t room = (size_t)__builtin_popcount(mask % (1u << USERS));
    assert(watch_list_new(t->lists, room, c->list, c, &list) == ZP_OK);
    for (unsigned user = 0; user < USERS; user++) {
        if (mask & (1u << user)) {
            assert(watch_list_add(list, name_of(user)) == ZP_OK);
        }
    }
    for (size_t group = 0; group < GROUPS; group++) {
        c->holds[group] = (mask & (1u << (USERS + group))) != 0;
        if (c->holds[group]) {
            assert(watch_list_hold(list, ROSTER_GROUP, group_name(group)) == ZP_OK);
        }
    }
    watch_list_end(&c->list);
    watch_list_has_replaced(list);
    c->list = list;
    c->asked = mask % (1u << USERS);
    memset(c->named, 0, sizeof c->named);
    check_lists(t);
}

static void read_page(const trial *t, client *c) {
    memcpy(c->page, t->now, sizeof c->page);
    memcpy(c->page_seq, t->changed_seq, sizeof c->page_seq);
}

static void name(client *c) {
    for (size_t place = 0; place < watch_list_users_count(c->list); place++) {
        unsigned user = user_at(c, place);
        if (c->named[user]) {
            continue; /* a snapshot names everybody once */
        }
        presence_status status = c->page[user];
        log_position position = at(c->page_seq[user]);
        watch_list_newest(c->list, place, &status, &position);
        watch_list_told(c->list, place, status, position);
        c->believed[user] = status;
        c->known_seq[user] = position.seq;
        c->named[user] = true;
    }
}

static presence_status status_in(str_view frame) {
    const char *text = (const char *)memmem(frame.ptr, frame.len, "status", 6) + 6;
    presence_status status;
    assert(status_from_name(str_view_make(text + 1, text[0] & 0x1f), &status));
    return status;
}

/* The time of a change is its number. */
static uint64_t seq_in(str_view frame) {
    const char *text = (const char *)memmem(frame.ptr, frame.len, "1970-01-01T00:", 14) + 14;
    unsigned minutes = 0, seconds = 0, ms = 0;
    assert(sscanf(text, "%2u:%2u.%3u", &minutes, &seconds, &ms) == 3);
    return (minutes * 60 + seconds) * 1000 + ms;
}

static void read_frames(client *c) {
    static char out[CLIENT_UPDATE_MAX_BYTES + SERVER_FRAME_HEADER_MAX];
    size_t coalesced = 0;
    bool was_told = watch_list_is_told(c->list);
    size_t len = watch_list_take(c->list, WIRE_MAP_FULL, out, sizeof out, &coalesced);
    assert(len <= sizeof out && (!was_told || len == 0));
    for (size_t i = 0; i < len; i += 2 + (size_t)(uint8_t)out[i + 1]) {
        str_view frame = str_view_make(out + i + 2, (uint8_t)out[i + 1]);
        unsigned user = (unsigned)(((const char *)memmem(frame.ptr, frame.len, "fromId", 6))[7] - names[0]);
        presence_status status = status_in(frame);
        assert(user < USERS && c->watched[user] && c->named[user] && c->believed[user] != status);
        assert(seq_in(frame) > c->known_seq[user]);
        c->believed[user] = status;
        c->known_seq[user] = seq_in(frame);
    }
}

static void remove_user(trial *t, client *c, unsigned user) {
    watch_list_begin_removal(c->list);
    watch_list_remove(c->list, name_of(user));
    watch_list_end_removal(c->list);
    watch_lists_fill(t->lists, SIZE_MAX);
    c->asked &= ~(1u << user);
    check_lists(t);
}

static void act(trial *t, fuzz_input *input) {
    uint8_t operation = fuzz_byte(input);
    unsigned user = operation % USERS;
    client *c = &t->clients[operation / USERS % CLIENTS];
    switch (operation >> 5) {
    case 0:
    case 1:
        change(t, user, operation / USERS, true);
        break;
    case 2:
        change(t, user, operation / USERS, false);
        break;
    case 3:
        if (operation & 1) {
            settle(t);
        } else if (operation & 2) {
            set_group(t, operation / USERS % GROUPS, fuzz_byte(input));
        } else {
            tell_late_one(t);
        }
        break;
    case 4:
        subscribe(t, c, fuzz_byte(input));
        read_page(t, c);
        break;
    case 5:
        name(c);
        break;
    case 6:
        read_frames(c);
        break;
    default:
        if (operation & 16) {
            let_go(t, c, user % GROUPS);
        } else {
            remove_user(t, c, user);
        }
        break;
    }
}

/* Everybody who has something to be told is named, and ends up knowing what is. */
static void check_end(trial *t) {
    settle(t);
    for (size_t i = 0; i < CLIENTS; i++) {
        client *c = &t->clients[i];
        name(c);
    }
    const client *named = NULL;
    while ((named = watch_lists_next_changed(t->lists)) != NULL) {
        assert(named >= t->clients && named < t->clients + CLIENTS);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        client *c = &t->clients[i];
        while (!watch_list_is_told(c->list)) {
            read_frames(c);
        }
        for (unsigned user = 0; user < USERS; user++) {
            assert(!c->watched[user] || c->believed[user] == t->now[user]);
        }
        watch_list_end(&c->list);
    }
    assert(watch_lists_count(t->lists) == 0 && watch_lists_watches_count(t->lists) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    trial t = {.lists = watch_lists_new(WATCHES_MAX, LIST_MAX)};
    assert(t.lists);
    for (size_t i = 0; i < CLIENTS; i++) {
        subscribe(&t, &t.clients[i], (1u << (i + 1)) - 1);
        read_page(&t, &t.clients[i]);
    }
    fuzz_input input = {data, size};
    while (input.left > 0) {
        act(&t, &input);
    }
    check_end(&t);
    watch_lists_destroy(&t.lists);
    return 0;
}
