/* fault - named points where test builds (-DZPRESENCE_FAULTS) can make things go wrong; in release builds
 * every point is `false` at compile time. Armed by POST /faults/<name>?times=N on the admin endpoint (N < 0:
 * for ever, 0: disarm) or by FAULTS=name:times,... in the environment at start; GET /faults tells how often
 * each has misbehaved. To add a point: a row in FAULT_POINTS, FAULT(id) where it bites, a test that arms it.
 */
#ifndef ZP_RUNTIME_FAULT_H
#define ZP_RUNTIME_FAULT_H

#include "common/base/str_view.h"
#include <stdbool.h>

#define FAULT_POINTS(X)                                                                                      \
    X(DROP_PUB, "drop-pub")         /* presence-core: a broadcast of transitions is not sent */              \
    X(AFTER_SCRIPT, "after-script") /* presence-core: dies between a script and its effects */               \
    X(AFTER_TICK, "after-tick")     /* presence-core: dies between a tick and what it ended */               \
    X(BEFORE_ACK, "before-ack")     /* presence-core: dies between a broadcast and the acknowledgement */    \
    X(AFTER_EPOCH, "after-epoch")   /* presence-core: dies when it has begun a new epoch */                  \
    X(DROP_ACK, "drop-ack")         /* presence-core: an acknowledgement is not sent */                      \
    X(DELAY_ACK, "delay-ack")       /* presence-core: it is sent late: the edge has sent again */            \
    X(NO_SWEEP, "no-sweep")         /* presence-core: ticks end and suspend nobody */                        \
    X(NO_SETTLING, "no-settling")   /* presence-core: takes that a user left as it comes */                  \
    X(NO_VOIDING, "no-voiding")     /* presence-core: believes of who left whatever its edge has given up */ \
    X(NO_RESEND, "no-resend")       /* ws-edge: what is not acknowledged is not sent again */                \
    X(NO_PASSING_OVER, "no-passing-over") /* ws-edge: waits for a silent core although others live */        \
    X(DUP_BATCH, "dup-batch")             /* ws-edge: statements arrive again, late, by any core */          \
    X(SKIP_CLOSE, "skip-close")           /* ws-edge: that a client has gone is not noticed by reading */    \
    X(AFTER_JOIN, "after-join")           /* ws-edge: dies between its lease and its first statement */      \
    X(NO_TOUCH, "no-touch")               /* ws-edge: signs of life are not told to the core */              \
    X(NO_LIVENESS, "no-liveness")         /* ws-edge: silent sockets are not closed */                       \
    X(DROP_KICKS, "drop-kicks")           /* ws-edge: does not hear which connections have to go */          \
    X(NO_ANNOUNCE, "no-announce")       /* ws-edge, http-api: a new incarnation, or epoch, is told nobody */ \
    X(NO_GAP_REPAIR, "no-gap-repair")   /* fanout: gaps are skipped instead of repaired */                   \
    X(BEFORE_UPDATES, "before-updates") /* fanout: dies between receiving and sending */                     \
    X(DROP_UPDATES, "drop-updates")     /* fanout: a subscriber's updates are numbered, and not sent */      \
    X(DROP_WATCHES, "drop-watches")     /* ws-edge: whom it names is numbered, and not sent to the fanout */ \
    X(NO_RESYNC, "no-resync")           /* ws-edge, http-api: a fanout that came back hears no interest */

typedef enum fault_point {
#define X(id, name) FAULT_##id,
    FAULT_POINTS(X)
#undef X
        FAULT_POINTS_COUNT
} fault_point;

#ifdef ZPRESENCE_FAULTS
/* From FAULTS. Unknown names are an error line and false. */
bool fault_init(void);
bool fault_arm(str_view name, long times);
bool fault_hit(fault_point point); /* true: misbehave now; counts down */
/* {"<name>": {"times": <left>, "hits": <so far>}, ...}; the caller frees it. NULL: memory is out. */
char *fault_dup_report(void);
#define FAULT(id) fault_hit(FAULT_##id)
#else
#define FAULT(id) false
#endif

#endif
