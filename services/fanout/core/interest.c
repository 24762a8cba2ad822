#include "services/fanout/core/interest.h"
#include "common/base/hash_table.h"
#include <assert.h>
#include <stdlib.h>

struct subscriber {
    UT_hash_handle hh;
    subscriber_state state;
    uint64_t generation;
    bool all;
    uint32_t wire_forms;
    log_position seen;
    uint64_t last_number;
    uint64_t heard_at_ms;
    char name[SUBSCRIBER_NAME_MAX_BYTES + 1];
    size_t identity_bytes;
    char identity[SUBSCRIBER_IDENTITY_MAX_BYTES];
};

struct interest {
    subscriber_t *subscribers;
    size_t subscribers_max;
    size_t listeners_count;
    uint32_t wire_forms;
};

interest_t *interest_new(size_t subscribers_max) {
    interest_t *interest = calloc(1, sizeof(*interest));
    if (interest) {
        interest->subscribers_max = subscribers_max;
    }
    return interest;
}

void interest_destroy(interest_t **interest) {
    if (*interest) {
        subscriber_t *subscriber;
        subscriber_t *next;
        HASH_ITER(hh, (*interest)->subscribers, subscriber, next) {
            HASH_DEL((*interest)->subscribers, subscriber);
            free(subscriber);
        }
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
    return subscriber->state == SUBSCRIBER_ATTACHED && subscriber->all;
}

static void sum_up(interest_t *interest) {
    interest->listeners_count = 0;
    interest->wire_forms = 0;
    for (const subscriber_t *each = interest->subscribers; each; each = each->hh.next) {
        if (each->state != SUBSCRIBER_DETACHED && each->all) {
            interest->wire_forms |= each->wire_forms;
        }
        interest->listeners_count += is_listener(each);
    }
}

/* The one place where a subscriber's state changes. */
static void enter(interest_t *interest, subscriber_t *subscriber, subscriber_state state) {
    subscriber->state = state;
    subscriber->last_number = 0;
    sum_up(interest);
}

bool interest_set(interest_t *interest, subscriber_t *subscriber, uint64_t generation, bool all,
                  uint32_t wire_forms, log_position seen) {
    if (generation <= subscriber->generation) {
        return false;
    }
    subscriber->generation = generation;
    subscriber->all = all;
    subscriber->wire_forms = wire_forms;
    subscriber->seen = seen;
    enter(interest, subscriber, all ? SUBSCRIBER_AWAITING : SUBSCRIBER_ATTACHED);
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

subscriber_t *interest_next_listener(interest_t *interest, subscriber_t *previous) {
    for (subscriber_t *each = previous ? previous->hh.next : interest->subscribers; each;
         each = each->hh.next) {
        if (is_listener(each)) {
            return each;
        }
    }
    return NULL;
}

size_t interest_forget_silent(interest_t *interest, uint64_t now_ms, uint64_t silence_ms) {
    size_t forgotten_count = 0;
    subscriber_t *each;
    subscriber_t *next;
    HASH_ITER(hh, interest->subscribers, each, next) {
        if (now_ms > each->heard_at_ms && now_ms - each->heard_at_ms > silence_ms) {
            HASH_DEL(interest->subscribers, each);
            free(each);
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
