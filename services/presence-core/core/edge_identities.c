#include "services/presence-core/core/edge_identities.h"

static struct edge_identity *find(const edge_identities *identities, str_view incarnation) {
    for (size_t i = 0; i < identities->count; i++) {
        const struct edge_identity *entry = &identities->list[i];
        if (str_view_equal(str_view_of(entry->incarnation), incarnation)) {
            return (struct edge_identity *)entry;
        }
    }
    return NULL;
}

static struct edge_identity *make_room(edge_identities *identities) {
    if (identities->count < EDGE_IDENTITIES_MAX) {
        return &identities->list[identities->count++];
    }
    struct edge_identity *oldest = &identities->list[0];
    for (size_t i = 1; i < identities->count; i++) {
        if (identities->list[i].at_ms < oldest->at_ms) {
            oldest = &identities->list[i];
        }
    }
    return oldest;
}

void edge_identities_note(edge_identities *identities, str_view incarnation, str_view identity,
                          uint64_t now_ms) {
    if (incarnation.len == 0 || incarnation.len >= EDGE_INCARNATION_BYTES || identity.len == 0 ||
        identity.len > EDGE_IDENTITY_BYTES) {
        return;
    }
    struct edge_identity *entry = find(identities, incarnation);
    if (!entry) {
        entry = make_room(identities);
        memcpy(entry->incarnation, incarnation.ptr, incarnation.len);
        entry->incarnation[incarnation.len] = '\0';
    }
    memcpy(entry->identity, identity.ptr, identity.len);
    entry->identity_bytes = (uint8_t)identity.len;
    entry->at_ms = now_ms;
}

str_view edge_identities_find(const edge_identities *identities, str_view incarnation) {
    const struct edge_identity *entry = find(identities, incarnation);
    return entry ? str_view_make(entry->identity, entry->identity_bytes) : (str_view){0};
}
