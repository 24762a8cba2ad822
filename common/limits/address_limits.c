#include "common/limits/address_limits.h"

#include "common/base/hash_table.h"
#include "common/base/ring.h"
#include "common/limits/rate_limit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FORGOTTEN_PER_CALL = 2, /* more than a call can add, so that a storm's memory goes as the next come */
    IPV4_IN_IPV6_BYTES = 12,
    BITS_PER_BYTE = 8,
};

static const client_network ipv4_prefix = (client_network)0xffff << 32;

struct limited_address {
    UT_hash_handle hh;
    client_network network;
    rate_bucket bucket;
    size_t sockets_count;
    ring link; /* in `idle` while it has no sockets, the longest unheard first */
};

struct address_limits {
    limited_address_t *addresses; /* uthash by network */
    rate_limit rate;
    size_t sockets_max, idle_max, idle_count;
    uint64_t forgotten_count;
    ring idle;
};

static client_network number_of(const uint8_t *bytes, size_t bytes_count) {
    client_network number = 0;
    for (size_t i = 0; i < bytes_count; i++) {
        number = number << BITS_PER_BYTE | bytes[i];
    }
    return number;
}

client_network client_network_of_ip(const ip_address *address) {
    return ip_address_is_ipv4(address) ? ipv4_prefix | number_of(address->bytes + IPV4_IN_IPV6_BYTES, 4)
                                       : number_of(address->bytes, sizeof(client_network));
}

client_network client_network_of(const struct sockaddr *address) {
    ip_address ip;
    return ip_address_of(address, &ip) ? client_network_of_ip(&ip) : 0;
}

const char *client_network_text(client_network network, char out[NETWORK_TEXT_BYTES]) {
    static const uint8_t ipv4_in_ipv6[IPV4_IN_IPV6_BYTES] = {[10] = 0xff, [11] = 0xff};
    bool is_ipv4 = network >> 32 == ipv4_prefix >> 32;
    size_t first = is_ipv4 ? IPV4_IN_IPV6_BYTES : 0;
    size_t count = is_ipv4 ? sizeof(uint32_t) : sizeof network;
    ip_address address = {.bytes = {0}};
    memcpy(address.bytes, ipv4_in_ipv6, is_ipv4 ? sizeof ipv4_in_ipv6 : 0);
    for (size_t i = count; i > 0; i--, network >>= BITS_PER_BYTE) {
        address.bytes[first + i - 1] = (uint8_t)network;
    }
    char text[IP_TEXT_BYTES];
    (void)snprintf(out, NETWORK_TEXT_BYTES, "%s%s", ip_address_text(&address, text), is_ipv4 ? "" : "/64");
    return out;
}

address_limits_t *address_limits_new(uint32_t per_second, size_t sockets_max, size_t idle_max) {
    address_limits_t *limits = calloc(1, sizeof *limits);
    if (limits) {
        limits->rate = rate_limit_of(per_second, per_second);
        limits->sockets_max = sockets_max;
        limits->idle_max = idle_max;
        ring_init(&limits->idle);
    }
    return limits;
}

static limited_address_t *find(const address_limits_t *limits, client_network network) {
    limited_address_t *address = NULL;
    HASH_FIND(hh, limits->addresses, &network, sizeof network, address);
    return address;
}

/* It has no sockets, and is in `idle`. */
static void forget(address_limits_t *limits, limited_address_t *address) {
    assert(address->sockets_count == 0);
    ring_remove(&address->link);
    limits->idle_count--;
    HASH_DEL(limits->addresses, address);
    free(address);
}

static limited_address_t *longest_unheard(const address_limits_t *limits) {
    return ring_is_empty(&limits->idle) ? NULL : RING_OWNER(limits->idle.next, limited_address_t, link);
}

/* Those of whom nothing need be remembered. */
static void forget_some(address_limits_t *limits, uint64_t now_ms) {
    for (int i = 0; i < FORGOTTEN_PER_CALL; i++) {
        limited_address_t *address = longest_unheard(limits);
        if (!address || !rate_bucket_is_full(&address->bucket, now_ms)) {
            return;
        }
        forget(limits, address);
    }
}

static void set_idle(address_limits_t *limits, limited_address_t *address, bool idle) {
    if (ring_is_in_list(&address->link)) {
        ring_remove(&address->link);
        limits->idle_count--;
    }
    if (idle) {
        ring_append(&limits->idle, &address->link);
        limits->idle_count++;
    }
}

static void make_room(address_limits_t *limits) {
    if (limits->idle_count >= limits->idle_max) {
        limits->forgotten_count++;
        forget(limits, longest_unheard(limits));
    }
}

/* In `idle`, as the one heard last; NULL: out of memory. */
static limited_address_t *add(address_limits_t *limits, client_network network) {
    make_room(limits);
    limited_address_t *address = calloc(1, sizeof *address);
    if (!address) {
        return NULL;
    }
    address->network = network;
    HASH_ADD(hh, limits->addresses, network, sizeof address->network, address);
    if (!address->hh.tbl) {
        free(address);
        return NULL;
    }
    set_idle(limits, address, true);
    return address;
}

void address_limits_destroy(address_limits_t **limits) {
    if (*limits) {
        for (limited_address_t *address; (address = longest_unheard(*limits));) {
            forget(*limits, address);
        }
        assert(!(*limits)->addresses);
        free(*limits);
        *limits = NULL;
    }
}

bool address_limits_take(address_limits_t *limits, client_network from, uint64_t now_ms) {
    forget_some(limits, now_ms);
    if (limits->rate.interval_us == 0) {
        return true;
    }
    limited_address_t *address = find(limits, from);
    if (!address) {
        address = add(limits, from);
    }
    if (!address) {
        return true;
    }
    if (address->sockets_count == 0) {
        set_idle(limits, address, true);
    }
    return rate_limit_take(&limits->rate, &address->bucket, 1, now_ms);
}

bool address_limits_has_room(const address_limits_t *limits, client_network from) {
    if (limits->sockets_max == 0) {
        return true;
    }
    const limited_address_t *address = find(limits, from);
    return !address || address->sockets_count < limits->sockets_max;
}

limited_address_t *address_limits_enter(address_limits_t *limits, client_network from, uint64_t now_ms) {
    forget_some(limits, now_ms);
    if (limits->sockets_max == 0) {
        return NULL;
    }
    limited_address_t *address = find(limits, from);
    if (!address) {
        address = add(limits, from);
    }
    if (address) {
        address->sockets_count++;
        set_idle(limits, address, false);
    }
    return address;
}

void address_limits_leave(address_limits_t *limits, limited_address_t *address, uint64_t now_ms) {
    if (!address) {
        return;
    }
    assert(address->sockets_count > 0);
    if (--address->sockets_count == 0) {
        make_room(limits);
        set_idle(limits, address, true);
    }
    forget_some(limits, now_ms);
}

size_t address_limits_count(const address_limits_t *limits) {
    return HASH_COUNT(limits->addresses);
}

uint64_t address_limits_forgotten_count(const address_limits_t *limits) {
    return limits->forgotten_count;
}
