/* scrape - fetches a text from the admin endpoints of many processes at once, on the loop, by libcurl. Each
 * has so long and may be so large; who does not answer holds nobody up, and is told as one who did not.
 * Owns: the connections, what came. Threads: the loop's. */
#ifndef ZP_HTTP_API_SCRAPE_H
#define ZP_HTTP_API_SCRAPE_H

#include "common/base/error.h"
#include "common/base/str_view.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { SCRAPED_MAX_BYTES = 1048576, SCRAPES_AT_ONCE = 64, SCRAPE_TARGET_BYTES = 192 };

/* One process, and in the end what came of it. */
typedef struct scrape_target {
    char name[SCRAPE_TARGET_BYTES];
    char address[SCRAPE_TARGET_BYTES]; /* host:port */
    bool up;
    uint64_t took_ms;
    str_view text; /* where it is up; lives until on_done returns */
} scrape_target;

typedef struct scrape scrape_t;

/* Called once; `targets` are the scrape's, in the order in which they were given. */
typedef void scrape_done_fn(void *context, const scrape_target *targets, size_t targets_count);

ZP_MUST_CHECK zp_error scrape_new(scrape_t **ret_scrape, uv_loop_t *loop, uint64_t timeout_ms);
/* A run under way ends without a call. */
void scrape_destroy(scrape_t **scrape);

bool scrape_is_running(const scrape_t *scrape);

/* GET `path` of each. `targets` (name and address filled) is taken, heap or NULL with count 0, also where it
 * fails. on_done is never called from within. ZP_FULL: one is running. */
ZP_MUST_CHECK zp_error scrape_run(scrape_t *scrape, scrape_target *targets, size_t targets_count,
                                  const char *path, scrape_done_fn *on_done, void *context);

#endif
