/* core - the parts of one presence-core process, as the handlers of requests see them. main.c wires them. */
#ifndef ZP_PRESENCE_CORE_CORE_H
#define ZP_PRESENCE_CORE_CORE_H

#include "common/runtime/process.h"
#include "services/presence-core/broadcaster.h"
#include "services/presence-core/epoch_keeper.h"
#include "services/presence-core/kicks.h"
#include "services/presence-core/postponed.h"
#include "services/presence-core/redis_care.h"
#include "services/presence-core/router.h"

typedef struct presence_core {
    process_t process;
    epoch_keeper_t *keeper;
    redis_care_t *care;
    broadcaster_t *broadcaster;
    router_t *router;
    postponed_t *postponed;
    kicks_t *kicks; /* NULL: DUPLICATE_LOGIN=allow */
} presence_core;

#endif
