#include "common/bus/bus_arrows.h"

typedef struct arrow {
    const char *tag;
    unsigned comers;
    process_kind host;
    bool published;
} arrow;

static const arrow ARROWS[] = {
#define X(tag, comers, host, published) {tag, comers, host, published},
    BUS_ARROWS(X)
#undef X
};

enum { ARROWS_COUNT = sizeof ARROWS / sizeof *ARROWS };

unsigned bus_arrows_comers(process_kind host, bool published) {
    unsigned comers = 0;
    for (size_t i = 0; i < ARROWS_COUNT; i++) {
        comers |= ARROWS[i].host == host && ARROWS[i].published == published ? ARROWS[i].comers : 0;
    }
    return comers;
}

bool bus_arrows_allow(process_kind host, process_kind comer, str_view tag) {
    for (size_t i = 0; i < ARROWS_COUNT; i++) {
        if (ARROWS[i].host == host && !ARROWS[i].published && (ARROWS[i].comers & comer) &&
            str_view_equal(tag, str_view_of(ARROWS[i].tag))) {
            return true;
        }
    }
    return false;
}

process_kind bus_arrows_host(str_view tag) {
    for (size_t i = 0; i < ARROWS_COUNT; i++) {
        if (str_view_equal(tag, str_view_of(ARROWS[i].tag))) {
            return ARROWS[i].host;
        }
    }
    return 0;
}

unsigned bus_arrows_peers_of(process_kind kind) {
    unsigned peers = bus_arrows_comers(kind, false) | bus_arrows_comers(kind, true);
    for (size_t i = 0; i < ARROWS_COUNT; i++) {
        peers |= ARROWS[i].comers & kind ? ARROWS[i].host : 0;
    }
    return peers;
}
