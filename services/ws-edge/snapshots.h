/* snapshots - tells a client how those are whom it watches (type 32): of a list everybody, else all who are
 * not offline; page by page from the cores, one frame a page, the next page only when the client's outbox has
 * drained; SNAPSHOTS_MAX pages asked at once, beyond which clients wait their turn. Who waits for a page of a
 * list that another asked for is given it too.
 *
 *     WAITING ──its turn──> ASKED ──page──> DRAINING ──outbox empty, the last page──> SETTLING ──> end
 *        ^                    │                │
 *        └── no answer, or not now ────────────┴── outbox empty: the next page
 *
 * Changes meanwhile reach the client as 31. A page may be older than what the client has been told: then what
 * the edge's view knows is said in its place (core/watch_view.h). It may be newer than what the view has
 * reached: until the view is there (SETTLING), changes that would cancel out are sent one by one, and where
 * the view was made anew in between, the snapshot begins again. (Who watches a list needs none of that: it is
 * told by positions, core/watch_lists.h.) Owns: a snapshot for each such client. Borrows: audience, links.
 * Threads: the loop's. */
#ifndef ZP_WS_EDGE_SNAPSHOTS_H
#define ZP_WS_EDGE_SNAPSHOTS_H

#include "common/subscriber/fanout_link.h"
#include "services/ws-edge/audience.h"
#include "services/ws-edge/core_link.h"

typedef struct snapshots snapshots_t;

ZP_MUST_CHECK zp_error snapshots_new(snapshots_t **ret_snapshots, process_t *process, audience_t *audience,
                                     core_link_t *core, const fanout_link_t *fanout);
/* Every client must have left. */
void snapshots_destroy(snapshots_t **snapshots);

/* `client` has none under way. Of which kind it is depends on what the client watches now, and goes on to:
 * whoever changes that ends it. */
void snapshots_begin(snapshots_t *snapshots, edge_client *client);
/* The outbox of `client`, who has one under way, is empty. */
void snapshots_drained(snapshots_t *snapshots, edge_client *client);
/* `client`, who has one under way, has left. */
void snapshots_end(snapshots_t *snapshots, edge_client *client);

/* What came of a page that was asked for (core_link_hooks). */
void snapshots_page(snapshots_t *snapshots, uint64_t request_id, const Zp__OnlineReply *reply);

/* Likewise of a page of a watch list. */
void snapshots_statuses(snapshots_t *snapshots, uint64_t request_id, const Zp__StatusReply *reply);

size_t snapshots_count(const snapshots_t *snapshots);

#endif
