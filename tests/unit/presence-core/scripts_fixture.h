/* scripts_fixture - the scripts of presence-core in a private Redis: on a socket in a folder of its own, gone
 * with the test. Each test begins with no data, epoch begun, clock at 1. */
#ifndef ZP_TESTS_SCRIPTS_FIXTURE_H
#define ZP_TESTS_SCRIPTS_FIXTURE_H

#include "services/presence-core/script_table.h"
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

/* What the tests use throughout, in ms. */
#define TTL_MS "60000"
#define LEASE_MS "5000"
#define GRACE_MS "10000"
#define DEBOUNCE_MS "2000"
#define NEVER "9007199254740992" /* void_after */
#define STEP "100"
#define HTTP_TTL_MS "30000"
#define FRESHNESS_MS "20000"
#define OFFLINE_DELAY_MS "3000"
enum {
    TTL = 60000,
    LEASE = 5000,
    GRACE = 10000,
    DEBOUNCE = 2000,
    HTTP_TTL = 30000,
    FRESHNESS = 20000,
    OFFLINE_DELAY = 3000,
};

/* For cmocka_run_group_tests and cmocka_unit_test_setup. */
int redis_start(void **state);
int redis_stop(void **state);
int redis_fresh(void **state);

/* What the last script answered, until the next is called. */
extern redisReply *answer;

redisContext *redis_link(void);

/* Runs a script with its own arguments, ended by NULL, under the present epoch. */
redisReply *run(script_id script, ...);
/* The same, with the whole ARGV. */
redisReply *run_raw(script_id script, int argc, const char **argv, const size_t *lengths);
/* A command, printf-like as hiredis has it: its answer as text, "" for nil. */
const char *ask(const char *format, ...);
long long ask_number(const char *format, ...);

/* The answer, taken apart. */
const char *answer_text(size_t index); /* of an array: a text, or an integer as text */
long long answer_number(size_t index);
/* Skips `words` of a text, and reads the number that follows. */
long long number_after(const char *text, int words);
size_t records_count(void); /* of the script that ran last */
const char *record_text(size_t index);

/* The scripts in the words of the tests; each says whether it was accepted. */
bool join(const char *incarnation, const char *edge, const char *replaces);
bool beat(const char *incarnation); /* each with a higher number */
bool beat_numbered(const char *incarnation, uint64_t number);
/* `letters` "-": no connection. */
bool say(const char *incarnation, const char *user, uint64_t number, const char *letters);
bool say_more(const char *incarnation, const char *replaces, uint64_t floor, const char *user,
              uint64_t number, uint64_t age_ms, const char *letters);
/* The last connection closed, where OFFLINE_DEBOUNCE_MS is DEBOUNCE. */
bool say_closed(const char *incarnation, const char *replaces, const char *user, uint64_t number);
bool touch(const char *incarnation, const char *user, uint64_t age_ms);
/* A heartbeat of the http-api "a1", in a message of its own; letter "f": offline. */
void heartbeat(const char *user, const char *socket_id, const char *letter);
/* The same in message `number` of `api`, whose messages up to `floor` are done. */
void heartbeat_numbered(const char *api, uint64_t number, uint64_t floor, const char *user,
                        const char *letter);
/* What `api` heard before the data was lost; each call is a message of its own. */
void heartbeat_announced(const char *api, const char *user, const char *letter, uint64_t heard_at_ms,
                         uint64_t silence_ms, bool complete);
bool announced(const char *incarnation, const char *replaces);
bool leave(const char *incarnation);
/* Without any time passing. */
void tick(void);
/* Lets service time pass, then ticks; a tick alone lets only real time pass. */
void pass_ms(long long ms);
/* Asks for the epoch; true where one began. The tests go on under the epoch that is answered. */
bool check_epoch(const char *run_id, bool forced, uint64_t seen_epoch, uint64_t seen_seq, bool complete,
                 const char *heard);

/* What can be seen of a user. */
const char *shown(const char *user); /* "f", "o", "a", "b" */
bool has_mirror(const char *user);
/* Invariant 8: the mirror, presence:online, presence:away, presence:busy and the status agree. */
void assert_consistent(const char *user);

uint64_t present_epoch(void);
uint64_t present_seq(void);

#endif
