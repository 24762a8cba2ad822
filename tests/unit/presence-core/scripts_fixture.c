#include "tests/unit/presence-core/scripts_fixture.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 1200, CONNECT_ATTEMPTS = 200, TEXT_BYTES = 4096 };

redisReply *answer;

static redisContext *redis;
static pid_t server;
static char folder[64];
static char shas[SCRIPTS_COUNT][41];
static char epoch[24] = "0";
static char text[TEXT_BYTES];

redisContext *redis_link(void) {
    return redis;
}

static void exec_server(const char *socket_path) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* never outlives the test */
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket_path, "--save", "",
           "--appendonly", "no", "--logfile", "/dev/null", "--dir", folder, (char *)NULL);
    _exit(127);
}

int redis_start(void **state) {
    (void)state;
    strcpy(folder, "/tmp/zp-scripts-XXXXXX");
    assert_non_null(mkdtemp(folder));
    char socket_path[80];
    (void)snprintf(socket_path, sizeof socket_path, "%s/redis", folder);
    server = fork();
    if (server == 0) {
        exec_server(socket_path);
    }
    for (int i = 0; i < CONNECT_ATTEMPTS; i++) {
        usleep(20000);
        redis = redisConnectUnix(socket_path);
        if (redis && redis->err == 0) {
            break;
        }
        redisFree(redis);
        redis = NULL;
    }
    assert_non_null(redis); /* redis-server is not installed, or does not start */
    for (int i = 0; i < SCRIPTS_COUNT; i++) {
        redisReply *reply =
            redisCommand(redis, "SCRIPT LOAD %b", script_table[i].text, script_table[i].text_bytes);
        assert_non_null(reply);
        if (reply->type != REDIS_REPLY_STRING) {
            fail_msg("%s: %s", script_table[i].name, reply->str);
        }
        memcpy(shas[i], reply->str, 41);
        freeReplyObject(reply);
    }
    return 0;
}

int redis_stop(void **state) {
    (void)state;
    freeReplyObject(answer);
    answer = NULL;
    redisFree(redis);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    char path[80];
    (void)snprintf(path, sizeof path, "%s/redis", folder);
    unlink(path);
    rmdir(folder);
    return 0;
}

int redis_fresh(void **state) {
    (void)state;
    ask("FLUSHALL");
    strcpy(epoch, "0");
    assert_true(check_epoch("run-1", false, 0, 0, true, NULL));
    return 0;
}

redisReply *run_raw(script_id script, int argc, const char **argv, const size_t *lengths) {
    freeReplyObject(answer);
    const char *all[ARGUMENTS_MAX] = {"EVALSHA", shas[script], "0"};
    size_t all_lengths[ARGUMENTS_MAX] = {7, 40, 1};
    assert_true(argc + 3 <= ARGUMENTS_MAX);
    for (int i = 0; i < argc; i++) {
        all[i + 3] = argv[i];
        all_lengths[i + 3] = lengths ? lengths[i] : strlen(argv[i]);
    }
    answer = redisCommandArgv(redis, argc + 3, all, all_lengths);
    assert_non_null(answer);
    return answer;
}

redisReply *run(script_id script, ...) {
    const char *argv[ARGUMENTS_MAX] = {epoch, TTL_MS, "2592000000", "1000"};
    int argc = 4;
    va_list more;
    va_start(more, script);
    for (const char *argument = va_arg(more, const char *); argument; argument = va_arg(more, const char *)) {
        assert_true(argc < ARGUMENTS_MAX - 3);
        argv[argc++] = argument;
    }
    va_end(more);
    run_raw(script, argc, argv, NULL);
    if (answer->type == REDIS_REPLY_ERROR) {
        print_error("%s: %s\n", script_table[script].name, answer->str);
    }
    return answer;
}

const char *ask(const char *format, ...) {
    va_list more;
    va_start(more, format);
    redisReply *reply = redisvCommand(redis, format, more);
    va_end(more);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_INTEGER) {
        (void)snprintf(text, sizeof text, "%lld", reply->integer);
    } else {
        (void)snprintf(text, sizeof text, "%s", reply->str ? reply->str : "");
    }
    freeReplyObject(reply);
    return text;
}

long long ask_number(const char *format, ...) {
    va_list more;
    va_start(more, format);
    redisReply *reply = redisvCommand(redis, format, more);
    va_end(more);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    long long number = reply->type == REDIS_REPLY_INTEGER ? reply->integer
                       : reply->str                       ? strtoll(reply->str, NULL, 10)
                                                          : 0;
    freeReplyObject(reply);
    return number;
}

static const redisReply *answer_element(size_t index) {
    assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
    assert_true(index < answer->elements);
    return answer->element[index];
}

const char *answer_text(size_t index) {
    static char number[24];
    const redisReply *element = answer_element(index);
    if (element->type == REDIS_REPLY_INTEGER) {
        (void)snprintf(number, sizeof number, "%lld", element->integer);
        return number;
    }
    return element->str;
}

long long number_after(const char *words_text, int words) {
    for (; words > 0; words--) {
        words_text += strcspn(words_text, " ") + 1;
    }
    return strtoll(words_text, NULL, 10);
}

long long answer_number(size_t index) {
    return number_after(answer_text(index), 0);
}

/* Every script that makes transitions answers them as its last array. */
static const redisReply *records(void) {
    for (size_t i = answer->elements; i > 0; i--) {
        if (answer->element[i - 1]->type == REDIS_REPLY_ARRAY) {
            return answer->element[i - 1];
        }
    }
    return NULL;
}

size_t records_count(void) {
    const redisReply *all = records();
    return all ? all->elements : 0;
}

const char *record_text(size_t index) {
    assert_true(index < records_count());
    return records()->element[index]->str;
}

static bool accepted(void) {
    return strcmp(answer_text(0), "1") == 0;
}

bool join(const char *incarnation, const char *edge, const char *replaces) {
    run(SCRIPT_JOIN, LEASE_MS, incarnation, edge, replaces, NULL);
    return accepted();
}

bool beat_numbered(const char *incarnation, uint64_t number) {
    char number_text[24];
    (void)snprintf(number_text, sizeof number_text, "%llu", (unsigned long long)number);
    run(SCRIPT_BEAT, LEASE_MS, incarnation, "ws-edge-1", "{}", "0", number_text, NULL);
    return accepted();
}

bool beat(const char *incarnation) {
    static uint64_t number;
    return beat_numbered(incarnation, ++number);
}

bool say(const char *incarnation, const char *user, uint64_t number, const char *letters) {
    return say_more(incarnation, "-", 0, user, number, 0, letters);
}

static bool say_with(const char *incarnation, const char *replaces, uint64_t floor, const char *debounce_ms,
                     const char *user, uint64_t number, const char *reason, uint64_t age_ms,
                     const char *letters) {
    char floor_text[24];
    char number_text[24];
    char age_text[24];
    (void)snprintf(floor_text, sizeof floor_text, "%llu", (unsigned long long)floor);
    (void)snprintf(number_text, sizeof number_text, "%llu", (unsigned long long)number);
    (void)snprintf(age_text, sizeof age_text, "%llu", (unsigned long long)age_ms);
    run(SCRIPT_STATEMENTS, incarnation, "ws-edge-1", replaces, floor_text, debounce_ms, NEVER, user,
        number_text, reason, age_text, "-", letters, "[[\"c\",\"device\",1]]", NULL);
    return accepted();
}

bool say_more(const char *incarnation, const char *replaces, uint64_t floor, const char *user,
              uint64_t number, uint64_t age_ms, const char *letters) {
    return say_with(incarnation, replaces, floor, "0", user, number, "connected", age_ms, letters);
}

bool say_closed(const char *incarnation, const char *replaces, const char *user, uint64_t number) {
    return say_with(incarnation, replaces, 0, DEBOUNCE_MS, user, number, "closed", 0, "-");
}

bool touch(const char *incarnation, const char *user, uint64_t age_ms) {
    char age_text[24];
    (void)snprintf(age_text, sizeof age_text, "%llu", (unsigned long long)age_ms);
    run(SCRIPT_TOUCHES, incarnation, user, age_text, NULL);
    return accepted();
}

static uint64_t messages;

static const char *digits(uint64_t number, char out[24]) {
    (void)snprintf(out, 24, "%llu", (unsigned long long)number);
    return out;
}

void heartbeat(const char *user, const char *socket_id, const char *letter) {
    char number[24];
    char floor[24];
    run(SCRIPT_HEARTBEAT, "a1", digits(messages + 1, number), digits(messages, floor), "0", HTTP_TTL_MS,
        OFFLINE_DELAY_MS, user, socket_id, letter, "0", "0", "0", NULL);
    messages++;
    assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
}

void heartbeat_numbered(const char *api, uint64_t number, uint64_t floor, const char *user,
                        const char *letter) {
    char number_text[24];
    char floor_text[24];
    run(SCRIPT_HEARTBEAT, api, digits(number, number_text), digits(floor, floor_text), "0", HTTP_TTL_MS,
        OFFLINE_DELAY_MS, user, "default", letter, "0", "0", "0", NULL);
    assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
}

void heartbeat_announced(const char *api, const char *user, const char *letter, uint64_t heard_at_ms,
                         uint64_t silence_ms, bool complete) {
    char number[24];
    char floor[24];
    char heard_at[24];
    char silence[24];
    run(SCRIPT_HEARTBEAT, api, digits(messages + 1, number), digits(messages, floor), complete ? "1" : "0",
        HTTP_TTL_MS, OFFLINE_DELAY_MS, user, "default", letter, digits(heard_at_ms, heard_at),
        digits(silence_ms, silence), "1000", NULL);
    messages++;
    assert_int_equal(answer->type, REDIS_REPLY_ARRAY);
}

bool announced(const char *incarnation, const char *replaces) {
    run(SCRIPT_ANNOUNCED, GRACE_MS, incarnation, replaces, NULL);
    return accepted();
}

bool leave(const char *incarnation) {
    run(SCRIPT_LEAVE, incarnation, NULL);
    return accepted();
}

void tick(void) {
    run(SCRIPT_TICK, GRACE_MS, STEP, NULL);
}

void pass_ms(long long ms) {
    ask("HINCRBY presence:clock now %lld", ms);
    tick();
}

bool check_epoch(const char *run_id, bool forced, uint64_t seen_epoch, uint64_t seen_seq, bool complete,
                 const char *heard) {
    char epoch_text[24];
    char seq_text[24];
    (void)snprintf(epoch_text, sizeof epoch_text, "%llu", (unsigned long long)seen_epoch);
    (void)snprintf(seq_text, sizeof seq_text, "%llu", (unsigned long long)seen_seq);
    run(SCRIPT_EPOCH, run_id, forced ? "1" : "0", epoch_text, seq_text, LEASE_MS, complete ? "1" : "0", heard,
        NULL);
    (void)snprintf(epoch, sizeof epoch, "%s", answer_text(0));
    return strcmp(answer_text(3), "1") == 0;
}

const char *shown(const char *user) {
    const char *status = ask("HGET presence:meta:%s status", user);
    return status[0] ? status : "f";
}

bool has_mirror(const char *user) {
    return ask_number("EXISTS presence:user:%s", user) == 1;
}

void assert_consistent(const char *user) {
    bool is_shown = strcmp(shown(user), "f") != 0;
    assert_int_equal(has_mirror(user), is_shown);
    assert_int_equal(ask("ZSCORE presence:online %s", user)[0] != '\0', is_shown);
    bool is_away = strcmp(shown(user), "a") == 0, is_busy = strcmp(shown(user), "b") == 0;
    assert_int_equal(ask_number("SISMEMBER presence:away %s", user), is_away);
    assert_int_equal(ask_number("SISMEMBER presence:busy %s", user), is_busy);
}

uint64_t present_epoch(void) {
    return strtoull(epoch, NULL, 10);
}

uint64_t present_seq(void) {
    return (uint64_t)ask_number("GET presence:seq");
}
