/* event_stream: what one stream says, phase by phase. That nothing is lost or said twice, whatever the order,
 * is event_stream_property_test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "services/http-api/core/event_stream.h"
#include "tests/unit/http-api/text_assert.h"

#define RESET(reason) "event: reset\nid:\ndata: {\"reason\":\"" reason "\"}\n\n"
#define RETRY "retry: 5\n\n"

static watch_view_t *view;
static event_stream stream;

static void on_tell(void *context, const watch_change *change) {
    (void)context;
    event_news news = event_news_of(change, watch_view_is_settled(view));
    (void)event_stream_tell(&stream, &news);
    event_news_free(&news);
}

static log_position at(uint64_t seq) {
    return (log_position){7, seq};
}

static void state_of(const char *user, presence_status status, uint64_t seq) {
    assert_int_equal(watch_view_state(view, str_view_of(user), status, at(seq), 1), ZP_OK);
}

/* The view is read: `b` is busy since 2. */
static void settle(uint64_t seq) {
    watch_view_begin(view);
    state_of("b", STATUS_BUSY, 2);
    watch_view_end(view, at(seq), 1);
    if (stream.bytes_max > 0) { /* it is open */
        event_stream_settled(&stream, view);
    }
}

static void change(const char *user, presence_status to, uint64_t seq) {
    watch_change told;
    if (watch_view_apply(view, str_view_of(user), to, at(seq), 1, &told)) {
        on_tell(NULL, &told);
    }
}

static int begin(void **state) {
    (void)state;
    view = watch_view_new(on_tell, NULL);
    watch_view_start(view, at(0));
    stream = (event_stream){0};
    return 0;
}

static int end(void **state) {
    (void)state;
    event_stream_close(&stream);
    watch_view_destroy(&view);
    return 0;
}

static void open_stream(log_position known, size_t bytes_max, bool some) {
    event_stream_options options = {.full = true, .bytes_max = bytes_max, .retry_ms = 5, .known = known};
    wanted_ids wanted = {0};
    if (some) {
        char *ids[] = {str_view_dup(str_view_of("b"))};
        assert_true(wanted_ids_take(&wanted, ids, 1));
    }
    event_stream_open(&stream, &options, &wanted);
    event_stream_look(&stream, view);
}

/* Everything there is to read, without the lines that only make it long. */
static const char *read_all(void) {
    static char text[8192];
    size_t len = 0, more = 0;
    while ((more = event_stream_read(&stream, view, text + len, sizeof text - 1 - len)) > 0) {
        len += more;
    }
    text[len] = '\0';
    return text;
}

#define B_BUSY                                                                                               \
    "event: presence\ndata: "                                                                                \
    "{\"userId\":\"b\",\"status\":\"busy\",\"timestamp\":\"1970-01-01T00:00:00.001Z\","                      \
    "\"seq\":2}\n\n"

static void a_new_stream_says_what_is_as_soon_as_that_is_known(void **state) {
    (void)state;
    open_stream((log_position){0}, 4096, false);
    assert_string_equal(read_all(), RETRY);
    change("early", STATUS_ONLINE, 1); /* before the view is there: part of it, or not, but no news */
    settle(3);
    assert_string_equal(read_all(), RESET("new") B_BUSY "id: 7-3\nevent: ready\ndata: {\"users\":1}\n\n");
    assert_int_equal(stream.phase, STREAM_FOLLOWING);
    assert_null(stream.out.bytes); /* a quiet stream keeps no memory */
}

static void a_stream_of_some_names_them_all_and_hears_of_no_others(void **state) {
    (void)state;
    settle(3);
    open_stream((log_position){0}, 4096, true);
    (void)read_all();
    change("c", STATUS_ONLINE, 4);
    assert_string_equal(read_all(), "");
    change("b", STATUS_OFFLINE, 5);
    assert_non_null(
        strstr(read_all(), "id: 7-5\nevent: presence\ndata: {\"userId\":\"b\",\"status\":\"offline\""));
}

static void whoever_knows_all_of_it_is_told_nothing_again(void **state) {
    (void)state;
    settle(3);
    open_stream(at(3), 4096, false);
    assert_string_equal(read_all(), RETRY);
    assert_int_equal(stream.phase, STREAM_FOLLOWING);
}

static void whoever_knows_more_than_this_process_is_waited_for(void **state) {
    (void)state;
    settle(3);
    open_stream(at(5), 4096, false);
    assert_int_equal(stream.phase, STREAM_WAITING);
    change("x", STATUS_ONLINE, 4);
    change("x", STATUS_OFFLINE, 5);
    event_stream_look(&stream, view);
    assert_int_equal(stream.phase, STREAM_FOLLOWING);
    assert_string_equal(read_all(), RETRY);
}

static void another_life_of_the_data_resets(void **state) {
    (void)state;
    settle(3);
    open_stream((log_position){6, 100}, 4096, false);
    assert_int_equal(strncmp(read_all(), RETRY RESET("data-lost"), strlen(RETRY RESET("data-lost"))), 0);
}

static watch_change logged(const char *user, presence_status from, presence_status to, uint64_t seq) {
    return (watch_change){str_view_of(user), from, to, at(seq), 1, 0};
}

static void what_was_missed_stands_before_what_comes(void **state) {
    (void)state;
    settle(3);
    open_stream(at(1), 4096, false);
    assert_string_equal(read_all(), RETRY);
    log_position from;
    assert_true(event_stream_wants_log(&stream, &from));
    assert_int_equal(from.seq, 2);
    change("b", STATUS_OFFLINE, 4); /* comes before the log has answered */
    assert_string_equal(read_all(), "");
    const watch_change missed[] = {logged("a", STATUS_ONLINE, STATUS_OFFLINE, 1), /* of the same entry */
                                   logged("b", STATUS_OFFLINE, STATUS_BUSY, 2),
                                   logged("c", STATUS_ONLINE, STATUS_OFFLINE, 3),
                                   logged("b", STATUS_BUSY, STATUS_OFFLINE, 4)}; /* the view tells it */
    for (size_t i = 0; i < 4; i++) {
        assert_true(event_stream_replay(&stream, &missed[i]));
    }
    event_stream_replayed(&stream, 4);
    assert_int_equal(stream.phase, STREAM_FOLLOWING);
    const char *text = read_all();
    const char *second = strstr(text, "id: 7-2\n"), *third = strstr(text, "id: 7-3\n"),
               *fourth = strstr(text, "id: 7-4\n");
    assert_ptr_equal(second, text);
    assert_true(second < third && third < fourth);
    assert_null(strstr(fourth + 1, "id: "));
}

static void a_log_that_does_not_reach_back_resets(void **state) {
    (void)state;
    settle(3);
    open_stream(at(1), 4096, false);
    change("b", STATUS_OFFLINE, 4);
    event_stream_give_up(&stream, view, RESET_LOG);
    assert_string_equal(read_all(),
                        RETRY RESET("log-trimmed") "id: 7-4\nevent: ready\ndata: {\"users\":0}\n\n");
}

static void a_view_that_is_read_anew_takes_the_id_back_until_it_is_through(void **state) {
    (void)state;
    settle(3);
    open_stream(at(3), 4096, false);
    (void)read_all();
    watch_view_begin(view);
    state_of("new", STATUS_ONLINE, 9);
    assert_int_equal(strncmp(read_all(), "id:\nevent: presence\n", 20), 0);
    event_stream_comment(&stream, view);
    assert_string_equal(read_all(), ":\n\n");
    watch_view_end(view, at(9), 1); /* `b` has gone */
    event_stream_settled(&stream, view);
    const char *text = read_all();
    assert_int_equal(strncmp(text, "id:\n", 4), 0);
    assert_string_equal(text + strlen(text) - 9, "id: 7-9\n\n");
    event_stream_comment(&stream, view);
    assert_string_equal(read_all(), ":\nid: 7-9\n\n");
}

static void whoever_does_not_read_is_behind_at_its_limit(void **state) {
    (void)state;
    settle(3);
    open_stream(at(3), 2000, false);
    uint64_t seq = 3;
    while (!event_stream_is_behind(&stream)) {
        seq++;
        change("x", seq % 2 ? STATUS_OFFLINE : STATUS_ONLINE, seq);
        assert_true(seq < 100);
    }
    assert_in_range(event_stream_unread_bytes(&stream), 2001, 2200);
    /* Whoever reads, if little by little, is not, and keeps no more than is unread. */
    char piece[150];
    while (event_stream_unread_bytes(&stream) > 200) {
        (void)event_stream_read(&stream, view, piece, sizeof piece);
    }
    for (int i = 0; i < 1000; i++) {
        seq++;
        change("x", seq % 2 ? STATUS_OFFLINE : STATUS_ONLINE, seq);
        while (event_stream_unread_bytes(&stream) > 100) {
            (void)event_stream_read(&stream, view, piece, 50);
        }
        assert_false(event_stream_is_behind(&stream));
    }
    assert_true(stream.out.capacity_bytes <= 4096);
}

static void a_long_replay_waits_for_its_reader(void **state) {
    (void)state;
    enum { LAST = 200 };
    settle(LAST);
    open_stream(at(2), 2000, false);
    uint64_t seq = 3;
    log_position from;
    size_t total = 0, rounds = 0;
    while (stream.phase == STREAM_REPLAYING) {
        assert_true(event_stream_wants_log(&stream, &from));
        assert_int_equal(from.seq, seq);
        for (; seq <= LAST; seq++) {
            const watch_change entry = logged("x", seq % 2 ? STATUS_ONLINE : STATUS_OFFLINE,
                                              seq % 2 ? STATUS_OFFLINE : STATUS_ONLINE, seq);
            if (!event_stream_replay(&stream, &entry)) {
                break;
            }
        }
        if (seq > LAST) {
            event_stream_replayed(&stream, LAST);
        } else {
            assert_false(event_stream_wants_log(&stream, &from)); /* not before this has been read */
        }
        assert_false(event_stream_is_behind(&stream));
        total += strlen(read_all());
        rounds++;
    }
    assert_true(total > 100 * (LAST - 2) && rounds > 10);
}

static void a_large_state_is_made_as_it_is_read(void **state) {
    (void)state;
    watch_view_begin(view);
    for (int i = 0; i < 1000; i++) {
        char user[16];
        (void)snprintf(user, sizeof user, "u%03d", i);
        state_of(user, STATUS_ONLINE, 1);
    }
    watch_view_end(view, at(2), 1);
    open_stream((log_position){0}, 20000, false);
    char piece[700];
    size_t total = 0, len = 0;
    while ((len = event_stream_read(&stream, view, piece, sizeof piece)) > 0) {
        total += len;
        assert_false(event_stream_is_behind(&stream));
    }
    assert_true(total > 90000);
    assert_int_equal(stream.stated_count, 1000);
    event_stream_close(&stream);
    /* However small the limit is, changes find room behind what has been made of a state. */
    open_stream((log_position){0}, 4096, false);
    (void)event_stream_read(&stream, view, piece, 100);
    assert_int_equal(stream.phase, STREAM_STATING);
    for (uint64_t seq = 3; seq < 11; seq++) { /* of the first, who has been named */
        change("u000", seq % 2 ? STATUS_BUSY : STATUS_ONLINE, seq);
    }
    assert_false(event_stream_is_behind(&stream));
}

static void an_end_says_when_to_come_back_and_nothing_after_it(void **state) {
    (void)state;
    settle(3);
    open_stream(at(3), 4096, false);
    event_stream_end(&stream, 321);
    change("b", STATUS_OFFLINE, 4);
    event_stream_end(&stream, 322);
    assert_string_equal(read_all(), RETRY "retry: 321\n\n");
    assert_int_equal(stream.phase, STREAM_ENDED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_new_stream_says_what_is_as_soon_as_that_is_known),
        TEST(a_stream_of_some_names_them_all_and_hears_of_no_others),
        TEST(whoever_knows_all_of_it_is_told_nothing_again),
        TEST(whoever_knows_more_than_this_process_is_waited_for),
        TEST(another_life_of_the_data_resets),
        TEST(what_was_missed_stands_before_what_comes),
        TEST(a_log_that_does_not_reach_back_resets),
        TEST(a_view_that_is_read_anew_takes_the_id_back_until_it_is_through),
        TEST(whoever_does_not_read_is_behind_at_its_limit),
        TEST(a_long_replay_waits_for_its_reader),
        TEST(a_large_state_is_made_as_it_is_read),
        TEST(an_end_says_when_to_come_back_and_nothing_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
