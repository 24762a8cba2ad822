/* valid: what an edge and a watcher may say to a core. Every case starts from a message that is valid and
 * changes one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/bus/valid_fixture.h"

static bool edge_accepts(Zp__EdgeToCore__BodyCase body_case, void *body) {
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = body_case;
    message.beat = body; /* any member: one union */
    return edge_to_core_valid(&message);
}

static bool beat_accepted(void) {
    return edge_accepts(ZP__EDGE_TO_CORE__BODY_BEAT, &beat);
}

static void a_beat_says_who_speaks(void **state) {
    (void)state;
    assert_true(beat_accepted());
    beat.process = NULL;
    assert_false(beat_accepted());
    beat.process = &process;
    char **const NAMES[] = {&process.kind, &process.name, &process.version};
    for (size_t i = 0; i < COUNT(NAMES); i++) {
        char *before = *NAMES[i];
        *NAMES[i] = text_of_64;
        assert_true(beat_accepted());
        char *const BAD[] = {"", "a b", "a\n", "\xc3\xa4", "\x7f", text_of_65};
        for (size_t j = 0; j < COUNT(BAD); j++) {
            *NAMES[i] = BAD[j];
            assert_false(beat_accepted());
        }
        *NAMES[i] = before;
    }
    process.address = process.admin = "";
    assert_true(beat_accepted());
    process.address = "not an address";
    assert_false(beat_accepted());
}

static void a_beat_names_a_position_and_an_incarnation_or_none(void **state) {
    (void)state;
    beat.seen = NULL;
    assert_true(beat_accepted());
    beat.seen = &position;
    position.seq = LARGEST_NUMBER + 1;
    assert_false(beat_accepted());
    position.seq = LARGEST_NUMBER;
    assert_true(beat_accepted());
    beat.incarnation = INCARNATION;
    assert_true(beat_accepted());
    char *const BAD[] = {"0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF", "0123456789abcdeg", " "};
    for (size_t i = 0; i < COUNT(BAD); i++) {
        beat.incarnation = BAD[i];
        assert_false(beat_accepted());
    }
}

static void a_last_beat_renews_nothing(void **state) {
    (void)state;
    beat.last = true;
    assert_true(beat_accepted());
    beat.incarnation = INCARNATION;
    assert_false(beat_accepted());
    beat.last = false;
    assert_true(beat_accepted());
}

static void a_join_brings_a_new_incarnation(void **state) {
    (void)state;
    Zp__Join join = ZP__JOIN__INIT;
    join.incarnation = INCARNATION;
    join.edge = "ws-edge-1";
    assert_true(edge_accepts(ZP__EDGE_TO_CORE__BODY_JOIN, &join));
    join.replaces = OTHER_INCARNATION;
    assert_true(edge_accepts(ZP__EDGE_TO_CORE__BODY_JOIN, &join));
    join.replaces = INCARNATION;
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_JOIN, &join));
    join.replaces = "-";
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_JOIN, &join));
    join.replaces = "";
    join.incarnation = "";
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_JOIN, &join));
    join.incarnation = INCARNATION;
    join.edge = "";
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_JOIN, &join));
}

static Zp__Connection connection;
static Zp__Connection *connections[VALID_CONNECTIONS_MAX + 1];
static Zp__Statement statement;
static Zp__Statement *statement_list[VALID_STATEMENTS_MAX + 1];
static Zp__Statements statements;

static int reset_statements(void **state) {
    connection = (Zp__Connection)ZP__CONNECTION__INIT;
    connection.connection_id = "1";
    connection.device = "phone";
    connection.status = ZP__STATUS__STATUS_ONLINE;
    for (size_t i = 0; i < VALID_CONNECTIONS_MAX + 1; i++) {
        connections[i] = &connection;
    }
    statement = (Zp__Statement)ZP__STATEMENT__INIT;
    statement.user_id = "123";
    statement.number = 1;
    statement.reason = "connected";
    statement.n_connections = 1;
    statement.connections = connections;
    for (size_t i = 0; i < VALID_STATEMENTS_MAX + 1; i++) {
        statement_list[i] = &statement;
    }
    statements = (Zp__Statements)ZP__STATEMENTS__INIT;
    statements.incarnation = INCARNATION;
    statements.edge = "ws-edge-1";
    statements.n_statements = 1;
    statements.statements = statement_list;
    return reset_shared(state);
}

static bool statements_accepted(void) {
    return edge_accepts(ZP__EDGE_TO_CORE__BODY_STATEMENTS, &statements);
}

static void a_user_id_is_1_to_128_bytes_of_clean_text(void **state) {
    (void)state;
    char *const GOOD[] = {"1", "a b", "j\xc3\xb6rg", "\xf0\x9f\x98\x80", text_of_128};
    for (size_t i = 0; i < COUNT(GOOD); i++) {
        statement.user_id = GOOD[i];
        assert_true(statements_accepted());
    }
    char *const BAD[] = {"", "a\nb", "\x7f", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xff", text_of_129};
    for (size_t i = 0; i < COUNT(BAD); i++) {
        statement.user_id = BAD[i];
        assert_false(statements_accepted());
    }
}

static void a_statement_is_numbered_reasoned_and_of_recent_activity(void **state) {
    (void)state;
    statement.number = 0;
    assert_false(statements_accepted());
    statement.number = LARGEST_NUMBER + 1;
    assert_false(statements_accepted());
    statement.number = LARGEST_NUMBER;
    assert_true(statements_accepted());
    statement.reason = "abcdefghijklmnopqrstuvwxyz-abcde"; /* 32 */
    assert_true(statements_accepted());
    char *const BAD[] = {"", "Closed", "a b", "a1", "abcdefghijklmnopqrstuvwxyz-abcdef"};
    for (size_t i = 0; i < COUNT(BAD); i++) {
        statement.reason = BAD[i];
        assert_false(statements_accepted());
    }
    statement.reason = "closed";
    statement.activity_age_ms = VALID_AGE_MAX_MS;
    assert_true(statements_accepted());
    statement.activity_age_ms++;
    assert_false(statements_accepted());
    statement.activity_age_ms = 0;
    statement.role = text_of_64;
    assert_true(statements_accepted());
    statement.role = text_of_65;
    assert_false(statements_accepted());
}

static void a_connection_has_a_name_a_device_and_a_status_that_is_not_offline(void **state) {
    (void)state;
    connection.connection_id = "";
    assert_false(statements_accepted());
    connection.connection_id = text_of_65;
    assert_false(statements_accepted());
    connection.connection_id = text_of_64;
    connection.device = text_of_64;
    assert_true(statements_accepted());
    connection.device = text_of_65;
    assert_false(statements_accepted());
    connection.device = "a\x1f";
    assert_false(statements_accepted());
    connection.device = "";
    connection.status = ZP__STATUS__STATUS_INVISIBLE;
    assert_true(statements_accepted());
    connection.status = ZP__STATUS__STATUS_OFFLINE;
    assert_false(statements_accepted());
    connection.status = (Zp__Status)5;
    assert_false(statements_accepted());
    connection.status = (Zp__Status)-1;
    assert_false(statements_accepted());
}

static void statements_keep_their_counts(void **state) {
    (void)state;
    statement.n_connections = 0;
    assert_true(statements_accepted());
    statement.n_connections = VALID_CONNECTIONS_MAX;
    statements.n_statements = VALID_STATEMENTS_MAX;
    assert_true(statements_accepted());
    statements.n_statements++;
    assert_false(statements_accepted());
    statements.n_statements = 1;
    statement.n_connections++;
    assert_false(statements_accepted());
}

static void every_statement_and_connection_is_looked_at(void **state) {
    (void)state;
    statements.n_statements = VALID_STATEMENTS_MAX;
    Zp__Statement last = statement;
    last.user_id = "";
    statement_list[VALID_STATEMENTS_MAX - 1] = &last;
    assert_false(statements_accepted());
    last.user_id = "1";
    last.n_connections = 3;
    Zp__Connection bad = connection;
    bad.status = ZP__STATUS__STATUS_OFFLINE;
    connections[2] = &bad;
    assert_false(statements_accepted());
    last.n_connections = 2;
    assert_true(statements_accepted());
}

static void statements_name_their_incarnation_and_edge(void **state) {
    (void)state;
    statements.incarnation = "";
    assert_false(statements_accepted());
    statements.incarnation = INCARNATION;
    statements.edge = "ws edge";
    assert_false(statements_accepted());
    statements.edge = "ws-edge-1";
    statements.replaces = "x";
    assert_false(statements_accepted());
    statements.replaces = OTHER_INCARNATION;
    statements.floor = LARGEST_NUMBER + 1;
    assert_false(statements_accepted());
}

static void touches_keep_their_count_and_age(void **state) {
    (void)state;
    Zp__Touch touch = ZP__TOUCH__INIT;
    touch.user_id = "123";
    Zp__Touch *list[VALID_TOUCHES_MAX + 1];
    for (size_t i = 0; i < VALID_TOUCHES_MAX + 1; i++) {
        list[i] = &touch;
    }
    Zp__Touches touches = ZP__TOUCHES__INIT;
    touches.incarnation = INCARNATION;
    touches.touches = list;
    touches.n_touches = VALID_TOUCHES_MAX;
    assert_true(edge_accepts(ZP__EDGE_TO_CORE__BODY_TOUCHES, &touches));
    touches.n_touches++;
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_TOUCHES, &touches));
    touches.n_touches = 1;
    touch.age_ms = (uint64_t)VALID_AGE_MAX_MS + 1;
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_TOUCHES, &touches));
    touch.age_ms = VALID_AGE_MAX_MS;
    assert_true(edge_accepts(ZP__EDGE_TO_CORE__BODY_TOUCHES, &touches));
    touch.user_id = "";
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_TOUCHES, &touches));
    touch.user_id = "1";
    touches.incarnation = "1";
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_TOUCHES, &touches));
}

static void announced_and_leave_name_an_incarnation(void **state) {
    (void)state;
    Zp__Announced announced = ZP__ANNOUNCED__INIT;
    Zp__Leave leave = ZP__LEAVE__INIT;
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_ANNOUNCED, &announced));
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_LEAVE, &leave));
    announced.incarnation = leave.incarnation = INCARNATION;
    assert_true(edge_accepts(ZP__EDGE_TO_CORE__BODY_ANNOUNCED, &announced));
    assert_true(edge_accepts(ZP__EDGE_TO_CORE__BODY_LEAVE, &leave));
    announced.replaces = "x";
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_ANNOUNCED, &announced));
}

static void an_online_query_asks_for_a_page_of_at_most_500(void **state) {
    (void)state;
    Zp__OnlineQuery query = ZP__ONLINE_QUERY__INIT;
    query.after = "";
    query.most = 1;
    assert_true(edge_accepts(ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY, &query));
    query.most = 500;
    query.after = "user";
    assert_true(edge_accepts(ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY, &query));
    query.most = 501;
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY, &query));
    query.most = 0;
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY, &query));
    query.most = 1;
    query.after = "a\n";
    assert_false(edge_accepts(ZP__EDGE_TO_CORE__BODY_ONLINE_QUERY, &query));
}

static void a_hint_names_at_most_100_users(void **state) {
    (void)state;
    char *users[VALID_HINT_USERS_MAX + 1];
    for (size_t i = 0; i < COUNT(users); i++) {
        users[i] = "123";
    }
    Zp__Hint hint = ZP__HINT__INIT;
    hint.user_ids = users;
    hint.n_user_ids = VALID_HINT_USERS_MAX;
    Zp__WatcherToCore message = ZP__WATCHER_TO_CORE__INIT;
    message.body_case = ZP__WATCHER_TO_CORE__BODY_HINT;
    message.hint = &hint;
    assert_true(watcher_to_core_valid(&message));
    users[VALID_HINT_USERS_MAX - 1] = "";
    assert_false(watcher_to_core_valid(&message));
    users[VALID_HINT_USERS_MAX - 1] = "1";
    hint.n_user_ids++;
    assert_false(watcher_to_core_valid(&message));
    Zp__Tick tick = ZP__TICK__INIT;
    message.body_case = ZP__WATCHER_TO_CORE__BODY_TICK;
    message.tick = &tick;
    assert_true(watcher_to_core_valid(&message));
}

/* Bytes that a stranger sends: whatever unpacks is either valid or refused, and nothing is read out of bounds
 * (the sanitizers look). */
static void spoilt_bytes_are_refused_or_harmless(void **state) {
    (void)state;
    Zp__EdgeToCore message = ZP__EDGE_TO_CORE__INIT;
    message.body_case = ZP__EDGE_TO_CORE__BODY_STATEMENTS;
    message.statements = &statements;
    statements.n_statements = 3;
    uint8_t good[512], bytes[512];
    size_t len = zp__edge_to_core__get_packed_size(&message);
    assert_true(len <= sizeof good);
    (void)zp__edge_to_core__pack(&message, good);
    uint64_t random = 1;
    size_t refused = 0;
    for (int i = 0; i < 20000; i++) {
        memcpy(bytes, good, len);
        for (int flips = i % 4; flips >= 0; flips--) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            bytes[(random >> 32) % len] ^= (uint8_t)(random >> 56);
        }
        Zp__EdgeToCore *unpacked = zp__edge_to_core__unpack(NULL, len - (random >> 20) % 8, bytes);
        refused += !unpacked || !edge_to_core_valid(unpacked) ? 1 : 0;
        zp__edge_to_core__free_unpacked(unpacked, NULL);
    }
    assert_in_range(refused, 5000, 19999);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_beat_says_who_speaks, reset_shared),
        cmocka_unit_test_setup(a_beat_names_a_position_and_an_incarnation_or_none, reset_shared),
        cmocka_unit_test_setup(a_last_beat_renews_nothing, reset_shared),
        cmocka_unit_test_setup(a_join_brings_a_new_incarnation, reset_shared),
        cmocka_unit_test_setup(a_user_id_is_1_to_128_bytes_of_clean_text, reset_statements),
        cmocka_unit_test_setup(a_statement_is_numbered_reasoned_and_of_recent_activity, reset_statements),
        cmocka_unit_test_setup(a_connection_has_a_name_a_device_and_a_status_that_is_not_offline,
                               reset_statements),
        cmocka_unit_test_setup(statements_keep_their_counts, reset_statements),
        cmocka_unit_test_setup(every_statement_and_connection_is_looked_at, reset_statements),
        cmocka_unit_test_setup(statements_name_their_incarnation_and_edge, reset_statements),
        cmocka_unit_test_setup(touches_keep_their_count_and_age, reset_shared),
        cmocka_unit_test_setup(announced_and_leave_name_an_incarnation, reset_shared),
        cmocka_unit_test_setup(an_online_query_asks_for_a_page_of_at_most_500, reset_shared),
        cmocka_unit_test_setup(a_hint_names_at_most_100_users, reset_shared),
        cmocka_unit_test_setup(spoilt_bytes_are_refused_or_harmless, reset_statements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
