#include "common/subscriber/watch_saying.h"

#include "common/bus/bus_pack.h"

#include <stdlib.h>

enum { PIECE_USERS = 1000 };

struct watch_saying {
    const fanout_link_watchers *watchers;
    void *context;
    bus_buffer packed;
    uint64_t generation;
    uint64_t number;       /* of the last message sent */
    uint64_t mark;         /* number of one of them, */
    uint64_t marked_at_ms; /* by when it had been sent */
    size_t count;          /* of users in the message at hand */
    char *user_ids[PIECE_USERS];
    bool are_watched[PIECE_USERS];
    char *add[PIECE_USERS], *remove[PIECE_USERS];
};

watch_saying_t *watch_saying_new(const fanout_link_watchers *watchers, void *context) {
    watch_saying_t *saying = calloc(1, sizeof *saying);
    if (saying) {
        saying->watchers = watchers;
        saying->context = context;
    }
    return saying;
}

void watch_saying_destroy(watch_saying_t **saying) {
    if (*saying) {
        bus_buffer_free(&(*saying)->packed);
        free(*saying);
        *saying = NULL;
    }
}

void watch_saying_begin(watch_saying_t *saying, uint64_t generation, uint64_t now_ms) {
    saying->watchers->unsay(saying->context);
    saying->generation = generation;
    saying->number = saying->mark = 0;
    saying->marked_at_ms = now_ms;
}

str_view watch_saying_next(watch_saying_t *saying) {
    Zp__SubscriberToFanout envelope = ZP__SUBSCRIBER_TO_FANOUT__INIT;
    Zp__Watch watch = ZP__WATCH__INIT;
    saying->count =
        saying->watchers->find_unsaid(saying->context, saying->user_ids, saying->are_watched, PIECE_USERS);
    if (saying->count == 0) {
        return (str_view){0};
    }
    for (size_t i = 0; i < saying->count; i++) {
        if (saying->are_watched[i]) {
            saying->add[watch.n_add++] = saying->user_ids[i];
        } else {
            saying->remove[watch.n_remove++] = saying->user_ids[i];
        }
    }
    watch.generation = saying->generation;
    watch.number = saying->number + 1;
    watch.add = saying->add;
    watch.remove = saying->remove;
    envelope.body_case = ZP__SUBSCRIBER_TO_FANOUT__BODY_WATCH;
    envelope.watch = &watch;
    return bus_pack(&saying->packed, &envelope.base);
}

void watch_saying_sent(watch_saying_t *saying) {
    saying->number++;
    saying->watchers->said(saying->context, saying->count);
}

bool watch_saying_is_lost(watch_saying_t *saying, uint64_t last_number, uint64_t now_ms, uint64_t within_ms) {
    if (last_number >= saying->mark) {
        saying->mark = saying->number;
        saying->marked_at_ms = now_ms;
        return false;
    }
    return now_ms - saying->marked_at_ms > within_ms;
}
