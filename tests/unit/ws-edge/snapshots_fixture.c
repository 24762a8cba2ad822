#include "tests/unit/ws-edge/snapshots_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/wire/client_frame.h"
#include "tests/unit/ws-edge/list_fixture.h"

process_t process;
snapshots_t *snapshots;
watch_view_t *view;
static edge_user *user;
edge_client *clients[CLIENTS];
watch_lists_t *lists;

/* What was asked of the cores last, and whether any can be asked. */
uint64_t asked_count;
static char asked_after[CLIENTS * 2][USER_ID_MAX_BYTES + 1];
bool nobody_answers;

/* The frames that the clients were sent: "[a=online b=busy]" for each. */
char frames[FRAMES_TEXT_BYTES];
bool holds_back; /* the clients do not read */

/* -- in place of the others -- */

bool core_link_ask_online(core_link_t *link, str_view key, const char *after, uint32_t most, bool devices,
                          uint64_t *ret_request_id) {
    (void)link;
    (void)key;
    (void)devices;
    assert_int_equal(most, 2);
    if (nobody_answers) {
        return false;
    }
    *ret_request_id = ++asked_count;
    (void)snprintf(asked_after[asked_count % (CLIENTS * 2)], USER_ID_MAX_BYTES + 1, "%s", after);
    return true;
}

bool core_link_ask_statuses(core_link_t *link, str_view key, char *const *user_ids, size_t count,
                            uint64_t *ret_request_id) {
    (void)link;
    (void)key;
    if (nobody_answers) {
        return false;
    }
    char *asked = asked_after[(*ret_request_id = ++asked_count) % (CLIENTS * 2)];
    asked[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        strcat(asked, user_ids[i]);
    }
    return true;
}

const watch_view_t *fanout_link_view(const fanout_link_t *link) {
    (void)link;
    return view;
}

bool audience_has_told(const audience_t *audience, const edge_client *client) {
    (void)audience;
    (void)client;
    return !holds_back;
}

/* The text that stands behind `key` from `*at` on, in a frame whose texts are all shorter than 32 bytes. */
static str_view text_behind(str_view frame, const char *key, size_t *at) {
    const char *found = memmem(frame.ptr + *at, frame.len - *at, key, strlen(key));
    if (!found) {
        *at = frame.len;
        return (str_view){0};
    }
    const char *text = found + strlen(key);
    size_t len = (unsigned char)text[0] & 0x1f;
    *at = (size_t)(text + 1 + len - frame.ptr);
    return str_view_make(text + 1, len);
}

void audience_answer(audience_t *audience, edge_client *client, str_view payload) {
    (void)audience;
    (void)client;
    size_t at = 0, len = strlen(frames);
    len += (size_t)snprintf(frames + len, sizeof frames - len, "[");
    for (;;) {
        str_view id = text_behind(payload, "userId", &at);
        if (!id.ptr) {
            break;
        }
        str_view status = text_behind(payload, "status", &at);
        len += (size_t)snprintf(frames + len, sizeof frames - len, "%s%.*s=%.*s",
                                frames[len - 1] == '[' ? "" : " ", (int)id.len, id.ptr, (int)status.len,
                                status.ptr);
    }
    (void)snprintf(frames + len, sizeof frames - len, "]");
}

/* -- the tests' words -- */

static void on_tell(void *context, const watch_change *change) {
    (void)context;
    (void)change;
}

log_position at(uint64_t seq) {
    return (log_position){1, seq};
}

/* The view of everybody, made anew: these are online, since their numbers. */
void view_anew(uint64_t seq, const char *online) {
    watch_view_begin(view);
    for (; online[0]; online++) {
        assert_int_equal(watch_view_state(view, str_view_make(online, 1), STATUS_ONLINE, at(1), 0), ZP_OK);
    }
    watch_view_end(view, at(seq), 0);
}

void change(const char *id, presence_status to, uint64_t seq) {
    watch_change told;
    (void)watch_view_apply(view, str_view_of(id), to, at(seq), 0, &told);
}

/* Answers the last request: `ids` has one letter for each user, whose last change was number `changed`. */
void page(uint64_t seq, const char *ids, uint64_t changed, bool last) {
    Zp__OnlineReply reply = ZP__ONLINE_REPLY__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    Zp__UserState states[8];
    Zp__OnlineUser users[8];
    Zp__OnlineUser *pointers[8];
    char texts[8][2] = {0};
    position.epoch = 1;
    position.seq = seq;
    reply.position = &position;
    reply.users = pointers;
    reply.last = last;
    for (; ids[reply.n_users]; reply.n_users++) {
        size_t i = reply.n_users;
        zp__user_state__init(&states[i]);
        zp__online_user__init(&users[i]);
        texts[i][0] = ids[i];
        states[i].user_id = texts[i];
        states[i].status = ZP__STATUS__STATUS_ONLINE;
        states[i].last_seen_ms = 1765535445123;
        states[i].seq = changed;
        users[i].state = &states[i];
        pointers[i] = &users[i];
    }
    snapshots_page(snapshots, asked_count, &reply);
}

/* Answers the last request for a part of a list: a lower-case letter is online, an upper-case one offline. */
void list_page(const char *ids, uint64_t changed) {
    Zp__StatusReply reply = ZP__STATUS_REPLY__INIT;
    Zp__UserState states[8];
    Zp__UserState *pointers[8];
    char texts[8][2] = {0};
    reply.epoch = 1;
    reply.users = pointers;
    for (; ids[reply.n_users]; reply.n_users++) {
        size_t i = reply.n_users;
        bool online = ids[i] >= 'a';
        zp__user_state__init(&states[i]);
        texts[i][0] = online ? ids[i] : (char)(ids[i] - 'A' + 'a');
        states[i].user_id = texts[i];
        states[i].status = online ? ZP__STATUS__STATUS_ONLINE : ZP__STATUS__STATUS_OFFLINE;
        states[i].seq = changed;
        pointers[i] = &states[i];
    }
    snapshots_statuses(snapshots, asked_count, &reply);
}

void watch_users(edge_client *client, const char *letters) {
    client->watching = false;
    client->watches = list_of(lists, letters, client);
}

void tell(const char *id, presence_status to, uint64_t seq) {
    const watch_change told = {str_view_of(id), STATUS_OFFLINE, to, at(seq), 0, 0};
    (void)watch_lists_tell(lists, &told);
}

void drained(size_t client) {
    if (clients[client]->snapshot) {
        snapshots_drained(snapshots, clients[client]);
    }
}

const char *after(void) {
    return asked_after[asked_count % (CLIENTS * 2)];
}

int snapshots_begin_test(void **state) {
    (void)state;
    char *argv[] = {"ws-edge", NULL};
    bool leave = false;
    setenv("ZPRESENCE_ENV_FILE", "/dev/null", 1);
    setenv("SNAPSHOT_PAGE", "2", 1);
    setenv("SNAPSHOTS_MAX", "2", 1);
    process = (process_t){0};
    assert_int_equal(config_load(&process.config, &leave, EDGE, 1, argv), ZP_OK);
    process.metrics = metrics_new(EDGE);
    assert_int_equal(uv_loop_init(&process.loop), 0);
    view = watch_view_new(on_tell, NULL);
    watch_view_start(view, at(0));
    assert_int_equal(snapshots_new(&snapshots, &process, NULL, NULL, NULL), ZP_OK);
    lists = watch_lists_new(100, 8);
    user = calloc(1, sizeof *user + 2);
    user->id[0] = 'd';
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = calloc(1, sizeof *clients[i] + 1);
        clients[i]->user = user;
        clients[i]->box.form = WIRE_MAP_FULL;
        clients[i]->watching = true;
    }
    asked_count = 0;
    frames[0] = '\0';
    nobody_answers = holds_back = false;
    return 0;
}

int snapshots_end_test(void **state) {
    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (clients[i]->snapshot) {
            snapshots_end(snapshots, clients[i]);
        }
        watch_list_end(&clients[i]->watches);
        free(clients[i]);
    }
    watch_lists_destroy(&lists);
    free(user);
    snapshots_destroy(&snapshots);
    uv_run(&process.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&process.loop), 0);
    watch_view_destroy(&view);
    metrics_destroy(&process.metrics);
    config_destroy(&process.config);
    return 0;
}
