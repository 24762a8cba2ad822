#include "services/fanout/core/interest.h"
#include "common/base/hash_table.h"
#include <assert.h>
#include <stdlib.h>

struct subscriber {
    UT_hash_handle hh;
    subscriber_state state;
    uint64_t generation;
    interest_kind kind;
    uint32_t wire_forms;
    log_position seen;
    uint64_t last_number;
    watch_set_t *set; /* while it is attached by user */
    uint64_t last_watch;
    bool named_too_many;
    uint64_t heard_at_ms;
    char name[SUBSCRIBER_NAME_MAX_BYTES + 1];
    size_t identity_bytes;
    char identity[SUBSCRIBER_IDENTITY_MAX_BYTES];
};

struct interest {
    subscriber_t *subscribers;
    watch_sets_t *sets;
    size_t subscribers_max;
    size_t listeners_count;
    size_t hear_all_count; /* of the listeners */
    uint32_t wire_forms;
};

interest_t *interest_new(size_t subscribers_max, size_t watched_max) {
    interest_t *interest = calloc(1, sizeof(*interest));
    if (!interest) {
        return NULL;
    }
    interest->subscribers_max = subscribers_max;
    interest->sets = watch_sets_new(watched_max);
    if (!interest->sets) {
        interest_destroy(&interest);
    }
    return interest;
}

static void drop(interest_t *interest, subscriber_t *subscriber) {
    HASH_DEL(interest->subscribers, subscriber);
    watch_set_end(&subscriber->set);
    free(subscriber);
}

void interest_destroy(interest_t **interest) {
    if (*interest) {
        subscriber_t *subscriber;
        subscriber_t *next;
        HASH_ITER(hh, (*interest)->subscribers, subscriber, next) {
            drop(*interest, subscriber);
        }
        watch_sets_destroy(&(*interest)->sets);
        free(*interest);
        *interest = NULL;
    }
}

subscriber_t *interest_hear(interest_t *interest, str_view identity, uint64_t now_ms) {
    subscriber_t *subscriber;
    HASH_FIND(hh, interest->subscribers, identity.ptr, identity.len, subscriber);
    if (!subscriber) {
        if (identity.len > SUBSCRIBER_IDENTITY_MAX_BYTES ||
            HASH_COUNT(interest->subscribers) >= interest->subscribers_max) {
            return NULL;
        }
        subscriber = calloc(1, sizeof(*subscriber));
        if (!subscriber) {
            return NULL;
        }
        memcpy(subscriber->identity, identity.ptr, identity.len);
        subscriber->identity_bytes = identity.len;
        HASH_ADD_KEYPTR(hh, interest->subscribers, subscriber->identity, subscriber->identity_bytes,
                        subscriber);
        if (!subscriber->hh.tbl) {
            free(subscriber);
            return NULL;
        }
    }
    subscriber->heard_at_ms = now_ms;
    return subscriber;
}

void subscriber_set_name(subscriber_t *subscriber, str_view name) {
    size_t len = name.len < SUBSCRIBER_NAME_MAX_BYTES ? name.len : SUBSCRIBER_NAME_MAX_BYTES;
    memcpy(subscriber->name, name.ptr, len);
    subscriber->name[len] = '\0';
}

static bool is_listener(const subscriber_t *subscriber) {
    return subscriber->state == SUBSCRIBER_ATTACHED && subscriber->kind != INTEREST_NONE;
}

static void sum_up(interest_t *interest) {
    interest->listeners_count = 0;
    interest->hear_all_count = 0;
    interest->wire_forms = 0;
    for (const subscriber_t *each = interest->subscribers; each; each = each->hh.next) {
        if (each->state != SUBSCRIBER_DETACHED && each->kind == INTEREST_ALL) {
            interest->wire_forms |= each->wire_forms;
        }
        interest->listeners_count += is_listener(each);
        interest->hear_all_count += is_listener(each) && each->kind == INTEREST_ALL;
    }
}

/* The one place where a subscriber's state changes. */
static void enter(interest_t *interest, subscriber_t *subscriber, subscriber_state state) {
    subscriber->state = state;
    subscriber->last_number = 0;
    subscriber->last_watch = 0;
    watch_set_end(&subscriber->set);
    if (state == SUBSCRIBER_ATTACHED && subscriber->kind == INTEREST_BY_USER) {
        subscriber->set = watch_set_new(interest->sets);
        if (!subscriber->set) {
            subscriber->state = SUBSCRIBER_DETACHED; /* it will ask again */
        }
    }
    sum_up(interest);
}

bool interest_set(interest_t *interest, subscriber_t *subscriber, uint64_t generation, interest_kind kind,
                  uint32_t wire_forms, log_position seen) {
    if (generation <= subscriber->generation) {
        return false;
    }
    subscriber->generation = generation;
    subscriber->kind = kind;
    subscriber->wire_forms = wire_forms;
    subscriber->seen = seen;
    subscriber->named_too_many = subscriber->named_too_many && kind != INTEREST_NONE;
    enter(interest, subscriber, kind == INTEREST_ALL ? SUBSCRIBER_AWAITING : SUBSCRIBER_ATTACHED);
    return true;
}

void interest_clear(interest_t *interest, subscriber_t *subscriber, uint64_t generation) {
    if (generation >= subscriber->generation) {
        subscriber->generation = generation;
        enter(interest, subscriber, SUBSCRIBER_DETACHED);
    }
}

bool interest_cut(interest_t *interest, subscriber_t *subscriber) {
    if (subscriber->state == SUBSCRIBER_DETACHED) {
        return false;
    }
    enter(interest, subscriber, SUBSCRIBER_DETACHED);
    return true;
}

void interest_refuse_users(interest_t *interest, subscriber_t *subscriber) {
    subscriber->named_too_many = true;
    enter(interest, subscriber, SUBSCRIBER_DETACHED);
}

bool subscriber_may_name_users(const subscriber_t *subscriber) {
    return !subscriber->named_too_many;
}

void interest_attach(interest_t *interest, subscriber_t *subscriber) {
    assert(subscriber->state == SUBSCRIBER_AWAITING);
    enter(interest, subscriber, SUBSCRIBER_ATTACHED);
}

subscriber_t *interest_next_awaiting(interest_t *interest, log_position position) {
    for (subscriber_t *each = interest->subscribers; each; each = each->hh.next) {
        if (each->state == SUBSCRIBER_AWAITING && !log_position_before(position, each->seen)) {
            return each;
        }
    }
    return NULL;
}

subscriber_t *interest_next(interest_t *interest, subscriber_t *previous) {
    return previous ? previous->hh.next : interest->subscribers;
}

subscriber_t *interest_next_listener(interest_t *interest, subscriber_t *previous) {
    subscriber_t *each = interest_next(interest, previous);
    while (each && !is_listener(each)) {
        each = interest_next(interest, each);
    }
    return each;
}

watch_verdict interest_take_watch(subscriber_t *subscriber, uint64_t generation, uint64_t number) {
    if (!subscriber->set || generation != subscriber->generation) {
        return WATCH_STALE;
    }
    if (number != subscriber->last_watch + 1) {
        return WATCH_GAP;
    }
    subscriber->last_watch = number;
    return WATCH_NEXT;
}

uint64_t subscriber_last_watch(const subscriber_t *subscriber) {
    return subscriber->last_watch;
}

watch_set_t *subscriber_watch_set(const subscriber_t *subscriber) {
    return subscriber->set;
}

void interest_unanswer(interest_t *interest) {
    for (subscriber_t *each = interest->subscribers; each; each = each->hh.next) {
        if (each->set) {
            watch_set_unanswer(each->set);
        }
    }
}

subscriber_t *interest_next_unanswered(interest_t *interest) {
    for (subscriber_t *each = interest->subscribers; each; each = each->hh.next) {
        if (each->set && !watch_set_is_answered(each->set)) {
            return each;
        }
    }
    return NULL;
}

bool interest_note(interest_t *interest, str_view user_id, size_t place) {
    bool noted = watch_sets_note(interest->sets, user_id, place);
    return noted || interest->hear_all_count > 0;
}

size_t interest_watched_count(const interest_t *interest) {
    return watch_sets_users_count(interest->sets);
}

size_t interest_forget_silent(interest_t *interest, uint64_t now_ms, uint64_t silence_ms) {
    size_t forgotten_count = 0;
    subscriber_t *each;
    subscriber_t *next;
    HASH_ITER(hh, interest->subscribers, each, next) {
        if (now_ms > each->heard_at_ms && now_ms - each->heard_at_ms > silence_ms) {
            drop(interest, each);
            forgotten_count++;
        }
    }
    if (forgotten_count > 0) {
        sum_up(interest);
    }
    return forgotten_count;
}

uint32_t interest_wire_forms(const interest_t *interest) {
    return interest->wire_forms;
}

size_t interest_listeners_count(const interest_t *interest) {
    return interest->listeners_count;
}

size_t interest_subscribers_count(const interest_t *interest) {
    return HASH_COUNT(interest->subscribers);
}

str_view subscriber_identity(const subscriber_t *subscriber) {
    return str_view_make(subscriber->identity, subscriber->identity_bytes);
}

const char *subscriber_name(const subscriber_t *subscriber) {
    return subscriber->name[0] ? subscriber->name : "-";
}

uint32_t subscriber_wire_forms(const subscriber_t *subscriber) {
    return subscriber->wire_forms;
}

uint64_t subscriber_generation(const subscriber_t *subscriber) {
    return subscriber->generation;
}

uint64_t subscriber_attached_generation(const subscriber_t *subscriber) {
    return subscriber->state == SUBSCRIBER_ATTACHED ? subscriber->generation : 0;
}

uint64_t subscriber_last_number(const subscriber_t *subscriber) {
    return subscriber->last_number;
}

uint64_t subscriber_take_number(subscriber_t *subscriber) {
    return ++subscriber->last_number;
}
