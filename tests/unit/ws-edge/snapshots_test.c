/* Snapshots: pages in the order and at the pace of their client, and what a page may not say any more. The
 * view is the real one; in the places of cores and sockets stand four functions that note what they are
 * asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/wire/client_frame.h"
#include "services/ws-edge/snapshots.h"

enum { FRAMES_TEXT_BYTES = 4096, CLIENTS = 3 };

static process_t process;
static snapshots_t *snapshots;
static watch_view_t *view;
static edge_user *user;
static edge_client *clients[CLIENTS];

/* What was asked of the cores last, and whether any can be asked. */
static uint64_t asked_count;
static char asked_after[CLIENTS * 2][USER_ID_MAX_BYTES + 1];
static bool nobody_answers;

/* The frames that the clients were sent: "[a=online b=busy]" for each. */
static char frames[FRAMES_TEXT_BYTES];
static bool holds_back; /* the clients do not read */

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

static log_position at(uint64_t seq) {
    return (log_position){1, seq};
}

/* The view of everybody, made anew: these are online, since their numbers. */
static void view_anew(uint64_t seq, const char *online) {
    watch_view_begin(view);
    for (; online[0]; online++) {
        assert_int_equal(watch_view_state(view, str_view_make(online, 1), STATUS_ONLINE, at(1), 0), ZP_OK);
    }
    watch_view_end(view, at(seq), 0);
}

static void change(const char *id, presence_status to, uint64_t seq) {
    watch_change told;
    (void)watch_view_apply(view, str_view_of(id), to, at(seq), 0, &told);
}

/* Answers the last request: `ids` has one letter for each user, whose last change was number `changed`. */
static void page(uint64_t seq, const char *ids, uint64_t changed, bool last) {
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

static void drained(size_t client) {
    if (clients[client]->snapshot) {
        snapshots_drained(snapshots, clients[client]);
    }
}

static const char *after(void) {
    return asked_after[asked_count % (CLIENTS * 2)];
}

static int begin(void **state) {
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

static int end(void **state) {
    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (clients[i]->snapshot) {
            snapshots_end(snapshots, clients[i]);
        }
        free(clients[i]);
    }
    free(user);
    snapshots_destroy(&snapshots);
    uv_run(&process.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&process.loop), 0);
    watch_view_destroy(&view);
    metrics_destroy(&process.metrics);
    config_destroy(&process.config);
    return 0;
}

/* -- */

static void pages_follow_each_other_as_the_client_reads(void **state) {
    (void)state;
    view_anew(9, "abc");
    snapshots_begin(snapshots, clients[0]);
    assert_string_equal(after(), "");
    page(9, "ab", 1, false);
    assert_string_equal(frames, "[a=online b=online]");
    assert_int_equal(asked_count, 1); /* not before it is read */
    drained(0);
    assert_int_equal(asked_count, 2);
    assert_string_equal(after(), "b");
    page(9, "c", 1, true);
    assert_string_equal(frames, "[a=online b=online][c=online]");
    drained(0);
    assert_null(clients[0]->snapshot);
    assert_int_equal(asked_count, 2);
}

static void an_empty_last_page_says_nothing_more(void **state) {
    (void)state;
    view_anew(9, "ab");
    snapshots_begin(snapshots, clients[0]);
    page(9, "ab", 1, false);
    drained(0);
    page(9, "", 1, true);
    assert_string_equal(frames, "[a=online b=online]");
    assert_null(clients[0]->snapshot);
}

static void what_was_told_since_the_page_was_read_stands(void **state) {
    (void)state;
    view_anew(9, "abc");
    snapshots_begin(snapshots, clients[0]);
    change("a", STATUS_OFFLINE, 10);
    change("b", STATUS_BUSY, 11);
    page(9, "ab", 1, false);
    assert_string_equal(frames, "[b=busy]");
    drained(0);
    change("c", STATUS_OFFLINE, 12);
    page(11, "c", 1, true);
    assert_string_equal(frames, "[b=busy]");
}

static void a_page_of_only_those_who_have_left_is_an_empty_frame_where_it_is_the_only_one(void **state) {
    (void)state;
    view_anew(9, "a");
    snapshots_begin(snapshots, clients[0]);
    change("a", STATUS_OFFLINE, 10);
    page(9, "a", 1, true);
    assert_string_equal(frames, "[]");
}

static void a_page_ahead_of_the_view_is_believed_and_waited_for(void **state) {
    (void)state;
    view_anew(9, "a");
    snapshots_begin(snapshots, clients[0]);
    page(20, "ab", 15, true);
    assert_string_equal(frames, "[a=online b=online]");
    drained(0);
    assert_non_null(clients[0]->snapshot); /* until all changes behind it are told */
    change("b", STATUS_ONLINE, 20);
    drained(0);
    assert_null(clients[0]->snapshot);
}

static void a_view_made_anew_under_a_page_ahead_of_it_begins_again(void **state) {
    (void)state;
    view_anew(9, "ab");
    snapshots_begin(snapshots, clients[0]);
    page(20, "a", 1, true); /* b has left, and is back before anybody was told of either */
    drained(0);
    view_anew(30, "ab");
    drained(0);
    assert_int_equal(asked_count, 2);
    assert_string_equal(after(), "");
    page(30, "ab", 1, true);
    assert_string_equal(frames, "[a=online][a=online b=online]");
    drained(0);
    assert_null(clients[0]->snapshot);
}

static void a_view_made_anew_with_no_page_ahead_changes_nothing(void **state) {
    (void)state;
    snapshots_begin(snapshots, clients[0]); /* nobody has watched before: no view yet */
    page(9, "ab", 1, false);
    view_anew(9, "abc");
    drained(0);
    view_anew(9, "abc");
    page(9, "c", 1, true);
    drained(0);
    assert_string_equal(frames, "[a=online b=online][c=online]");
    assert_null(clients[0]->snapshot);
}

static void one_who_does_not_watch_has_no_view_to_wait_for(void **state) {
    (void)state;
    clients[0]->watching = false;
    snapshots_begin(snapshots, clients[0]);
    page(20, "a", 1, true);
    drained(0);
    assert_null(clients[0]->snapshot);
}

static void only_so_many_ask_at_once_and_the_longest_wait_comes_first(void **state) {
    (void)state;
    view_anew(9, "a");
    for (size_t i = 0; i < CLIENTS; i++) {
        snapshots_begin(snapshots, clients[i]);
    }
    assert_int_equal(asked_count, 2);
    snapshots_end(snapshots, clients[0]); /* leaves: its turn is free */
    assert_int_equal(asked_count, 3);
    page(9, "a", 1, true);
    drained(2);
    assert_null(clients[2]->snapshot);
    assert_non_null(clients[1]->snapshot);
    snapshots_page(snapshots, 1, NULL); /* of the one that has left */
    assert_int_equal(asked_count, 3);
}

static void a_page_that_no_core_gave_is_asked_for_again(void **state) {
    (void)state;
    view_anew(9, "abc");
    snapshots_begin(snapshots, clients[0]);
    page(9, "ab", 1, false);
    drained(0);
    snapshots_page(snapshots, asked_count, NULL);
    assert_int_equal(asked_count, 2); /* never from within */
    nobody_answers = true;
    uint64_t until_ms = uv_now(&process.loop) + 400;
    while (uv_now(&process.loop) < until_ms) {
        nobody_answers = uv_now(&process.loop) + 150 < until_ms;
        uv_run(&process.loop, UV_RUN_ONCE);
    }
    assert_int_equal(asked_count, 3);
    assert_string_equal(after(), "b");
}

static void a_page_that_comes_behind_other_answers_is_asked_for_behind_them(void **state) {
    (void)state;
    view_anew(9, "a");
    snapshots_begin(snapshots, clients[0]);
    assert_int_equal(outbox_put(&clients[0]->box, str_view_of("other"), 64), ZP_OK);
    page(9, "a", 1, true);
    assert_string_equal(frames, "");
    outbox_clear(&clients[0]->box);
    drained(0);
    assert_int_equal(asked_count, 2);
    page(9, "a", 1, true);
    assert_string_equal(frames, "[a=online]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(pages_follow_each_other_as_the_client_reads),
        TEST(an_empty_last_page_says_nothing_more),
        TEST(what_was_told_since_the_page_was_read_stands),
        TEST(a_page_of_only_those_who_have_left_is_an_empty_frame_where_it_is_the_only_one),
        TEST(a_page_ahead_of_the_view_is_believed_and_waited_for),
        TEST(a_view_made_anew_under_a_page_ahead_of_it_begins_again),
        TEST(a_view_made_anew_with_no_page_ahead_changes_nothing),
        TEST(one_who_does_not_watch_has_no_view_to_wait_for),
        TEST(only_so_many_ask_at_once_and_the_longest_wait_comes_first),
        TEST(a_page_that_no_core_gave_is_asked_for_again),
        TEST(a_page_that_comes_behind_other_answers_is_asked_for_behind_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
