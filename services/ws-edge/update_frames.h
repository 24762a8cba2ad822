/* update_frames - tells the audience of a change, in every wire form that it uses: as the fanout encoded it
 * where it did. Owns: nothing. Borrows: the audience. Threads: the loop's. */
#ifndef ZP_WS_EDGE_UPDATE_FRAMES_H
#define ZP_WS_EDGE_UPDATE_FRAMES_H

#include "common/presence/watch_view.h"
#include "proto/subscriber_fanout.pb-c.h"
#include "services/ws-edge/audience.h"

/* `given`: what the fanout encoded of this very change, or NULL. */
void update_frames_tell(audience_t *audience, const watch_change *change, const Zp__Update *given);

#endif
