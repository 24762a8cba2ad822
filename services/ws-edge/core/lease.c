#include "services/ws-edge/core/lease.h"

#include <assert.h>
#include <string.h>

static void change_state(lease_t *lease, lease_state state) {
    lease->state = state;
}

void lease_ask(lease_t *lease, const char fresh[INCARNATION_BYTES]) {
    assert(lease->state == LEASE_NONE);
    memcpy(lease->incarnation, fresh, INCARNATION_BYTES);
    change_state(lease, LEASE_JOINING);
}

void lease_granted(lease_t *lease, uint64_t epoch) {
    assert(lease->state == LEASE_JOINING);
    lease->epoch = epoch;
    change_state(lease, LEASE_HELD);
}

void lease_lost(lease_t *lease) {
    switch (lease->state) {
    case LEASE_HELD:
        memcpy(lease->replaces, lease->incarnation, INCARNATION_BYTES);
        change_state(lease, LEASE_NONE);
        break;
    case LEASE_JOINING:
        change_state(lease, LEASE_NONE);
        break;
    case LEASE_NONE:
    case LEASE_LEAVING:
    case LEASE_LEFT:
        break;
    }
}

void lease_leave(lease_t *lease) {
    change_state(lease, LEASE_LEAVING);
}

void lease_left(lease_t *lease) {
    change_state(lease, LEASE_LEFT);
}

void lease_announced(lease_t *lease) {
    lease->replaces[0] = '\0';
}

bool lease_is_outdated(const lease_t *lease, uint64_t epoch) {
    return lease->state == LEASE_HELD && epoch > lease->epoch;
}
