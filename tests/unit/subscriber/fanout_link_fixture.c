#include "tests/unit/subscriber/fanout_link_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/valid.h"
#include "tests/unit/support/free_port.h"

#define TAG "subscriber-fanout/1"

enum { QUIET_MS = 150 };

struct fanout_link_fixture at;

static void say(Zp__FanoutToSubscriber *message) {
    assert_true(fanout_to_subscriber_valid(message));
    assert_int_equal(bus_socket_send(at.fanout, str_view_make(at.identity, at.identity_bytes), TAG,
                                     bus_pack(&at.buffer, &message->base)),
                     ZP_OK);
}

static void answer_beat(void) {
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__FanoutBeat beat = ZP__FANOUT_BEAT__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    position.epoch = EPOCH;
    position.seq = at.beat_seq;
    beat.ready = true;
    beat.position = &position;
    beat.generation = at.beat_generation;
    beat.last_number = at.beat_number;
    beat.last_watch = at.beat_watch;
    beat.by_user = at.beat_takes_users;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_BEAT;
    message.beat = &beat;
    say(&message);
}

static void append_name(char sign, const char *user_id) {
    size_t len = strlen(at.named);
    (void)snprintf(at.named + len, sizeof at.named - len, "%c%s ", sign, user_id);
}

static void hear_watch(const Zp__Watch *watch) {
    assert_int_equal(watch->generation, at.generation);
    assert_int_equal(watch->number, ++at.watches);
    if (at.deaf) {
        return;
    }
    at.beat_watch = watch->number;
    for (size_t i = 0; i < watch->n_add; i++) {
        append_name('+', watch->add[i]);
    }
    for (size_t i = 0; i < watch->n_remove; i++) {
        append_name('-', watch->remove[i]);
    }
}

static void on_message(void *context, str_view identity, str_view tag, str_view payload) {
    (void)context;
    assert_true(str_view_equal(tag, str_view_of(TAG)));
    Zp__SubscriberToFanout *message =
        zp__subscriber_to_fanout__unpack(NULL, payload.len, (const uint8_t *)payload.ptr);
    assert_true(message && subscriber_to_fanout_valid(message));
    memcpy(at.identity, identity.ptr, identity.len);
    at.identity_bytes = identity.len;
    if (message->body_case == ZP__SUBSCRIBER_TO_FANOUT__BODY_INTEREST) {
        at.interests++;
        at.generation = message->interest->generation;
        at.all = message->interest->all;
        at.by_user = message->interest->by_user;
        at.beat_generation = at.generation;
        at.beat_number = at.beat_watch = at.watches = 0;
        at.named[0] = '\0';
    } else if (message->body_case == ZP__SUBSCRIBER_TO_FANOUT__BODY_WATCH) {
        hear_watch(message->watch);
    } else if (message->body_case == ZP__SUBSCRIBER_TO_FANOUT__BODY_BEAT) {
        answer_beat();
    }
    zp__subscriber_to_fanout__free_unpacked(message, NULL);
}

void say_view(const char *user_id, uint64_t seq, bool first, bool last) {
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__View view = ZP__VIEW__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    Zp__UserState user = ZP__USER_STATE__INIT;
    Zp__UserState *users[] = {&user};
    position.epoch = EPOCH;
    position.seq = seq;
    user.user_id = (char *)user_id;
    user.status = ZP__STATUS__STATUS_ONLINE;
    user.seq = seq;
    view.generation = at.generation;
    view.position = &position;
    view.users = users;
    view.n_users = user_id[0] ? 1 : 0;
    view.first = first;
    view.last = last;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_VIEW;
    message.view = &view;
    say(&message);
}

void say_update(uint64_t number, const char *user_id, uint64_t seq, Zp__Status to) {
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__Updates updates = ZP__UPDATES__INIT;
    Zp__Update update = ZP__UPDATE__INIT;
    Zp__Update *list[] = {&update};
    update.user_id = (char *)user_id;
    update.seq = seq;
    update.to = to;
    updates.generation = at.generation;
    updates.number = number;
    updates.epoch = EPOCH;
    updates.updates = list;
    updates.n_updates = 1;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_UPDATES;
    message.updates = &updates;
    say(&message);
}

void say_watched(uint64_t number, const char *online, uint64_t seq, const char *offline) {
    Zp__FanoutToSubscriber message = ZP__FANOUT_TO_SUBSCRIBER__INIT;
    Zp__Watched watched = ZP__WATCHED__INIT;
    Zp__Position position = ZP__POSITION__INIT;
    Zp__UserState user = ZP__USER_STATE__INIT;
    Zp__UserState *users[] = {&user};
    char *others[] = {(char *)offline};
    position.epoch = EPOCH;
    position.seq = 20;
    user.user_id = (char *)online;
    user.status = ZP__STATUS__STATUS_ONLINE;
    user.seq = seq;
    watched.generation = at.generation;
    watched.number = number;
    watched.position = &position;
    watched.users = users;
    watched.n_users = 1;
    watched.offline = others;
    watched.n_offline = 1;
    message.body_case = ZP__FANOUT_TO_SUBSCRIBER__BODY_WATCHED;
    message.watched = &watched;
    say(&message);
}

/* -- the listeners -- */

static size_t listeners_count(void *context) {
    (void)context;
    return at.listeners;
}

static uint32_t wire_forms(void *context) {
    (void)context;
    return 0;
}

static void on_tell(void *context, const watch_change *change, const Zp__Update *given) {
    (void)context;
    size_t len = strlen(at.told);
    (void)snprintf(at.told + len, sizeof at.told - len, "%.*s:%s%s ", (int)change->user_id.len,
                   change->user_id.ptr, status_name(change->to), given ? "" : "*");
}

static void on_settled(void *context) {
    (void)context;
    at.settled++;
}

static size_t watchers_count(void *context) {
    (void)context;
    return at.has_watchers;
}

/* Users of one letter; a capital one is not watched any more. */
static size_t find_unsaid(void *context, char *user_ids[], bool are_watched[], size_t most) {
    (void)context;
    static char ids[sizeof at.unsaid][2];
    size_t count = 0;
    for (; at.unsaid[count] && count < most; count++) {
        are_watched[count] = at.unsaid[count] >= 'a';
        ids[count][0] = (char)(at.unsaid[count] | 0x20);
        user_ids[count] = ids[count];
    }
    return count;
}

static void on_said(void *context, size_t count) {
    (void)context;
    memmove(at.unsaid, at.unsaid + count, sizeof at.unsaid - count);
}

static void on_unsay(void *context) {
    (void)context;
    (void)snprintf(at.unsaid, sizeof at.unsaid, "%s", at.watched);
}

static void on_tell_watchers(void *context, const watch_change *change) {
    (void)context;
    size_t len = strlen(at.told_watchers);
    (void)snprintf(at.told_watchers + len, sizeof at.told_watchers - len, "%.*s:%s@%d ",
                   (int)change->user_id.len, change->user_id.ptr, status_name(change->to),
                   (int)change->position.seq);
}

static bool has_interest(void *context) {
    return at.interests >= *(const uint64_t *)context;
}

void until_interests(uint64_t count) {
    assert_true(process_fixture_run_until(&at.fixture, has_interest, &count, FANOUT_LINK_WAIT_MS));
}

static bool has_named(void *context) {
    return strcmp(at.named, *(const char *const *)context) == 0;
}

void until_named(const char *names) {
    assert_true(process_fixture_run_until(&at.fixture, has_named, &names, FANOUT_LINK_WAIT_MS));
}

void run_on(void) {
    process_fixture_run_for(&at.fixture, QUIET_MS); /* some beats */
}

void listen_with(size_t listeners) {
    at.listeners = listeners;
    fanout_link_interest_changed(at.link, (log_position){EPOCH, 0});
    until_interests(at.interests + 1);
}

int fanout_link_fixture_open(void **state) {
    (void)state;
    static const fanout_link_watchers watchers = {.count = watchers_count,
                                                  .find_unsaid = find_unsaid,
                                                  .said = on_said,
                                                  .unsay = on_unsay,
                                                  .tell = on_tell_watchers};
    static const fanout_link_hooks hooks = {.by_name = &watchers,
                                            .listeners_count = listeners_count,
                                            .wire_forms = wire_forms,
                                            .tell = on_tell,
                                            .settled = on_settled,
                                            .interests = METRIC_HTTP_INTERESTS};
    static char endpoints[64];
    memset(&at, 0, sizeof at);
    at.watched = "";
    at.beat_takes_users = true;
    static const char *settings[] = {
        "BEAT_INTERVAL_MS",    "20", "PEER_TIMEOUT_MS",  "250",     "LOG_LEVEL", "error",
        "ENDPOINT_REFRESH_MS", "50", "FANOUT_ENDPOINTS", endpoints, NULL};
    (void)snprintf(endpoints, sizeof endpoints, "tcp://127.0.0.1:%d", free_port());
    process_fixture_open(&at.fixture, API, settings);
    assert_int_equal(
        bus_socket_new(&at.fanout, &at.fixture.process.bus, BUS_ROUTER, FANOUT, endpoints, on_message, NULL),
        ZP_OK);
    assert_int_equal(fanout_link_new(&at.link, &at.fixture.process, &hooks, NULL), ZP_OK);
    until_interests(1);
    return 0;
}

int fanout_link_fixture_close(void **state) {
    (void)state;
    fanout_link_destroy(&at.link);
    bus_socket_destroy(&at.fanout);
    bus_buffer_free(&at.buffer);
    process_fixture_close(&at.fixture);
    return 0;
}
