/* system_watch - asks a core every BEAT_INTERVAL_MS what runs, and keeps the last answer for /health and the
 * first page, so that neither ever waits. Owns: its timer, the last answer. Borrows: core link, process.
 * Threads: the loop's. */
#ifndef ZP_HTTP_API_SYSTEM_WATCH_H
#define ZP_HTTP_API_SYSTEM_WATCH_H

#include "services/http-api/core/system_view.h"
#include "services/http-api/core_link.h"

typedef struct system_watch system_watch_t;

ZP_MUST_CHECK zp_error system_watch_new(system_watch_t **ret_watch, const process_t *process,
                                        core_link_t *cores);
/* After the core link, which calls back until then. */
void system_watch_destroy(system_watch_t **watch);

/* What is known now. Rows and texts live until the next call, or the next turn of the loop. */
void system_watch_view(system_watch_t *watch, system_view *ret_view);

#endif
