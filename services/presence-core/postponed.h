/* postponed - a message in which somebody leaves an edge waits until what was said before it has been
 * applied: for LEAVE_SETTLE_MS, in which this core reads what had arrived, and until Redis has answered what
 * it was asked after the message came, so that other cores have been served too. Whoever changes edges opens
 * the new connection first, so that they came was said before that they left; but a core that stood still
 * knows no order between two edges, and a Redis that did none between two cores. A message may be applied
 * late: its statements are numbered. Bounded: what is beyond is applied as it comes. Owns: copies of the
 * messages. Borrows: the router, the keeper. Threads: the loop's. */
#ifndef ZP_PRESENCE_CORE_POSTPONED_H
#define ZP_PRESENCE_CORE_POSTPONED_H

#include "services/presence-core/epoch_keeper.h"
#include "services/presence-core/router.h"

typedef struct postponed postponed_t;

ZP_MUST_CHECK zp_error postponed_new(postponed_t **ret_postponed, const bus_context *bus,
                                     epoch_keeper_t *keeper, router_receive_fn *receive);
void postponed_destroy(postponed_t **postponed);

/* True: `question` has been copied, and is handed to `receive` later, as one that has waited; or is forgotten
 * where the router stops reading (its edge says it again). False: go on with it now. */
bool postponed_take(postponed_t *postponed, const question_t *question);

#endif
