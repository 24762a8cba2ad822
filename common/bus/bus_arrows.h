/* bus_arrows - which kind of process may connect to which, and what it may say there: the picture of
 * ARCHITECTURE.md as a table, which is what the keys of BUS_SECURITY are held to. Pure. Threads: any. */
#ifndef ZP_BUS_BUS_ARROWS_H
#define ZP_BUS_BUS_ARROWS_H

#include "common/base/str_view.h"
#include "common/config/config.h"

/* X(tag, comers, host, published): `comers` (kinds, or-ed) connect to the ROUTER of `host` and say `tag`
 * there, or, where it is published, hear it from its PUB. */
#define BUS_ARROWS(X)                                                                                        \
    X("edge-core/1", EDGE, CORE, false)                                                                      \
    X("watcher-core/1", WATCHER, CORE, false)                                                                \
    X("fanout-core/1", FANOUT, CORE, false)                                                                  \
    X("api-core/1", API, CORE, false)                                                                        \
    X("core-fanout/1", FANOUT, CORE, true)                                                                   \
    X("subscriber-fanout/1", EDGE | API, FANOUT, false)

/* Who may connect to the ROUTER of `host`, or to its PUB: kinds, or-ed. */
unsigned bus_arrows_comers(process_kind host, bool published);

/* Whether `comer` may say `tag` to the ROUTER of `host`. A tag that is no arrow's may be said by nobody. */
bool bus_arrows_allow(process_kind host, process_kind comer, str_view tag);

/* To whom `tag` is said; 0: it is no arrow's. */
process_kind bus_arrows_host(str_view tag);

/* Whom `kind` connects to, and who connects to it: kinds, or-ed. */
unsigned bus_arrows_peers_of(process_kind kind);

#endif
