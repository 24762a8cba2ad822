/* Watch lists: who is told of whom, from which position on, and what a client that does not read is told
 * later. The view that lists are held against is the real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/wire/client_frame.h"
#include "services/ws-edge/core/server_frame.h"
#include "tests/unit/ws-edge/list_fixture.h"

enum { BUFFER_BYTES = 4096, TEXT_BYTES = 1024, WATCHES_MAX = 8, LIST_MAX = 8 };

static watch_lists_t *lists;
static int owner_a, owner_b;

static log_position at(uint64_t seq) {
    return (log_position){1, seq};
}

static void told_all(watch_list_t *list, presence_status status, uint64_t seq) {
    for (size_t place = 0; place < watch_list_users_count(list); place++) {
        watch_list_told(list, place, status, at(seq));
    }
}

static size_t tell(const char *user, presence_status to, uint64_t seq) {
    const watch_change change = {str_view_of(user), STATUS_OFFLINE, to, at(seq), 1000 + seq, 0};
    return watch_lists_tell(lists, &change);
}

/* What the client reads now: "a=online b=busy", with the name of its form's key before each text. */
static const char *read_in(watch_list_t *list, wire_form form, size_t room, size_t *ret_coalesced) {
    static char text[TEXT_BYTES];
    char out[BUFFER_BYTES];
    size_t len = watch_list_take(list, form, out, room, ret_coalesced);
    size_t written = 0;
    text[0] = '\0';
    for (size_t i = 0; i < len; i += 2 + (unsigned char)out[i + 1]) {
        assert_int_equal((unsigned char)out[i], 0x82);
        str_view frame = str_view_make(out + i + 2, (unsigned char)out[i + 1]);
        const char *user = (const char *)memmem(frame.ptr, frame.len, "fromId", 6) + 7;
        const char *status = (const char *)memmem(frame.ptr, frame.len, "status", 6) + 7;
        written += (size_t)snprintf(text + written, sizeof text - written, "%s%c=%.*s", i ? " " : "", user[0],
                                    status[-1] & 0x1f, status);
    }
    return text;
}

static const char *read_all(watch_list_t *list) {
    size_t coalesced = 0;
    return read_in(list, WIRE_MAP_FULL, BUFFER_BYTES, &coalesced);
}

static int begin(void **state) {
    (void)state;
    lists = watch_lists_new(WATCHES_MAX, LIST_MAX);
    return lists ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    assert_int_equal(watch_lists_watches_count(lists), 0);
    watch_lists_destroy(&lists);
    return 0;
}

static void who_watches_a_user_is_told_and_nobody_else(void **state) {
    (void)state;
    watch_list_t *ab = list_of(lists, "ab", &owner_a), *bc = list_of(lists, "bc", &owner_b);
    told_all(ab, STATUS_OFFLINE, 1);
    told_all(bc, STATUS_OFFLINE, 1);
    (void)tell("a", STATUS_BUSY, 2);
    assert_ptr_equal(watch_lists_next_changed(lists), &owner_a);
    assert_null(watch_lists_next_changed(lists));
    assert_string_equal(read_all(ab), "a=busy");
    assert_string_equal(read_all(bc), "");
    (void)tell("b", STATUS_ONLINE, 3);
    (void)tell("d", STATUS_ONLINE, 4);
    assert_string_equal(read_all(ab), "b=online");
    assert_string_equal(read_all(bc), "b=online");
    assert_string_equal(read_all(ab), "");
    watch_list_end(&ab);
    watch_list_end(&bc);
}

static void nothing_is_told_before_a_snapshot_has_named_the_user(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "a", &owner_a);
    (void)tell("a", STATUS_ONLINE, 5);
    assert_false(watch_lists_have_changed(lists));
    presence_status status = STATUS_OFFLINE;
    log_position position = at(4);
    watch_list_newest(list, 0, &status, &position);
    assert_int_equal(status, STATUS_ONLINE); /* heard since the page was read */
    assert_int_equal(position.seq, 5);
    status = STATUS_AWAY;
    position = at(6);
    watch_list_newest(list, 0, &status, &position);
    assert_int_equal(status, STATUS_AWAY); /* the page was read later */
    watch_list_told(list, 0, status, position);
    (void)tell("a", STATUS_AWAY, 6);
    assert_true(watch_list_is_told(list));
    (void)tell("a", STATUS_OFFLINE, 7);
    assert_string_equal(read_all(list), "a=offline");
    watch_list_end(&list);
}

static void nothing_older_is_told(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "a", &owner_a);
    told_all(list, STATUS_ONLINE, 10);
    (void)tell("a", STATUS_OFFLINE, 9);
    assert_string_equal(read_all(list), "");
    (void)tell("a", STATUS_OFFLINE, 12);
    (void)tell("a", STATUS_ONLINE, 11);
    assert_string_equal(read_all(list), "a=offline");
    const watch_change of_next_epoch = {str_view_of("a"), STATUS_OFFLINE, STATUS_BUSY, {2, 1}, 0, 0};
    (void)watch_lists_tell(lists, &of_next_epoch);
    assert_string_equal(read_all(list), "a=busy");
    watch_list_end(&list);
}

static void who_does_not_read_is_told_the_newest_and_once(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "ab", &owner_a);
    told_all(list, STATUS_OFFLINE, 1);
    size_t replaced = 0;
    for (uint64_t seq = 2; seq < 1002; seq += 2) {
        replaced += tell("a", STATUS_ONLINE, seq);
        replaced += tell("a", STATUS_OFFLINE, seq + 1);
    }
    replaced += tell("b", STATUS_AWAY, 1002);
    size_t coalesced = 0;
    assert_string_equal(read_in(list, WIRE_MAP_FULL, BUFFER_BYTES, &coalesced), "b=away");
    assert_int_equal(replaced + coalesced, 1000); /* of a, in the end, there is nothing to tell */
    watch_list_end(&list);
}

static void a_form_that_shows_less_is_told_less(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "a", &owner_a);
    told_all(list, STATUS_ONLINE, 1);
    size_t coalesced = 0;
    (void)tell("a", STATUS_BUSY, 2);
    assert_string_equal(read_in(list, WIRE_MAP_BASIC, BUFFER_BYTES, &coalesced), "");
    assert_int_equal(coalesced, 1);
    (void)tell("a", STATUS_OFFLINE, 3);
    assert_string_equal(read_in(list, WIRE_MAP_BASIC, BUFFER_BYTES, &coalesced), "a=offline");
    watch_list_end(&list);
}

static void what_does_not_fit_is_told_in_the_next_write(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "ab", &owner_a);
    told_all(list, STATUS_OFFLINE, 1);
    (void)tell("b", STATUS_ONLINE, 2);
    (void)tell("a", STATUS_ONLINE, 3);
    size_t coalesced = 0;
    size_t room = CLIENT_UPDATE_MAX_BYTES + SERVER_FRAME_HEADER_MAX;
    assert_string_equal(read_in(list, WIRE_MAP_FULL, room, &coalesced),
                        "b=online"); /* the longest wait first */
    assert_false(watch_list_is_told(list));
    assert_string_equal(read_in(list, WIRE_MAP_FULL, room, &coalesced), "a=online");
    assert_true(watch_list_is_told(list));
    watch_list_end(&list);
}

static void a_user_named_twice_is_there_once_and_limits_hold(void **state) {
    (void)state;
    watch_list_t *list = NULL, *other = NULL, *next = NULL;
    assert_int_equal(watch_list_new(lists, 2, NULL, &owner_a, &list), ZP_OK);
    assert_int_equal(watch_list_add(list, str_view_of("a")), ZP_OK);
    assert_int_equal(watch_list_add(list, str_view_of("b")), ZP_OK);
    assert_int_equal(watch_list_add(list, str_view_of("a")), ZP_OK);
    assert_int_equal(watch_list_users_count(list), 2);
    assert_int_equal(watch_list_add(list, str_view_of("c")), ZP_FULL);
    /* Room counts, whoever is in it; that of the list which is replaced does not. */
    assert_int_equal(watch_list_new(lists, WATCHES_MAX - 1, NULL, &owner_b, &other), ZP_FULL);
    assert_int_equal(watch_list_new(lists, WATCHES_MAX + 1, list, &owner_b, &other), ZP_FULL);
    assert_int_equal(watch_list_new(lists, WATCHES_MAX - 2, NULL, &owner_b, &other), ZP_OK);
    assert_int_equal(watch_list_new(lists, 3, list, &owner_a, &next), ZP_FULL);
    assert_int_equal(watch_list_new(lists, 2, list, &owner_a, &next), ZP_OK);
    watch_list_end(&list);
    watch_list_end(&other);
    watch_list_end(&next);
}

static void who_is_taken_off_a_list_is_not_told_of_and_the_others_are(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "abc", &owner_a);
    told_all(list, STATUS_OFFLINE, 1);
    (void)tell("c", STATUS_ONLINE, 2);
    (void)tell("a", STATUS_ONLINE, 3);
    remove_user(list, "a");
    remove_user(list, "nobody");
    assert_int_equal(watch_list_users_count(list), 2);
    assert_string_equal(watch_list_user(list, 1), "c");
    assert_string_equal(read_all(list), "c=online");
    (void)tell("a", STATUS_BUSY, 4);
    (void)tell("b", STATUS_BUSY, 5);
    (void)tell("c", STATUS_BUSY, 6);
    assert_string_equal(read_all(list), "b=busy c=busy");
    watch_list_end(&list);
}

/* -- whom to tell of -- */

/* What is to be said, "+a -b"; it has been on return. */
static const char *say(size_t most) {
    static char text[TEXT_BYTES];
    char *user_ids[WATCHES_MAX];
    bool are_watched[WATCHES_MAX];
    size_t count = watch_lists_unsaid(lists, user_ids, are_watched, most);
    size_t written = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        written += (size_t)snprintf(text + written, sizeof text - written, "%s%c%s", i ? " " : "",
                                    are_watched[i] ? '+' : '-', user_ids[i]);
    }
    watch_lists_said(lists, count);
    return text;
}

static void who_is_watched_first_or_no_longer_is_said_once(void **state) {
    (void)state;
    watch_list_t *ab = list_of(lists, "ab", &owner_a);
    assert_string_equal(say(WATCHES_MAX), "+a +b");
    watch_list_t *bc = list_of(lists, "bc", &owner_b);
    assert_int_equal(watch_lists_users_count(lists), 3);
    assert_string_equal(say(WATCHES_MAX), "+c");
    watch_list_end(&ab);
    assert_string_equal(say(WATCHES_MAX), "-a");
    assert_string_equal(say(WATCHES_MAX), "");
    remove_user(bc, "b");
    watch_list_end(&bc);
    assert_int_equal(watch_lists_users_count(lists), 0);
    assert_string_equal(say(1), "-b");
    assert_string_equal(say(1), "-c");
    assert_string_equal(say(1), "");
}

static void what_was_taken_back_before_it_was_said_is_not_said(void **state) {
    (void)state;
    watch_list_t *ab = list_of(lists, "ab", &owner_a);
    remove_user(ab, "a");
    assert_string_equal(say(WATCHES_MAX), "+b");
    watch_list_end(&ab);
    watch_list_t *b = list_of(lists, "b", &owner_a);
    assert_string_equal(say(WATCHES_MAX), "");
    watch_list_end(&b);
    assert_string_equal(say(WATCHES_MAX), "-b");
}

static void who_is_watched_again_before_that_was_said_is_known_as_ever(void **state) {
    (void)state;
    watch_list_t *first = list_of(lists, "a", &owner_a);
    (void)say(WATCHES_MAX);
    (void)tell("a", STATUS_BUSY, 5);
    watch_list_end(&first);
    (void)tell("a", STATUS_AWAY, 6); /* it is told of as long as it was not taken back */
    watch_list_t *second = list_of(lists, "a", &owner_b);
    presence_status status = STATUS_OFFLINE;
    log_position position = at(4);
    watch_list_newest(second, 0, &status, &position);
    assert_int_equal(status, STATUS_AWAY);
    watch_list_end(&second);
    (void)say(WATCHES_MAX);
    watch_list_t *third = list_of(lists, "a", &owner_a);
    position = at(4);
    watch_list_newest(third, 0, &status, &position);
    assert_int_equal(position.seq, 4); /* nobody has told of it since */
    watch_list_end(&third);
}

static void to_whom_nothing_was_said_everybody_who_is_watched_is_said(void **state) {
    (void)state;
    watch_list_t *ab = list_of(lists, "abc", &owner_a);
    (void)say(WATCHES_MAX);
    (void)tell("a", STATUS_BUSY, 5);
    remove_user(ab, "b"); /* not said yet */
    watch_lists_unsay(lists);
    assert_string_equal(say(WATCHES_MAX), "+a +c");
    presence_status status = STATUS_OFFLINE;
    log_position position = at(4);
    watch_list_newest(ab, 0, &status, &position);
    assert_int_equal(status, STATUS_BUSY);
    watch_list_end(&ab);
    watch_lists_unsay(lists);
    assert_string_equal(say(WATCHES_MAX), "");
}

static void a_page_and_what_a_fanout_knows_may_come_in_any_order(void **state) {
    (void)state;
    const struct {
        uint64_t page, fanout; /* the page: online since; the fanout: offline up to */
        const char *told;
    } CASES[] = {{5, 9, "a=offline"}, {9, 5, ""}};
    for (size_t i = 0; i < 2; i++) {
        watch_list_t *list = list_of(lists, "a", &owner_a);
        watch_list_told(list, 0, STATUS_ONLINE, at(CASES[i].page));
        (void)tell("a", STATUS_OFFLINE, CASES[i].fanout);
        assert_string_equal(read_all(list), CASES[i].told);
        watch_list_end(&list);

        list = list_of(lists, "a", &owner_a);
        (void)tell("a", STATUS_OFFLINE, CASES[i].fanout);
        presence_status status = STATUS_ONLINE;
        log_position position = at(CASES[i].page);
        watch_list_newest(list, 0, &status, &position); /* what the page's frame says then */
        assert_int_equal(status, CASES[i].told[0] ? STATUS_OFFLINE : STATUS_ONLINE);
        watch_list_told(list, 0, status, position);
        assert_string_equal(read_all(list), "");
        watch_list_end(&list);
    }
}

/* -- held against a view -- */

static void on_tell(void *context, const watch_change *change) {
    (void)context;
    (void)change;
}

/* These are online since `changed`, and the view stands at `seq`. */
static watch_view_t *view_of(const char *online, uint64_t changed, uint64_t seq) {
    watch_view_t *view = watch_view_new(on_tell, NULL);
    assert_non_null(view);
    watch_view_start(view, at(0));
    watch_view_begin(view);
    for (; online[0]; online++) {
        assert_int_equal(watch_view_state(view, str_view_make(online, 1), STATUS_ONLINE, at(changed), 77),
                         ZP_OK);
    }
    watch_view_end(view, at(seq), 88);
    return view;
}

static void a_view_made_anew_tells_what_nobody_told(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "abcd", &owner_a);
    watch_list_told(list, 0, STATUS_ONLINE, at(5));   /* has left since */
    watch_list_told(list, 1, STATUS_OFFLINE, at(5));  /* has come since */
    watch_list_told(list, 2, STATUS_ONLINE, at(20));  /* of which the view knows nothing yet */
    watch_list_told(list, 3, STATUS_OFFLINE, at(20)); /* likewise */
    watch_view_t *view = view_of("bd", 9, 10);
    watch_lists_settle(lists, view, 99);
    assert_string_equal(read_all(list), "a=offline b=online");
    watch_lists_settle(lists, view, 99);
    assert_string_equal(read_all(list), "");
    watch_view_destroy(&view);
    watch_list_end(&list);
}

static void a_page_older_than_a_view_made_anew_says_what_the_view_knows(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "a", &owner_a);
    watch_view_t *view = view_of("", 0, 10);
    watch_lists_settle(lists, view, 99);
    presence_status status = STATUS_ONLINE;
    log_position position = at(8);
    watch_list_newest(list, 0, &status, &position);
    assert_int_equal(status, STATUS_OFFLINE);
    watch_view_destroy(&view);
    watch_list_end(&list);
}

/* A fanout that recovers tells differences; somebody who left and came back meanwhile is none. */
static void who_came_back_unheard_is_told_by_a_view_that_stands_behind_it(void **state) {
    (void)state;
    watch_list_t *list = list_of(lists, "a", &owner_a);
    told_all(list, STATUS_OFFLINE, 8); /* as a page said */
    watch_view_t *view = view_of("a", 5, 9);
    watch_lists_settle(lists, view, 99);
    assert_string_equal(read_all(list), "a=online");
    watch_view_destroy(&view);
    watch_list_end(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(who_watches_a_user_is_told_and_nobody_else),
        TEST(nothing_is_told_before_a_snapshot_has_named_the_user),
        TEST(nothing_older_is_told),
        TEST(who_does_not_read_is_told_the_newest_and_once),
        TEST(a_form_that_shows_less_is_told_less),
        TEST(what_does_not_fit_is_told_in_the_next_write),
        TEST(a_user_named_twice_is_there_once_and_limits_hold),
        TEST(who_is_taken_off_a_list_is_not_told_of_and_the_others_are),
        TEST(who_is_watched_first_or_no_longer_is_said_once),
        TEST(what_was_taken_back_before_it_was_said_is_not_said),
        TEST(who_is_watched_again_before_that_was_said_is_known_as_ever),
        TEST(to_whom_nothing_was_said_everybody_who_is_watched_is_said),
        TEST(a_page_and_what_a_fanout_knows_may_come_in_any_order),
        TEST(a_view_made_anew_tells_what_nobody_told),
        TEST(a_page_older_than_a_view_made_anew_says_what_the_view_knows),
        TEST(who_came_back_unheard_is_told_by_a_view_that_stands_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
