/* ticker - makes service time pass: every CLOCK_TICK_MS one tick to one live core, and at once again while
 * the core says that more is due. At most one tick is waited for. One that is not answered within
 * TICK_TIMEOUT_MS, or whose core died, is forgotten: the next one takes its place (a tick repeated, or lost,
 * does no harm), at another core where one lives. Owns: its timer. Borrows: core link, config, metrics.
 * Threads: the loop's. Units: milliseconds, monotonic. */
#ifndef ZP_EXPIRY_WATCHER_TICKER_H
#define ZP_EXPIRY_WATCHER_TICKER_H

#include "common/bus/bus_socket.h"
#include "proto/watcher_core.pb-c.h"
#include "services/expiry-watcher/core_link.h"

typedef struct ticker ticker_t;

ZP_MUST_CHECK zp_error ticker_new(ticker_t **ret_ticker, const bus_context *bus, core_link_t *cores);
void ticker_destroy(ticker_t **ticker);

/* From the core link. */
void ticker_on_reply(ticker_t *ticker, const Zp__TickReply *reply);
void ticker_on_lost(ticker_t *ticker);

/* Why service time does not pass by this watcher, in words; NULL where it does. */
const char *ticker_trouble(const ticker_t *ticker);

#endif
