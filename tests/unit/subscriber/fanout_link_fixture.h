/* fanout_link_fixture - a subscriber's link to a fanout, which is a real ROUTER that a test scripts; and its
 * listeners, of whom a test says how many there are and whom they watch by name. */
#ifndef ZP_TESTS_FANOUT_LINK_FIXTURE_H
#define ZP_TESTS_FANOUT_LINK_FIXTURE_H

#include "common/bus/bus_pack.h"
#include "common/subscriber/fanout_link.h"
#include "tests/unit/support/process_fixture.h"

enum { FANOUT_LINK_WAIT_MS = 5000, EPOCH = 7 };

extern struct fanout_link_fixture {
    process_fixture fixture;
    bus_socket_t *fanout;
    bus_buffer buffer;
    fanout_link_t *link;
    char identity[256];
    size_t identity_bytes;
    /* What the fanout has heard, and says in its beats. */
    uint64_t generation, interests, watches;
    bool all, by_user;
    char named[256]; /* "+a -b " */
    bool deaf;       /* loses every Watch */
    uint64_t beat_seq, beat_generation, beat_number, beat_watch;
    bool beat_takes_users;
    /* What the listeners are told. */
    size_t listeners, settled;
    char told[256];
    /* Those who watch by name: whom, and what was not said yet. */
    bool has_watchers;
    const char *watched;
    char unsaid[16];
    char told_watchers[256];
} at;

/* For cmocka: the link knows its fanout, and has said that it wants nothing. */
int fanout_link_fixture_open(void **state);
int fanout_link_fixture_close(void **state);

/* -- what the fanout says -- */

/* A piece of the view with one user who is online since `seq`; "": nobody. */
void say_view(const char *user_id, uint64_t seq, bool first, bool last);
void say_update(uint64_t number, const char *user_id, uint64_t seq, Zp__Status to);
/* `online` is so since `seq`, `offline` is known to be so up to 20. */
void say_watched(uint64_t number, const char *online, uint64_t seq, const char *offline);

/* -- what it hears -- */

/* Waits until it has heard what the subscriber is interested in that often. */
void until_interests(uint64_t count);
/* Waits until exactly these have been named to it: "+a +b -a ". */
void until_named(const char *names);
/* For some beats. */
void run_on(void);
/* There are so many listeners from now on, and the fanout has heard of it. */
void listen_with(size_t listeners);

#endif
