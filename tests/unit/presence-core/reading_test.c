/* What others read: the log (replay.lua), who is there (snapshot.lua), the processes (services.lua), the
 * channels and keys that the guide shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/presence-core/scripts_fixture.h"
#include <jansson.h>

static const char *const DIFFICULT_IDS[] = {
    "with spaces and more",   "\"quoted\" and \\backslashed\\",
    "colon:separated:id",     "emoji-\xf0\x9f\x98\x80",
    "Ünïcödé / slash",        "%s %d *?[a-z]",
    " leading and trailing ", "-",
};
enum { DIFFICULT_IDS_COUNT = sizeof DIFFICULT_IDS / sizeof *DIFFICULT_IDS };

static int with_an_edge(void **state) {
    redis_fresh(state);
    return join("e1", "ws-edge-1", "-") ? 0 : -1;
}

static void say_numbered(int first, int last) {
    char user[16];
    for (int i = first; i <= last; i++) {
        (void)snprintf(user, sizeof user, "u%03d", i);
        assert_true(say("e1", user, (uint64_t)i, "o"));
    }
}

static void an_entry_of_the_log_is_named_after_epoch_and_last_number(void **state) {
    (void)state;
    say_numbered(1, 1);
    run(SCRIPT_STATEMENTS, "e1", "ws-edge-1", "-", "0", "0", NEVER, "a", "11", "connected", "0", "-", "o",
        "[]", "b", "12", "connected", "0", "-", "o", "[]", NULL);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "%llu-3", (unsigned long long)present_epoch());
    redisReply *entries = redisCommand(redis_link(), "XREVRANGE presence:log + - COUNT 1");
    assert_string_equal(entries->element[0]->element[0]->str, expected);
    assert_int_equal(entries->element[0]->element[1]->elements, 4);
    freeReplyObject(entries);
}

static void a_replay_begins_at_the_entry_that_holds_the_number_asked_for(void **state) {
    (void)state;
    say_numbered(1, 5);
    run(SCRIPT_REPLAY, "3", "100", "1000", NULL);
    assert_string_equal(answer_text(0), "5");
    assert_int_equal(records_count(), 3);
    assert_int_equal(strncmp(record_text(0), "3 f o ", 6), 0);
    run(SCRIPT_REPLAY, "6", "100", "1000", NULL);
    assert_int_equal(records_count(), 0);
}

static void a_replay_is_bounded(void **state) {
    (void)state;
    say_numbered(1, 30);
    run(SCRIPT_REPLAY, "1", "10", "1000", NULL);
    assert_int_equal(records_count(), 10);
    run(SCRIPT_REPLAY, "11", "100", "5", NULL);
    assert_int_equal(records_count(), 5);
}

static void a_replay_shows_where_the_log_was_trimmed(void **state) {
    (void)state;
    say_numbered(1, 5);
    ask("XTRIM presence:log MAXLEN 2");
    run(SCRIPT_REPLAY, "1", "100", "1000", NULL);
    assert_int_equal(strncmp(record_text(0), "4 ", 2), 0);
    assert_string_equal(answer_text(0), "5");
}

static void a_snapshot_names_everybody_shown_in_order_and_in_pieces(void **state) {
    (void)state;
    say_numbered(1, 7);
    say("e1", "u003", 20, "-");
    say("e1", "u004", 21, "i");
    say("e1", "u005", 22, "a");
    char after[16] = "";
    char seen[64] = "";
    for (;;) {
        run(SCRIPT_SNAPSHOT, after, "2", NULL);
        const redisReply *flat = answer->element[2];
        assert_true(flat->elements <= 10);
        for (size_t i = 0; i < flat->elements; i += 5) {
            size_t at = strlen(seen);
            (void)snprintf(seen + at, sizeof seen - at, "%s%s", flat->element[i]->str,
                           flat->element[i + 1]->str);
            (void)snprintf(after, sizeof after, "%s", flat->element[i]->str);
        }
        if (flat->elements < 10) {
            break;
        }
    }
    assert_string_equal(seen, "u001ou002ou005au006ou007o");
}

static void a_snapshot_tells_last_seen_since_and_number(void **state) {
    (void)state;
    say_more("e1", "-", 0, "123", 1, 5000, "o");
    run(SCRIPT_SNAPSHOT, "", "10", NULL);
    const redisReply *flat = answer->element[2];
    long long last_seen = number_after(flat->element[2]->str, 0);
    long long since = number_after(flat->element[3]->str, 0);
    assert_int_equal(since - last_seen, 5000);
    assert_string_equal(flat->element[4]->str, "1");
}

static void a_snapshot_counts_all_and_names_the_newest_device_where_asked(void **state) {
    (void)state;
    say("e1", "u1", 1, "o");
    say("e1", "u2", 2, "o");
    ask("HSET presence:meta:u1 e/e2 %s", "7 0 oo [[\"a\",\"tablet\",100],[\"b\",\"watch\",50]]");
    ask("HSET presence:meta:u2 e/e1 %s", "7 0 o spoilt");
    run(SCRIPT_SNAPSHOT, "", "1", NULL);
    assert_string_equal(answer_text(3), "2");
    assert_int_equal(answer->element[4]->elements, 0);
    run(SCRIPT_SNAPSHOT, "", "10", "1", NULL);
    assert_int_equal(answer->element[4]->elements, 2);
    assert_string_equal(answer->element[4]->element[0]->str, "tablet");
    assert_string_equal(answer->element[4]->element[1]->str, "");
}

static void any_user_id_goes_through_unchanged(void **state) {
    (void)state;
    for (size_t i = 0; i < DIFFICULT_IDS_COUNT; i++) {
        const char *id = DIFFICULT_IDS[i];
        assert_true(say("e1", id, i + 1, "o"));
        assert_string_equal(record_text(0) + strlen(record_text(0)) - strlen(id), id);
        assert_consistent(id);
        assert_true(touch("e1", id, 0));
    }
    run(SCRIPT_SNAPSHOT, "", "100", NULL);
    assert_int_equal(answer->element[2]->elements, DIFFICULT_IDS_COUNT * 5);
    leave("e1");
    tick();
    pass_ms(GRACE + 1);
    assert_int_equal(records_count(), DIFFICULT_IDS_COUNT);
    assert_int_equal(ask_number("ZCARD presence:online"), 0);
}

/* -- the channels -- */

static redisContext *listener;

static int with_a_listener(void **state) {
    with_an_edge(state);
    listener = redisConnectUnix(redis_link()->unix_sock.path);
    for (int i = 0; i < 3; i++) {
        static const char *const channels[] = {"presence:updates", "presence:online", "presence:offline"};
        freeReplyObject(redisCommand(listener, "SUBSCRIBE %s", channels[i]));
    }
    struct timeval patience = {.tv_usec = 200000};
    redisSetTimeout(listener, patience);
    return 0;
}

static int without_a_listener(void **state) {
    (void)state;
    redisFree(listener);
    return 0;
}

/* NULL: nothing is said for a while. */
static redisReply *next_message(void) {
    void *reply = NULL;
    return redisGetReply(listener, &reply) == REDIS_OK ? reply : NULL;
}

static void assert_message(const char *channel, const char *user, const char *status) {
    redisReply *message = next_message();
    assert_non_null(message);
    assert_string_equal(message->element[1]->str, channel);
    json_t *json = json_loads(message->element[2]->str, 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_object_size(json), 4);
    assert_string_equal(json_string_value(json_object_get(json, "type")), "presence_update");
    assert_string_equal(json_string_value(json_object_get(json, "userId")), user);
    assert_string_equal(json_string_value(json_object_get(json, "status")), status);
    assert_true(json_integer_value(json_object_get(json, "timestamp")) > 1700000000000);
    json_decref(json);
    freeReplyObject(message);
}

static void the_channels_tell_what_the_guide_says(void **state) {
    (void)state;
    for (size_t i = 0; i < DIFFICULT_IDS_COUNT; i++) {
        const char *id = DIFFICULT_IDS[i];
        say("e1", id, i * 10 + 1, "o");
        assert_message("presence:updates", id, "online");
        assert_message("presence:online", id, "online");
        say("e1", id, i * 10 + 2, "b"); /* the guide knows online and offline only */
        say("e1", id, i * 10 + 3, "-");
        assert_message("presence:updates", id, "offline");
        assert_message("presence:offline", id, "offline");
    }
    assert_null(next_message());
}

/* -- */

static void services_lists_who_has_beaten_lately_and_forgets_the_rest(void **state) {
    (void)state;
    beat("-");
    ask("HSET presence:services gone-1 %s", "1000 {\"kind\":\"fanout\"}");
    say("e1", "123", 1, "o");
    run(SCRIPT_SERVICES, "60000", NULL);
    assert_string_equal(answer_text(0), "1");
    assert_string_equal(answer_text(4), "1");
    assert_int_equal(answer->element[5]->elements, 2);
    assert_string_equal(answer->element[5]->element[1]->str, "{}");
    assert_int_equal(ask_number("HLEN presence:services"), 1);
}

static void the_list_of_services_is_bounded(void **state) {
    (void)state;
    char name[24];
    for (int i = 0; i < 1010; i++) {
        (void)snprintf(name, sizeof name, "ws-edge-%d", i);
        run(SCRIPT_BEAT, LEASE_MS, "-", name, "{}", NULL);
    }
    assert_int_equal(ask_number("HLEN presence:services"), 1000);
    run(SCRIPT_BEAT, LEASE_MS, "-", "ws-edge-5", "{\"again\":1}", NULL);
    assert_non_null(strstr(ask("HGET presence:services ws-edge-5"), "again"));
}

static const char *const OLD = "{\"pid\":7,\"startedAt\":1765535445123}";
static const char *const OTHER_PID = "{\"pid\":8,\"startedAt\":1765535445123}";
static const char *const LATER = "{\"pid\":7,\"startedAt\":1765535445124}";

static bool is_listed_as(const char *process, const char *after_end_of) {
    ask("DEL presence:services");
    run(SCRIPT_BEAT, LEASE_MS, "-", "ws-edge-9", process, "0", "0", NULL);
    run(SCRIPT_ENDED, "ws-edge-9", after_end_of, NULL);
    assert_string_equal(answer_text(0), "1");
    return ask_number("HEXISTS presence:services ws-edge-9") == 1;
}

static void who_has_ended_is_listed_no_more(void **state) {
    (void)state;
    beat("e1");
    run(SCRIPT_ENDED, "ws-edge-9", OLD, NULL); /* was not listed */
    assert_false(is_listed_as(OLD, OLD));
}

static void who_has_begun_under_the_name_of_one_that_ended_stays_listed(void **state) {
    (void)state;
    assert_true(is_listed_as(OTHER_PID, OLD));
    assert_true(is_listed_as(LATER, OLD));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup(name, with_an_edge)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_of_the_log_is_named_after_epoch_and_last_number),
        TEST(a_replay_begins_at_the_entry_that_holds_the_number_asked_for),
        TEST(a_replay_is_bounded),
        TEST(a_replay_shows_where_the_log_was_trimmed),
        TEST(a_snapshot_names_everybody_shown_in_order_and_in_pieces),
        TEST(a_snapshot_tells_last_seen_since_and_number),
        TEST(a_snapshot_counts_all_and_names_the_newest_device_where_asked),
        TEST(any_user_id_goes_through_unchanged),
        cmocka_unit_test_setup_teardown(the_channels_tell_what_the_guide_says, with_a_listener,
                                        without_a_listener),
        TEST(services_lists_who_has_beaten_lately_and_forgets_the_rest),
        TEST(the_list_of_services_is_bounded),
        TEST(who_has_ended_is_listed_no_more),
        TEST(who_has_begun_under_the_name_of_one_that_ended_stays_listed),
    };
    return cmocka_run_group_tests(tests, redis_start, redis_stop);
}
